"""Films opened by PyAV: no file but their own, no network, no output, one thread each."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NoReturn

from imagededup.errors import UnreadableImageError
from imagededup.sources.blobs import Blob, BlobFile
from imagededup.sources.limits import limits, over_limit
from imagededup.sources.mp4_boxes import claims_too_much
from imagededup.sources.scarcity import is_scarce

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

__all__ = ["MICROSECONDS", "NEEDS_PACKAGE", "VideoFile", "as_unreadable", "microseconds"]

MICROSECONDS = 1_000_000

NEEDS_PACKAGE = "video, which needs a further package (pip install 'imagededup[video]')"

_FORMATS = "mov,matroska,avi,flv,mpegts,mpeg,mpegvideo,asf,ogg"
_BUFFER_BYTES = 2**17
_LARGEST_NUMBER = 2**31 - 1
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "none", "threads": "1"}


class VideoFile:
    """A film, of which packets are read and decoded.

    Args:
        video: The bytes.

    Raises:
        UnreadableImageError: It is no film, or there is no package that reads films.
    """

    def __init__(self, video: Blob) -> None:
        try:
            import av
        except ImportError as error:
            raise UnreadableImageError(NEEDS_PACKAGE) from error
        with as_unreadable("damaged video, or none"):
            if claims_too_much(video):
                raise UnreadableImageError("damaged video: it claims more frames than bytes")
            self.container: InputContainer = av.open(
                BlobFile(video),
                "r",
                options=_OPTIONS,
                metadata_errors="replace",
                buffer_size=_BUFFER_BYTES,
                io_open=_refuse,
            )
            self.stream = _chosen_stream(self.container)
            context = self.stream.codec_context
            context.thread_count = 1
            context.options = {"max_pixels": str(min(limits().pixels, _LARGEST_NUMBER))}
            self.time_base: Fraction = self.stream.time_base or Fraction(1, MICROSECONDS)

    def packets(self) -> Iterator["Packet[VideoStream]"]:
        """The packets from the present place on, without the empty one that PyAV adds."""
        return (packet for packet in self.container.demux(self.stream) if packet.size)

    def time(self, ticks: int) -> int:
        """A time of the film in microseconds."""
        return microseconds(ticks, self.time_base)

    def promised_frames(self) -> int:
        """How many frames the header of an MP4 or QuickTime film counts; 0 for others."""
        return self.stream.frames if self.container.format.name.startswith("mov") else 0

    def close(self) -> None:
        """Free the decoder's memory."""
        self.container.close()


def microseconds(ticks: int, time_base: Fraction) -> int:
    """Whole microseconds, rounded; all numbers are exact.

    Examples:
        >>> microseconds(1001, Fraction(1, 30000))
        33367
    """
    up, down = time_base.numerator, time_base.denominator
    return (2 * ticks * up * MICROSECONDS + down) // (2 * down)


@contextmanager
def as_unreadable(otherwise: str) -> Iterator[None]:
    """Say in one line why a file cannot be read, whatever its bytes provoke.

    Args:
        otherwise: What is said where neither memory nor the system is the reason.

    Raises:
        OSError: The process may open no more files, which is not the fault of this one.
    """
    try:
        yield
    except UnreadableImageError:
        raise
    except Exception as error:
        if is_scarce(error):
            raise
        raise UnreadableImageError(_reason(error) or otherwise) from error


def _refuse(url: str, *_: object) -> NoReturn:
    """Open no file that a film names."""
    raise OSError(f"a video may not open other files: {url}")


def _chosen_stream(container: "InputContainer") -> "VideoStream":
    """The stream that players show."""
    from av.stream import Disposition

    stream: Any = container.streams.best("video")
    if stream is None or stream.disposition & Disposition.attached_pic:
        raise UnreadableImageError("video without pictures")
    if stream.codec_context is None:
        raise UnreadableImageError("video of a kind that FFmpeg cannot decode here")
    too_large = over_limit("pixels", stream.codec_context.width * stream.codec_context.height)
    if too_large:
        raise UnreadableImageError(too_large)
    chosen: VideoStream = stream
    return chosen


def _reason(error: Exception) -> str | None:
    if isinstance(error, MemoryError):
        return "too large for the memory"
    if isinstance(error, OSError) and not type(error).__module__.startswith("av."):
        return (error.strerror or str(error)).lower()
    return None
