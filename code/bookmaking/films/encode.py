"""Frames and samples to H.264 and AAC, by the ffmpeg that imageio-ffmpeg brings.

Only frames that differ are sent; ffmpeg repeats each until the next one is due.
Source: https://ffmpeg.org/ffmpeg-filters.html (setpts, fps), https://trac.ffmpeg.org/wiki/Encode/H.264.
"""

import subprocess
import tempfile
import wave
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import imageio_ffmpeg
import numpy as np

WIDTH, HEIGHT, FPS = 1920, 1080, 15  # a frame has 1,470 of the voice's samples
# Most frames repeat the one before, and a B-frame that repeats costs next to nothing.
X264 = "bframes=16:b-adapt=0:rc-lookahead=20:subme=1:me=dia:weightp=0:ref=1"


def run_ffmpeg(arguments: list[str], sent: bytes = b"", log: bool = False) -> bytes | str:
    """Run ffmpeg to its end; return what it writes to its output, or with `log` what it tells."""
    level = "info" if log else "error"
    result = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-loglevel", level, "-y", *arguments],
        input=sent,
        capture_output=True,
    )
    if result.returncode:
        raise RuntimeError(f"ffmpeg failed:\n{result.stderr.decode(errors='replace')}")
    return result.stderr.decode() if log else result.stdout


def encode_frames(path: Path, times: list[int], frames: Iterable[bytes], count: int) -> None:
    """Encode a silent video.

    Parameters
    ----------
    times
        At which of `count` frames each picture appears, from 0 and increasing.
    frames
        The pictures, RGB, as many as `times`; the last one stays until the end.
    """
    # A picture's place in time is its number plus all the places that pictures before it were held. Runs of
    # equal steps share a term, since ffmpeg does not take very many.
    place, number = "N", 0
    for step, run in groupby(np.diff(times)):
        length = len(list(run))
        if step > 1:
            place += f"+{step - 1}*clip(N-{number}\\,0\\,{length})"
        number += length
    process = subprocess.Popen(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-"),
            "-vf",
            f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setpts=({place})/{FPS}/TB,fps={FPS},"
            f"tpad=stop_mode=clone:stop={count}",
            *("-frames:v", str(count), "-c:v", "libx264", "-preset", "veryfast", "-crf", "23"),
            *("-x264-params", X264, "-g", str(20 * FPS), "-threads", "1"),
            *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
            *("-video_track_timescale", str(FPS * 512), str(path)),
        ],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        for frame in frames:
            process.stdin.write(frame)
    except BrokenPipeError:  # ffmpeg has stopped, and says why below
        pass
    _, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(f"ffmpeg failed:\n{errors.decode(errors='replace')}")


def join(scenes: list[Path], samples: np.ndarray, rate: int, marks: str, path: Path) -> None:
    """Lay silent videos end to end, unchanged, and put the sound and the chapter marks beside them.

    Parameters
    ----------
    marks
        Title and chapters in ffmpeg's own format: https://ffmpeg.org/ffmpeg-formats.html#Metadata-2.
    """
    with tempfile.TemporaryDirectory() as folder:
        listing, sound, notes = (Path(folder, name) for name in ("scenes.txt", "sound.wav", "marks.txt"))
        names = [str(scene.resolve()).replace("'", r"'\''") for scene in scenes]
        listing.write_text("".join(f"file '{name}'\n" for name in names), "utf-8")
        notes.write_text(marks, "utf-8")
        with wave.open(str(sound), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes((samples * 32767).astype("<i2").tobytes())
        run_ffmpeg(
            [
                *("-f", "concat", "-safe", "0", "-i", str(listing), "-i", str(sound), "-i", str(notes)),
                *("-map", "0:v", "-map", "1:a", "-map_metadata", "2", "-map_chapters", "2"),
                *("-c:v", "copy", "-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart"),
                str(path),
            ]
        )
