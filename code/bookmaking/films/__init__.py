"""The films: scene texts in, narrated video with captions and chapters out.

Scenes are short texts in `book/films` (`scenes`). What they show comes from the modules (`source`), and from
what the chapters computed and drew (`measured`). It is put on stages (`stage`) as blocks (`blocks`,
`code_block`, `pictures`), spoken (`voice`), filmed (`render`, `encode`), kept and joined (`make`), and read
back (`check`).
Source: CONTRIBUTING.md, https://github.com/OHF-Voice/piper1-gpl (the voice), https://ffmpeg.org.
"""
