"""Which images stand out by their size, brightness and sharpness."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from imagededup.images.measure import MEASURES, measure
from imagededup.images.quality import FLAGS, area, flags, sharpness, stretch
from tests.conftest import textured


def columns(*images):
    """The numbers of pictures."""
    measured = np.array([measure(np.asarray(image.convert("RGB"))) for image in images])
    width, height = np.array([image.size for image in images]).T
    return {"width": width, "height": height, **dict(zip(MEASURES, measured.T, strict=True))}


def flagged(*images):
    """The flags of the first of some pictures."""
    return [name for name, found in flags(columns(*images)).items() if found[0]]


NORMAL = [textured(seed, (320, 240)) for seed in range(6)]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (NORMAL[0], []),
        (Image.new("L", (320, 240), 3), ["blank"]),
        (NORMAL[0].point(lambda level: level // 8), ["dark"]),
        (NORMAL[0].point(lambda level: 240 + level // 17), ["bright"]),
        (NORMAL[0].filter(ImageFilter.GaussianBlur(6)), ["blurred"]),
        (NORMAL[0].resize((500, 100)), ["stretched"]),
        (NORMAL[0].resize((32, 24)), ["odd size"]),
        (NORMAL[0].resize((3200, 2400)), ["odd size"]),
    ],
)
def test_flags(image, expected):
    assert flagged(image, *NORMAL) == expected


def test_flags_are_those_that_are_explained_and_no_images_have_none():
    assert list(flags(columns(*NORMAL))) == list(FLAGS)
    nothing = {name: np.empty(0) for name in ("width", "height", *MEASURES)}
    assert [found.tolist() for found in flags(nothing).values()] == [[]] * len(FLAGS)


def test_contrast_does_not_change_the_sharpness():
    faint = NORMAL[0].point(lambda level: 100 + level // 4)
    sharp, other, blank = sharpness(columns(NORMAL[0], faint, Image.new("L", (8, 8))))
    assert other == pytest.approx(sharp, rel=0.1)
    assert np.isnan(blank)


def test_sides():
    sizes = columns(Image.new("L", (90, 30)), Image.new("L", (30, 30)))
    assert stretch(sizes).tolist() == [3, 1]
    assert area(sizes).tolist() == [2700, 900]
