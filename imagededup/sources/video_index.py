"""When the frames of a film are shown, and from where each can be decoded; nothing is decoded."""

from array import array
from bisect import bisect_right
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import UnreadableImageError
from imagededup.sources.blobs import Blob
from imagededup.sources.video_files import VideoFile, as_unreadable

if TYPE_CHECKING:
    from av.packet import Packet

__all__ = ["KeyPacket", "VideoIndex"]

_LONGEST = 2**60  # microseconds; more is no time


@dataclass(frozen=True, slots=True)
class KeyPacket:
    """Where decoding can begin: what tells the packet of a key frame from others.

    Attributes:
        time: Of the frame, in microseconds.
        pts: When it is shown, in the stream's units; None where the film does not say.
        dts: When it is decoded.
        place: Byte of the file; None where it is not known.
    """

    time: int
    pts: int | None
    dts: int | None
    place: int | None

    def is_at(self, packet: "Packet[Any]") -> bool:
        """Whether a packet is this one."""
        same = (packet.pts, packet.pos) == (self.pts, self.place)
        return same and (self.pts is not None or packet.dts == self.dts)

    def is_passed_by(self, packet: "Packet[Any]") -> bool:
        """Whether a packet is decoded after this one."""
        return packet.dts is not None and self.dts is not None and packet.dts > self.dts


@dataclass(frozen=True, slots=True, eq=False)
class VideoIndex:
    """The frames of a film.

    Attributes:
        origin: The time that counts as 0, in microseconds of the file.
        times: When the frames are shown, in microseconds since then, ascending; int64.
        end: When the last one is over.
        keys: Where decoding can begin, by their times since then.
        is_exact: Whether the film says of all frames when they are shown.
        damage: Why some are missing; None if all are there.
    """

    origin: int
    times: NDArray[np.int64]
    end: int
    keys: list[KeyPacket]
    is_exact: bool
    damage: str | None

    @classmethod
    def of(cls, video: Blob) -> "VideoIndex":
        """Read all packets of a film.

        Raises:
            UnreadableImageError: It is no film, there is no frame, or no time is known.
        """
        found = _Found()
        with closing(VideoFile(video)) as file, as_unreadable("damaged video"):
            damage = found.read(file)
        return found.index(damage)

    def segment(self, limit: int) -> int:
        """The number of the last key frame that is shown at a time or before."""
        return max(0, bisect_right(self.keys, limit, key=lambda key: key.time) - 1)

    def shown_at(self, limit: int) -> int:
        """The time of the frame that is shown at a time."""
        return int(self.times[max(0, int(np.searchsorted(self.times, limit, "right")) - 1)])


class _Found:
    """What the packets of a film say of its frames, in microseconds of the file."""

    def __init__(self) -> None:
        self._times = array("q")
        self._durations = array("q")
        self._keys: list[KeyPacket] = []
        self._first: list[KeyPacket] = []
        self._packets = 0
        self._exact = True

    def read(self, file: VideoFile) -> str | None:
        """Read all packets; why some are missing, None if all are there."""
        import av

        try:
            for packet in file.packets():
                self._add(packet, file)
        except av.error.FFmpegError:
            return f"damaged video: only {self._packets:,} frames can be read"
        promised = file.promised_frames()
        if self._packets < promised:
            return f"damaged video: only {self._packets:,} of {promised:,} frames are there"
        return None

    def _add(self, packet: "Packet[Any]", file: VideoFile) -> None:
        self._packets += 1
        self._exact &= packet.pts is not None
        ticks = packet.dts if packet.pts is None else packet.pts
        if ticks is None:
            return
        time = _checked(file.time(ticks))
        if packet.is_keyframe or not self._first:
            key = KeyPacket(time, packet.pts, packet.dts, packet.pos)
            self._first = self._first or [key]
            self._keys += [key] if packet.is_keyframe else []
        if not packet.is_discard:
            self._times.append(time)
            self._durations.append(min(_LONGEST, max(0, file.time(packet.duration or 0))))

    def index(self, damage: str | None) -> VideoIndex:
        """Leave out what is shown before the first key frame, for it cannot be decoded."""
        keys = self._keys or self._first
        times, durations = np.array(self._times), np.array(self._durations)
        kept = times >= keys[0].time if keys else np.zeros(len(times), bool)
        if not kept.any():
            raise UnreadableImageError("video without frames")
        origin = int(times[kept].min())
        end = int((times[kept] + durations[kept]).max()) - origin
        of_time = {key.time - origin: key for key in reversed(keys) if key.time >= keys[0].time}
        moved = [replace(of_time[time], time=time) for time in sorted(of_time)]
        shown = np.unique(times[kept] - origin)
        return VideoIndex(origin, shown, end, moved, self._exact, damage)


def _checked(time: int) -> int:
    if abs(time) > _LONGEST:
        raise UnreadableImageError("damaged video: a frame has an impossible time")
    return time
