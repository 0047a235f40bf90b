"""Random edits of pictures, for training: what happens to copies on their way."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Generator = np.random.Generator
Edit = Callable[[Image.Image, Generator], Image.Image]
Colour = tuple[int, int, int]

_BICUBIC = Image.Resampling.BICUBIC
_SMALLEST_SIDE = 8


def _colour(random: Generator) -> Colour:
    if random.random() < 0.5:
        shade = int(random.choice([0, 255]))
        return shade, shade, shade
    red, green, blue = (int(value) for value in random.integers(0, 256, 3))
    return red, green, blue


def _resized(image: Image.Image, width: float, height: float) -> Image.Image:
    size = max(_SMALLEST_SIDE, round(width)), max(_SMALLEST_SIDE, round(height))
    return image.resize(size, _BICUBIC)


def rescale(image: Image.Image, random: Generator) -> Image.Image:
    """Resize to between a sixth and the whole of the size."""
    factor = np.exp(random.uniform(np.log(1 / 6), 0))
    return _resized(image, image.width * factor, image.height * factor)


def thumbnail(image: Image.Image, random: Generator) -> Image.Image:
    """Resize to between a seventh and a third of the size."""
    factor = random.uniform(1 / 7, 1 / 3)
    return _resized(image, image.width * factor, image.height * factor)


def aspect(image: Image.Image, random: Generator) -> Image.Image:
    """Make the width or the height smaller, down to 55 percent."""
    factor = random.uniform(0.55, 0.9)
    if random.random() < 0.5:
        return _resized(image, image.width * factor, image.height)
    return _resized(image, image.width, image.height * factor)


def jpeg(image: Image.Image, random: Generator) -> Image.Image:
    """Compress as JPEG with quality 5 to 60."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=int(random.integers(5, 61)))
    return Image.open(stream).convert("RGB")


def crop(image: Image.Image, random: Generator) -> Image.Image:
    """Keep 35 to 95 percent of the area, anywhere."""
    area, stretch = random.uniform(0.35, 0.95), np.exp(random.uniform(-0.15, 0.15))
    width = min(image.width, round(image.width * np.sqrt(area) * stretch))
    height = min(image.height, round(image.height * np.sqrt(area) / stretch))
    left = int(random.integers(0, image.width - width + 1))
    top = int(random.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def rotate(image: Image.Image, random: Generator) -> Image.Image:
    """Rotate by up to 25 degrees, with or without room for the corners."""
    angle, expand = random.uniform(-25, 25), bool(random.random() < 0.5)
    return image.rotate(angle, _BICUBIC, expand=expand, fillcolor=_colour(random))


def turn(image: Image.Image, random: Generator) -> Image.Image:
    """Turn by 90, 180 or 270 degrees, or by 90 or 270 degrees and mirror, half as often."""
    turns = [
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_180,
        Image.Transpose.ROTATE_270,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.TRANSVERSE,
    ]
    return image.transpose(turns[int(random.choice(5, p=[0.25, 0.25, 0.25, 0.125, 0.125]))])


def mirror(image: Image.Image, random: Generator) -> Image.Image:
    """Mirror left to right, or sometimes upside down."""
    return ImageOps.mirror(image) if random.random() < 0.85 else ImageOps.flip(image)


def brightness(image: Image.Image, random: Generator) -> Image.Image:
    """Multiply the brightness by 0.4 to 1.9."""
    return ImageEnhance.Brightness(image).enhance(np.exp(random.uniform(np.log(0.4), np.log(1.9))))


def contrast(image: Image.Image, random: Generator) -> Image.Image:
    """Multiply the contrast by 0.4 to 2."""
    return ImageEnhance.Contrast(image).enhance(np.exp(random.uniform(np.log(0.4), np.log(2.0))))


def colour(image: Image.Image, random: Generator) -> Image.Image:
    """Multiply the saturation by 0 to 2.5."""
    return ImageEnhance.Color(image).enhance(random.uniform(0, 2.5))


def grey(image: Image.Image, _random: Generator) -> Image.Image:
    """Remove the colour."""
    return image.convert("L").convert("RGB")


def tint(image: Image.Image, random: Generator) -> Image.Image:
    """Multiply each colour channel by its own factor."""
    factors = random.uniform(0.6, 1.3, 3)
    return Image.fromarray(np.clip(np.asarray(image) * factors, 0, 255).astype(np.uint8))


def posterise(image: Image.Image, random: Generator) -> Image.Image:
    """Keep 2 to 4 bits of each channel."""
    return ImageOps.posterize(image, int(random.integers(2, 5)))


def blur(image: Image.Image, random: Generator) -> Image.Image:
    """Blur with a radius of 0.3 to 1.5 percent of the shorter side."""
    radius = random.uniform(0.003, 0.015) * min(image.size)
    return image.filter(ImageFilter.GaussianBlur(radius))


def noise(image: Image.Image, random: Generator) -> Image.Image:
    """Add normal noise with a deviation of 5 to 35 levels."""
    pixels = np.asarray(image, np.float32)
    pixels = pixels + random.normal(0, random.uniform(5, 35), pixels.shape).astype(np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def text(image: Image.Image, random: Generator) -> Image.Image:
    """Write one to three lines of letters over the picture."""
    image = image.copy()
    draw = ImageDraw.Draw(image)
    for _ in range(int(random.integers(1, 4))):
        letters = "".join(chr(code) for code in random.integers(33, 123, random.integers(5, 20)))
        place = random.uniform(0, 0.6) * image.width, random.uniform(0, 0.9) * image.height
        size = max(6.0, random.uniform(0.06, 0.2) * image.height)
        draw.text(place, letters, fill=_colour(random), font_size=size)
    return image


def bars(image: Image.Image, random: Generator) -> Image.Image:
    """Cover 5 to 20 percent at an edge, or a rectangle anywhere, with one colour."""
    image = image.copy()
    width, height = image.size
    share = random.uniform(0.05, 0.2)
    left, top = random.uniform(0, 0.7) * width, random.uniform(0, 0.7) * height
    boxes = [
        (0.0, 0.0, 1.0 * width, height * share),
        (0.0, height * (1 - share), 1.0 * width, 1.0 * height),
        (left, top, left + 0.3 * width, top + 0.3 * height),
    ]
    box = boxes[int(random.integers(0, len(boxes)))]
    ImageDraw.Draw(image).rectangle(box, fill=_colour(random))
    return image


def perspective(image: Image.Image, random: Generator) -> Image.Image:
    """Move each corner inwards by up to 15 percent of the sides."""
    width, height = image.size
    corners = np.array([(0, 0), (0, height), (width, height), (width, 0)], float)
    signs = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)])
    moved = corners + signs * random.uniform(0, 0.15, (4, 2)) * [width, height]
    flat = tuple(float(value) for value in moved.ravel())
    return image.transform(image.size, Image.Transform.QUAD, flat, Image.Resampling.BILINEAR)


def border(image: Image.Image, random: Generator) -> Image.Image:
    """Add a border of 2 to 20 percent of the shorter side."""
    width = max(1, round(random.uniform(0.02, 0.2) * min(image.size)))
    return ImageOps.expand(image, width, _colour(random))


# An edit named twice is drawn twice as often: most often those that change the features most.
EDITS: tuple[Edit, ...] = (
    *(rescale, rescale, thumbnail, thumbnail, jpeg, jpeg, blur, blur),
    *(crop, crop, crop, rotate, rotate, turn, turn, turn, turn, mirror, mirror, border, border),
    *(brightness, brightness, contrast, colour, grey, grey, tint, posterise, noise),
    *(text, text, bars, perspective, aspect),
)
_COUNTS = (0.4, 0.35, 0.25)


def random_copy(image: Image.Image, random: Generator) -> Image.Image:
    """Return a picture after one to three different random edits."""
    count = 1 + int(random.choice(len(_COUNTS), p=_COUNTS))
    for index in random.choice(len(EDITS), count, replace=False):
        image = EDITS[index](image, random)
    return image
