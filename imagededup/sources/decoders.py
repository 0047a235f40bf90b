"""Frames of films by their times, at little cost where they are asked for one after the other.

A frame is what decoding gives from the last key frame before it, whatever was decoded earlier. So
it does not depend on the order in which frames are read, or on how many threads read them.
"""

import os
import threading
from collections import deque
from collections.abc import Generator, Iterator
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


def decoded_frame(video: Blob, index: VideoIndex, limit: int) -> "VideoFrame":
    """The last frame of a film that is shown at a time or before; or the first of all.

    Args:
        video: The film. Decoders stay open for the next frames of the same object.
        index: Its frames.
        limit: Microseconds since the first frame.

    Raises:
        UnreadableImageError: It cannot be decoded.
    """
    decoder = _idle.take(video, limit) or _FilmDecoder(video, index)
    try:
        with as_unreadable("damaged video"):
            frame = decoder.frame(limit)
    except BaseException:
        decoder.close()
        raise
    _idle.give(decoder)
    return frame


class _FilmDecoder:
    """A film that is open at some place.

    Args:
        video: Its bytes.
        index: Its frames.
    """

    def __init__(self, video: Blob, index: VideoIndex) -> None:
        self.video = video
        self.thread = 0
        self.place = -1
        self._index = index
        self._file = VideoFile(video)
        self._segment = -1
        self._packets: Iterator[Packet[Any]] = iter(())
        self._is_over = False
        self._coming: deque[_Shown] = deque()
        self._shown: _Shown | None = None

    def is_before(self, limit: int) -> bool:
        """Whether the frame of a time comes by going on from here."""
        return self.place <= limit and self._segment == self._index.segment(limit)

    def frame(self, limit: int) -> "VideoFrame":
        """As `decoded_frame`."""
        if not self.is_before(limit):
            self._begin(self._index.segment(limit))
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

    def _begin(self, segment: int) -> None:
        self._segment, self._shown, self._is_over = segment, None, False
        self._coming.clear()
        self._packets = self._from_key(self._index.keys[segment])

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
        self._file = VideoFile(self.video)
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
        try:
            frames = self._file.stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            return
        for frame in frames:
            ticks = frame.dts if frame.pts is None else frame.pts
            if ticks is not None:
                time = self._file.time(ticks) - self._index.origin
                self._coming.append(_Shown(time, frame))

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

    def take(self, video: Blob, limit: int) -> _FilmDecoder | None:
        """The decoder that has the shortest way to a frame, or the one this thread had before."""
        thread = threading.get_ident()
        with self._lock:
            own = [decoder for decoder in self._decoders if decoder.video is video]
            near = [decoder for decoder in own if decoder.is_before(limit)]
            own = near or [decoder for decoder in own if decoder.thread == thread]
            if not own:
                return None
            chosen = max(own, key=lambda decoder: decoder.place)
            self._decoders.remove(chosen)
            return chosen

    def give(self, decoder: _FilmDecoder) -> None:
        """Keep a decoder for later."""
        decoder.thread = threading.get_ident()
        with self._lock:
            self._decoders.append(decoder)
            oldest = self._decoders.pop(0) if len(self._decoders) > _MOST_IDLE else None
        if oldest:
            oldest.close()


_idle = _IdleDecoders()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.forget)
