"""What a picture's brightness, contrast and sharpness come to."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from imagededup.fastdup.store.states import STATISTICS
from imagededup.images.decode import Reduction, load_with_size
from imagededup.images.measure import MEASURES, measure
from imagededup.images.resample import grey
from tests.conftest import photograph, textured


def measured(image):
    pixels = np.asarray(image)
    return dict(zip(MEASURES, measure(pixels.reshape(*pixels.shape[:2], -1)).tolist(), strict=True))


def test_the_stored_statistics_are_the_size_and_these():
    assert ("width", "height", *MEASURES) == STATISTICS


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_number_is_what_numpy_computes(mode):
    image = textured(3, (160, 160)).convert(mode)
    pixels = np.asarray(image).reshape(160, 160, -1)
    levels = grey(pixels).astype(np.float64)
    around = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:]
    dark, bright = np.sort(levels, axis=None)[[256 - 1, 25600 - 256 - 1]]
    assert measured(image) == pytest.approx(
        {
            "mean": levels.mean(),
            "stdv": levels.std(),
            "min": levels.min(),
            "max": levels.max(),
            "contrast": (bright - dark) / 255,
            "blur": (around - 4 * levels[1:-1, 1:-1]).var(),
            "unique": len(np.unique(levels)),
        }
    )


def test_one_colour():
    assert measured(Image.new("RGB", (40, 30), (255, 255, 255))) == {
        "mean": 255,
        "stdv": 0,
        "min": 255,
        "max": 255,
        "contrast": 0,
        "blur": 0,
        "unique": 1,
    }


def test_a_blurred_picture_has_less_blur_variance_and_a_dark_one_a_lower_mean():
    image = textured(5)
    assert measured(image.filter(ImageFilter.GaussianBlur(4)))["blur"] < measured(image)["blur"] / 4
    assert measured(image.point(lambda level: level // 4))["mean"] < measured(image)["mean"] / 3


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_size_is_that_of_the_whole_upright_image(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a.jpg", "a.png"):
        photograph(1, (660, 330)).save(tmp_path / name, exif=exif)
    size = (660, 330) if orientation == 1 else (330, 660)
    pixels, found = load_with_size(tmp_path / "a.jpg", Reduction(above=0, down_to=160))
    assert (found, pixels.shape[:2]) == (size, (size[1] // 2, size[0] // 2))
    assert load_with_size(tmp_path / "a.png")[1] == size
