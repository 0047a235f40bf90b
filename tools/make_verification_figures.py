"""Draw the pictures of docs/verification.md: `python tools/make_verification_figures.py`."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from imagededup.verification.compare import compare
from imagededup.verification.verdict import Affine
from imagededup.verification.view import View, view_of

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "examples" / "photos"
IMAGES = ROOT / "docs" / "images"

GAP = 24
FINER = 2
"""Lines are drawn at twice the size, so that they come out smooth."""
COLOURS = ("#ffd400", "#00e5ff", "#ff5fa2", "#7dff5f", "#ffa04d", "#c9a2ff")
MARK = "#ff2d2d"
TOLERANCE = 4.0

Points = NDArray[np.float64]


def main() -> None:
    """Draw matches of a turned copy, the place of a part, and what differs in a variant."""
    temple, flower, portrait = (photograph(name) for name in ("temple", "flower", "portrait"))
    draw_matches(temple, turned(temple), IMAGES / "verification_matches.jpg")
    draw_part(flower, mirrored_detail(flower), IMAGES / "verification_part.jpg")
    with_text = photograph("portrait_text")
    draw_difference(portrait, with_text, IMAGES / "verification_variant.jpg")


def photograph(name: str) -> Image.Image:
    """One of the examples."""
    return Image.open(PHOTOS / f"{name}.jpg").convert("RGB")


def turned(picture: Image.Image) -> Image.Image:
    """The middle of the picture after a turn by 25 degrees, darker."""
    image = picture.rotate(25, Image.Resampling.BICUBIC)
    width, height = image.size
    image = image.crop((width * 0.22, height * 0.22, width * 0.78, height * 0.78))
    return ImageEnhance.Brightness(image).enhance(0.75)


def mirrored_detail(picture: Image.Image) -> Image.Image:
    """A fifth of the picture, enlarged, mirrored, in other colours."""
    width, height = picture.size
    detail = picture.crop((width * 0.3, height * 0.15, width * 0.75, height * 0.6))
    larger = ImageOps.scale(ImageOps.mirror(detail), 1.6)
    return ImageEnhance.Color(larger).enhance(0.4)


def draw_matches(left: Image.Image, right: Image.Image, path: Path) -> None:
    """Lines between the local features that match and that the map lays on each other."""
    views = view(left), view(right)
    matrix = map_between(*views)
    canvas, offsets = side_by_side(left, right)
    draw = ImageDraw.Draw(canvas)
    starts, ends = agreeing(*views, matrix)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        points = [on_canvas(start, offsets[0]), on_canvas(end, offsets[1])]
        draw.line(points, colour, width=FINER + 1)
        for x, y in points:
            draw.circle((x, y), 2.5 * FINER, outline=colour, width=FINER)
    save(canvas, path)


def draw_part(whole: Image.Image, part: Image.Image, path: Path) -> None:
    """The place of a part in its whole, its corners joined with the part's."""
    matrix = map_between(view(part), view(whole))
    canvas, offsets = side_by_side(whole, part)
    draw = ImageDraw.Draw(canvas)
    width, height = part.size
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    inside = [on_canvas(point, offsets[0]) for point in mapped(corners, matrix)]
    outside = [on_canvas(point, offsets[1]) for point in corners]
    draw.polygon(inside, outline=MARK, width=3 * FINER)
    for start, end in zip(inside, outside, strict=True):
        draw.line([start, end], MARK, width=FINER)
    save(canvas, path)


def draw_difference(left: Image.Image, right: Image.Image, path: Path) -> None:
    """The box in the right picture that holds what differs."""
    region = compare(view(left), view(right)).region
    if region is None:
        raise ValueError("the pictures do not differ")
    canvas, offsets = side_by_side(left, right)
    corners = np.array(region).reshape(2, 2) * right.size
    begin, end = (on_canvas(corner, offsets[1]) for corner in corners)
    ImageDraw.Draw(canvas).rectangle((*begin, *end), outline=MARK, width=3 * FINER)
    save(canvas, path)


def view(picture: Image.Image) -> View:
    """The picture as verification looks at it."""
    return view_of(np.asarray(picture))


def map_between(left: View, right: View) -> Affine:
    """The map that verification finds."""
    verdict = compare(left, right)
    if verdict.matrix is None:
        raise ValueError(f"the pictures are {verdict.relation}")
    return verdict.matrix


def agreeing(left: View, right: View, matrix: Affine) -> tuple[Points, Points]:
    """Places of local features, in pixels of either picture, that match where the map says."""
    matches = cv2.BFMatcher(cv2.NORM_L2, crossCheck=True).match(
        left.features.descriptors, right.features.descriptors
    )
    starts = in_pixels(left)[[match.queryIdx for match in matches]]
    ends = in_pixels(right)[[match.trainIdx for match in matches]]
    agree = np.linalg.norm(mapped(starts, matrix) - ends, axis=1) < TOLERANCE
    return starts[agree], ends[agree]


def in_pixels(view: View) -> Points:
    """Where the local features of a picture are."""
    scale = np.array(view.size) / view.grey.shape[::-1]
    return (view.features.keypoints[:, :2] + 0.5) * scale - 0.5


def mapped(points: Points, matrix: Affine) -> Points:
    """Points of one picture in the other."""
    return np.hstack([points, np.ones((len(points), 1))]) @ np.array(matrix).T


def side_by_side(left: Image.Image, right: Image.Image) -> tuple[Image.Image, tuple[Points, ...]]:
    """Both pictures, finer, and where each begins in pixels of them."""
    height = max(left.height, right.height)
    offsets = (
        np.array([0.0, (height - left.height) // 2]),
        np.array([left.width + GAP, (height - right.height) // 2]),
    )
    size = left.width + GAP + right.width, height
    canvas = Image.new("RGB", (size[0] * FINER, size[1] * FINER), "white")
    for picture, offset in zip((left, right), offsets, strict=True):
        larger = picture.resize((picture.width * FINER, picture.height * FINER))
        canvas.paste(larger, tuple((offset * FINER).astype(int).tolist()))
    return canvas, offsets


def on_canvas(point: Points, offset: Points) -> tuple[float, float]:
    """A point of a picture as a point to draw at."""
    x, y = ((point + offset) * FINER).tolist()
    return x, y


def save(canvas: Image.Image, path: Path) -> None:
    """Write the picture at its final size."""
    size = canvas.width // FINER, canvas.height // FINER
    canvas.resize(size, Image.Resampling.LANCZOS).save(path, quality=85)


if __name__ == "__main__":
    main()
