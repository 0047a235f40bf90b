"""The frames of films as images, named by their times: `film.mp4/000012.5s.jpg`.

The package PyAV reads films (the extra `video`). The frame of a time is the last one that is shown
then or before, times rounded to milliseconds; 0 is the first frame that can be decoded. A
frame that is shown for long counts once.
"""

import re
import threading
from collections.abc import Iterator
from fractions import Fraction
from io import RawIOBase
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import UnreadableImageError
from imagededup.sources.blobs import Blob, BlobFile, BytesBlob
from imagededup.sources.decoders import decoded_frame
from imagededup.sources.frame_pictures import frame_picture
from imagededup.sources.video_files import MICROSECONDS
from imagededup.sources.video_index import VideoIndex

__all__ = ["Video"]

Times = TypeVar("Times", int, NDArray[np.int64])

_NAME = re.compile(r"(\d{6,15})\.(\d{1,3})s\.jpg", re.ASCII)
_MOST_DIGITS = 3
_MILLISECOND = 1000


class Video:
    """A film whose frames are images.

    Args:
        video: Its bytes; nothing is read before names or a frame are asked for.

    Attributes:
        damage: Why not all frames have a name, once names were asked for; None if all have.
    """

    def __init__(self, video: Blob) -> None:
        self._video = video
        self._lock = threading.Lock()
        self._known: VideoIndex | None = None
        self._needed = frozenset[int]()
        self.damage: str | None = None

    def names(self, frames_per_second: float) -> list[str]:
        """The names of the frames at a rate, in the order of their times.

        Each has as many decimals as the rate needs: one at 1, 2 or 5 frames a second, two at 4,
        three where it does not come out even. Before the point stand six digits, more only in a
        film of more than eleven days; so names sort as times do.

        Args:
            frames_per_second: Above 0, at most 1000.

        Raises:
            UnreadableImageError: It is no film, or has no frame.
        """
        rate = Fraction(str(frames_per_second))
        digits = _digits(rate)
        index = self._index()
        times = list(_times(index, rate))
        self._needed = frozenset(index.shown_at(_limit(time)) for time in times)
        names = (f"{time:09}" for time in times)
        return [f"{name[:-3]}.{name[-3:][:digits]}s.jpg" for name in names]

    def open(self, name: str) -> RawIOBase:
        """A frame as an uncompressed image file in memory.

        Raises:
            UnreadableImageError: There is no frame of the name, or it cannot be decoded.
        """
        found = _NAME.fullmatch(name)
        if found is None:
            raise UnreadableImageError("no such frame: names are like 000012.5s.jpg")
        limit = _limit(int(found[1] + found[2].ljust(3, "0")))
        index = self._index()
        if limit > max(index.end, int(index.times[-1])) + MICROSECONDS:
            raise UnreadableImageError("the video ends before this time")
        needed = self._needed if index.shown_at(limit) in self._needed else None
        frame = decoded_frame(self._video, index, limit, needed)
        return BlobFile(BytesBlob(frame_picture(frame)))

    def _index(self) -> VideoIndex:
        with self._lock:
            if self._known is None:
                self._known = VideoIndex.of(self._video)
                self.damage = self._known.damage
            return self._known


def _digits(rate: Fraction) -> int:
    """How many decimals the multiples of 1 / rate have, at most three."""
    even = (digits for digits in range(1, _MOST_DIGITS) if (10**digits / rate).denominator == 1)
    return next(even, _MOST_DIGITS)


def _times(index: VideoIndex, rate: Fraction) -> Iterator[int]:
    """The multiples of 1 / rate at which there is a frame that was not there at the one before.

    In milliseconds, rounded, ascending.
    """
    shown = np.unique(_milliseconds(index.times))
    end = max(int(_milliseconds(index.end)), int(shown[-1]) + 1)
    up, down = 1000 * rate.denominator, rate.numerator
    last = -1
    for time in shown.tolist():
        number = max(0, -((1 - 2 * time) * down // (2 * up)))
        rounded = (2 * number * up + down) // (2 * down)
        if rounded != last and (rounded < end or number == 0):
            yield rounded
        last = rounded


def _limit(time: int) -> int:
    """The last microsecond that is rounded to a millisecond."""
    return time * _MILLISECOND + _MILLISECOND // 2 - 1


def _milliseconds(times: Times) -> Times:
    return (times + _MILLISECOND // 2) // _MILLISECOND
