"""Captions and chapter marks as WebVTT.

Source: https://www.w3.org/TR/webvtt1/.
"""

from collections.abc import Iterable
from html import escape, unescape
from typing import NamedTuple


class Caption(NamedTuple):
    """A text and when it is shown, in seconds."""

    start: float
    end: float
    text: str


def write_vtt(captions: Iterable[Caption]) -> str:
    """Return a WebVTT file."""
    blocks = [
        f"{number}\n{_time(start)} --> {_time(end)}\n{_escaped(text)}\n"
        for number, (start, end, text) in enumerate(captions, start=1)
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def read_vtt(text: str) -> list[Caption]:
    """Read what `write_vtt` wrote."""
    captions = []
    for block in text.strip().split("\n\n")[1:]:
        _, times, content = block.split("\n")
        start, end = map(_seconds, times.split(" --> "))
        captions.append(Caption(start, end, unescape(content)))
    return captions


def _escaped(text: str) -> str:
    return escape(text, quote=False)  # with ">": an arrow would count as times


def _time(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds / 1000:06.3f}"


def _seconds(time: str) -> float:
    hours, minutes, seconds = time.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
