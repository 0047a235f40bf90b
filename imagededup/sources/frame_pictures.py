"""From a decoded frame to an image file in memory, upright and uncompressed."""

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["as_ppm", "frame_picture"]


_of_thread = threading.local()
"""The converter of each thread, which is ready for frames like the one before."""


def frame_picture(frame: "VideoFrame") -> bytes:
    """A frame as the bytes of a PPM file, turned as the film says; alpha is dropped.

    More than 8 bits are scaled to 8; HDR is not tone-mapped.
    """
    from av.video.reformatter import VideoReformatter

    converter = _of_thread.__dict__.setdefault("converter", VideoReformatter())
    pixels = converter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    return as_ppm(_upright(pixels, _display_matrix(frame)))


def as_ppm(pixels: NDArray[np.uint8]) -> bytes:
    """RGB pixels of shape (h, w, 3) as the bytes of a PPM file."""
    height, width, _ = pixels.shape
    return b"".join((b"P6\n%d %d\n255\n" % (width, height), np.ascontiguousarray(pixels)))


def _display_matrix(frame: "VideoFrame") -> NDArray[np.int64]:
    """How places of the frame become places of the screen: x, y times this matrix of 2 x 2."""
    of_type: Any = frame.side_data
    try:
        values = np.frombuffer(bytes(of_type["DISPLAYMATRIX"]), np.int32)
    except KeyError:
        return np.eye(2, dtype=np.int64)
    return values[[0, 1, 3, 4]].reshape(2, 2).astype(np.int64)


def _upright(pixels: NDArray[np.uint8], matrix: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Turn and mirror; a matrix that is no multiple of 90 degrees counts as the nearest one."""
    (a, b), (c, d) = matrix.tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels = pixels.swapaxes(0, 1)
        a, d = c, b
    return pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
