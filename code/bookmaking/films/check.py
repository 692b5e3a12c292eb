"""Read a film back and refuse one that is not what it should be.

Source: https://ffmpeg.org/ffmpeg-filters.html#ebur128-1, the box structure of MP4 in ISO/IEC 14496-12.
"""

import re
from pathlib import Path

import numpy as np

from bookmaking.films.captions import Caption
from bookmaking.films.encode import HEIGHT, WIDTH, run_ffmpeg
from bookmaking.films.scenes import FilmError

MINUTES = {"walkthrough": (10, 15), "tour": (3, 4)}
MEGABYTES = {"walkthrough": 32, "tour": 8}  # together at most 40
LUFS, TOLERANCE = -16.0, 1.0
ALIGNED = 0.3  # seconds that a caption may be from what is heard
# Samples a second, samples in 10 ms, root mean square of full scale.
RATE, WINDOW, AUDIBLE = 16_000, 160, 0.005


def check(film: str, path: Path, captions: list[Caption], chapters: list[Caption]) -> str:
    """Return what a film measures, in one line.

    Raises
    ------
    FilmError
        With all that is wrong.
    """
    log = run_ffmpeg(
        ["-i", str(path), "-map", "0:a", "-af", "ebur128=framelog=quiet", "-f", "null", "-"], log=True
    )
    hours, minutes, seconds = map(float, re.search(r"Duration: (\d+):(\d+):([\d.]+)", log).groups())
    length = 3600 * hours + 60 * minutes + seconds
    loudness = float(re.findall(r"I:\s+(-?[\d.]+) LUFS", log)[-1])
    size = path.stat().st_size / 1e6
    late = misalignment(path, captions)
    least, most = MINUTES[film]
    faults = {
        f"it lasts {length / 60:.1f} minutes, not {least} to {most}": not least <= length / 60 <= most,
        "it is not H.264 of 1920 by 1080 pixels": not re.search(rf"Video: h264.* {WIDTH}x{HEIGHT}", log),
        "its sound is not AAC": "Audio: aac" not in log,
        f"its loudness is {loudness} LUFS": abs(loudness - LUFS) > TOLERANCE,
        f"it has {size:.1f} MB": size > MEGABYTES[film],
        "a player must load all of it before it starts": not is_fast(path),
        f"a caption is {late:.2f} s away from what is heard": late > ALIGNED,
        "its chapters do not fill it": abs(chapters[-1].end - length) > 0.1,
    }
    if wrong := [text for text, is_wrong in faults.items() if is_wrong]:
        raise FilmError(f"{film}: {'; '.join(wrong)}")
    return (
        f"{int(length) // 60}:{int(length) % 60:02} minutes, {size:.1f} MB, {loudness} LUFS, "
        f"{len(captions)} captions within {late:.2f} s"
    )


def is_fast(path: Path) -> bool:
    """Tell whether the index of an MP4 file stands before its content."""
    with path.open("rb") as file:
        while header := file.read(8):
            size, kind = int.from_bytes(header[:4]), header[4:]
            if kind in (b"moov", b"mdat"):
                return kind == b"moov"
            file.seek(size - 8, 1)
    return False


def misalignment(path: Path, captions: list[Caption]) -> float:
    """Return by how many seconds a caption begins or ends off what is heard, at most."""
    command = ["-i", str(path), "-map", "0:a", "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
    samples = np.frombuffer(run_ffmpeg(command), np.float32)
    power = np.square(samples[: samples.size // WINDOW * WINDOW].reshape(-1, WINDOW)).mean(axis=1)
    heard = np.flatnonzero(power > AUDIBLE**2) * WINDOW / RATE
    ends = [0.0, *(one.end for one in captions), np.inf]
    starts = [*(one.start for one in captions), np.inf]
    worst = 0.0
    for number, (start, end, _) in enumerate(captions):
        # What is heard around a caption, up to the middle of the silence on either side.
        low, high = (ends[number] + start) / 2, (end + starts[number + 1]) / 2
        mine = heard[(heard > low) & (heard < high)]
        if mine.size == 0:
            return np.inf
        worst = max(worst, abs(mine[0] - start), abs(mine[-1] + WINDOW / RATE - end))
    return worst
