"""Films whose frames show their numbers, made in memory."""

import io
from fractions import Fraction

import av
import numpy as np
from PIL import Image

from imagededup.sources.blobs import BytesBlob
from imagededup.sources.videos import Video

FRAMES_PER_SECOND = 25
SIZE = (160, 120)


def numbered(number, size=SIZE):
    """A picture in two grey levels that say a number below 256."""
    width, height = size
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:, : width // 2] = 16 * (number // 16) + 8
    pixels[:, width // 2 :] = 16 * (number % 16) + 8
    return pixels


def number_in(file):
    """The number that a picture shows."""
    pixels = np.asarray(Image.open(file).convert("L"), float)
    quarter = pixels.shape[1] // 4
    left, right = pixels[:, :quarter].mean(), pixels[:, -quarter:].mean()
    return int(left // 16) * 16 + int(right // 16)


def film(
    kind="mp4",
    codec="libx264",
    pictures=75,
    size=SIZE,
    pixels="yuv420p",
    key_every=12,
    times=None,
    turned=None,
    file=None,
    container_options=None,
    **options,
):
    """A film as bytes.

    Args:
        kind: Of container.
        codec: Of pictures.
        pictures: How many numbered ones, or pictures as arrays.
        size: Of each.
        pixels: Their form in the film.
        key_every: How many frames later the next key frame comes.
        times: When each is shown, in 25ths of a second; one after the other by default.
        turned: Degrees that players turn it by, against the clock.
        file: Where the film is written; in memory by default.
        container_options: Of the container.
        options: Of the encoder.
    """
    if isinstance(pictures, int):
        pictures = [numbered(number, size) for number in range(pictures)]
    with av.open(
        file or (file := io.BytesIO()), "w", format=kind, options=container_options or {}
    ) as container:
        stream = container.add_stream(codec, rate=FRAMES_PER_SECOND, options=options)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.gop_size = pixels, key_every
        stream.bit_rate = 2_000_000
        if turned is not None:
            stream.set_display_rotation(turned)
        for place, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = times[place] if times else place
            frame.time_base = Fraction(1, FRAMES_PER_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue() if isinstance(file, io.BytesIO) else file.read_bytes()


def video(content):
    """What lies within a film."""
    return Video(BytesBlob(content))


def numbers(content, rate):
    """The names of frames, and the numbers that they show."""
    opened = video(content)
    return {name: number_in(opened.open(name)) for name in opened.names(rate)}
