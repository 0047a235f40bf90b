"""Frames of videos as files, so that a page can link to them in full size."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from imagededup.images.decode import load_image
from imagededup.sources.addresses import is_remote, is_video, parts_of, remote_address
from imagededup.utils.files import open_atomically

__all__ = ["frame_file", "write_frame"]

_QUALITY = 90


def frame_file(frames: Path, address: Path) -> Path | None:
    """Where the file of a frame lies, by the whole address of the frame; None for other images.

    Args:
        frames: The folder of all frames.
        address: An absolute path or a URL.

    Examples:
        >>> frame_file(Path("work/frames"), Path("/films/a.mp4/000012.5s.jpg")).as_posix()
        'work/frames/films/a.mp4/000012.5s.jpg'
        >>> frame_file(Path("work/frames"), Path("/films/a.jpg"))
    """
    whole = remote_address(address) if is_remote(address) else str(address)
    containers = [container for container, _ in parts_of(whole)]
    if not containers or not is_video(containers[-1]):
        return None
    if not is_remote(address) and address.exists():
        return None
    start = "" if address.anchor == "/" else address.parts[0].rstrip(":\\/")
    return frames.joinpath(start, *address.parts[1:])


def write_frame(address: Path, file: Path) -> None:
    """Write a frame as a JPEG in full size.

    Raises:
        UnreadableImageError: It cannot be decoded.
        FileOperationError: The file cannot be written.
        OSError: Its folder cannot be made.
    """
    pixels = load_image(address)
    content = BytesIO()
    picture = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    picture.save(content, "JPEG", quality=_QUALITY)
    file.parent.mkdir(parents=True, exist_ok=True)
    with open_atomically(file, binary=True) as stream:
        stream.write(content.getvalue())
