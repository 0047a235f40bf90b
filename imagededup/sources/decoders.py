"""Frames of films by their times, at little cost where they are asked for one after the other.

A frame is what decoding gives from the last key frame before it, whatever was decoded earlier. So
it does not depend on the order in which frames are read, or on how many threads read them.
"""

import os
import threading
from collections import deque
from collections.abc import Generator, Iterator, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from imagededup.errors import UnreadableImageError
from imagededup.sources.blobs import Blob
from imagededup.sources.video_files import VideoFile, as_unreadable
from imagededup.sources.video_index import KeyPacket, VideoIndex

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

__all__ = ["decoded_frame"]

_STALE = 500_000
"""A frame that many microseconds older than the one that is meant does not stand for it."""

_MOST_IDLE = 8


class _Shown(NamedTuple):
    """A decoded frame and when it is shown, in microseconds since the first."""

    time: int
    frame: "VideoFrame"


def decoded_frame(
    video: Blob, index: VideoIndex, limit: int, needed: Set[int] | None = None
) -> "VideoFrame":
    """The last frame of a film that is shown at a time or before; or the first of all.

    Args:
        video: The film. Decoders stay open for the next frames of the same object.
        index: Its frames.
        limit: Microseconds since the first frame.
        needed: The times of all frames that are asked for; others are passed over where none builds
            on them, which saves up to half of the time. None if all may be asked for.

    Raises:
        UnreadableImageError: It cannot be decoded.
    """
    part = _FilmPart(video, index, index.segment(limit), needed)
    decoder = _idle.take(part, limit) or _FilmDecoder(part)
    try:
        with as_unreadable("damaged video"):
            frame = decoder.frame(limit)
    except BaseException:
        decoder.close()
        raise
    _idle.give(decoder)
    return frame


@dataclass(frozen=True, slots=True, eq=False)
class _FilmPart:
    """What a decoder decodes: a film from a key frame on.

    Attributes:
        video: The film.
        index: Its frames.
        key: The number of the key frame.
        needed: As of `decoded_frame`.
    """

    video: Blob
    index: VideoIndex
    key: int
    needed: Set[int] | None

    def is_same(self, other: "_FilmPart") -> bool:
        """Whether the same objects are meant."""
        same = self.video is other.video and self.needed is other.needed
        return same and self.key == other.key


class _FilmDecoder:
    """A film that is decoded from a key frame on.

    Each part of a film has a decoder of its own, for a key frame that is damaged does not make a
    decoder forget all that came before.

    Args:
        part: What is decoded.
    """

    def __init__(self, part: _FilmPart) -> None:
        self.part = part
        self.place = -1
        self._index = part.index
        self._file = VideoFile(part.video)
        self._packets = self._from_key(part.index.keys[part.key])
        self._is_over = False
        self._coming: deque[_Shown] = deque()
        self._shown: _Shown | None = None

    def frame(self, limit: int) -> "VideoFrame":
        """As `decoded_frame`; limits do not decrease."""
        self.place = limit
        wanted = self._index.shown_at(limit)
        self._go_on(limit, wanted)
        if self._shown is None and wanted == 0 and self._coming:
            return self._coming[0].frame
        if self._shown is None or self._is_stale(self._shown, wanted):
            raise UnreadableImageError("damaged video: this frame cannot be decoded")
        if self._shown.frame.is_corrupt:
            raise UnreadableImageError("damaged video: this frame is decoded in part only")
        return self._shown.frame

    def close(self) -> None:
        """Free the memory."""
        self._coming.clear()
        self._shown = None
        self._file.close()

    def _from_key(self, key: KeyPacket) -> "Iterator[Packet[Any]]":
        """The packets from a key frame on."""
        for ticks in dict.fromkeys((key.pts, key.dts)):
            if ticks is None or not self._seek(ticks):
                continue
            packets = self._file.packets()
            for packet in packets:
                if key.is_at(packet):
                    return _joined(packet, packets)
                if key.is_passed_by(packet):
                    break
        return self._searched(key)

    def _searched(self, key: KeyPacket) -> "Iterator[Packet[Any]]":
        """As `_from_key`, for films in which nothing is found by its time."""
        self._file.close()
        self._file = VideoFile(self.part.video)
        packets = self._file.packets()
        for packet in packets:
            if key.is_at(packet):
                return _joined(packet, packets)
        raise UnreadableImageError("damaged video: it reads otherwise than before")

    def _seek(self, ticks: int) -> bool:
        """Go to a key frame that is probably the one of a time; False where this cannot be."""
        import av

        try:
            self._file.container.seek(ticks, stream=self._file.stream)
        except av.error.FFmpegError:
            return False
        return True

    def _go_on(self, limit: int, wanted: int) -> None:
        """Decode up to the frame that is wanted or, where that does not come, up to a later one."""
        while not (self._index.is_exact and self._shown and self._shown.time == wanted):
            while not self._coming and not self._is_over:
                self._decode()
            if not self._coming or self._coming[0].time > limit:
                return
            self._shown = self._coming.popleft()

    def _decode(self) -> None:
        """Decode a packet; one that is damaged gives no frame."""
        import av

        packet = next(self._packets, None)
        self._is_over = packet is None
        decoder = self._file.stream.codec_context
        decoder.skip_frame = "NONREF" if packet and self._is_needless(packet) else "DEFAULT"
        try:
            frames = decoder.decode(packet)
        except av.error.FFmpegError:
            return
        for frame in frames:
            if frame.pts is not None or frame.dts is not None:
                self._coming.append(_Shown(self._time(frame), frame))

    def _is_needless(self, packet: "Packet[Any]") -> bool:
        """Whether no one asks for the frame of a packet; it is decoded if others build on it."""
        needed = self.part.needed
        return needed is not None and self._index.is_exact and self._time(packet) not in needed

    def _time(self, item: "Packet[Any] | VideoFrame") -> int:
        """When a frame is shown, in microseconds since the first."""
        ticks = item.dts if item.pts is None else item.pts
        return self._file.time(ticks or 0) - self._index.origin

    def _is_stale(self, shown: _Shown, wanted: int) -> bool:
        return self._index.is_exact and wanted - shown.time > _STALE


def _joined(
    first: "Packet[Any]", rest: "Iterator[Packet[Any]]"
) -> "Generator[Packet[Any], None, None]":
    yield first
    yield from rest


class _IdleDecoders:
    """Decoders that wait for the next frame of their film; the oldest one goes for a new one."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew; in a forked process other threads may have held the lock."""
        self._lock = threading.Lock()
        self._decoders: list[_FilmDecoder] = []

    def take(self, part: _FilmPart, limit: int) -> _FilmDecoder | None:
        """The decoder that has the shortest way to a frame."""
        with self._lock:
            near = [one for one in self._decoders if one.part.is_same(part) and one.place <= limit]
            if not near:
                return None
            chosen = max(near, key=lambda decoder: decoder.place)
            self._decoders.remove(chosen)
            return chosen

    def give(self, decoder: _FilmDecoder) -> None:
        """Keep a decoder for later."""
        with self._lock:
            self._decoders.append(decoder)
            oldest = self._decoders.pop(0) if len(self._decoders) > _MOST_IDLE else None
        if oldest:
            oldest.close()


_idle = _IdleDecoders()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.forget)
