"""Resizing and grey are Pillow's to the bit."""

import numpy as np
import PIL
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagededup.images.resample import Filter, grey, resize, resize_by_pillow, resize_compiled

WAYS = [resize_by_pillow, resize_compiled]
PILLOW_BEFORE_13 = int(PIL.__version__.split(".")[0]) < 13
SIZES = [  # width and height, before and after
    ((64, 64), (32, 32)),
    ((300, 200), (9, 8)),
    ((200, 300), (8, 8)),
    ((511, 387), (256, 256)),
    ((5, 7), (256, 256)),
    ((31, 33), (32, 32)),
    ((32, 32), (32, 32)),
    ((32, 100), (32, 32)),
    ((100, 32), (32, 32)),
    ((1, 1), (32, 32)),
    ((1, 1), (1, 1)),
    ((1, 50), (9, 8)),
    ((50, 1), (9, 8)),
    ((50, 40), (1, 1)),
    ((3, 2000), (32, 32)),
    ((2000, 3), (32, 32)),
    ((40, 900), (256, 256)),
    ((900, 40), (256, 256)),
]


def noise(size, channels, seed=0, extremes=False):
    generator = np.random.default_rng(seed)
    shape = (size[1], size[0], channels)
    if extremes:
        return generator.choice(np.array([0, 255], np.uint8), shape)
    return generator.integers(0, 256, shape, dtype=np.uint8)


def pillow_resize(pixels, size, kernel):
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    resized = np.asarray(image.resize(size, Image.Resampling[kernel.name]))
    return resized.reshape(size[1], size[0], pixels.shape[2])


def skip_where_the_order_of_the_passes_differs(before, after):
    tall = before[1] - after[1] > 2 * max(0, before[0] - after[0])
    if PILLOW_BEFORE_13 and tall:
        pytest.skip("Pillow before 13 resizes the width first")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kernel", Filter)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_equal_to_pillow(before, after, channels, kernel, way):
    skip_where_the_order_of_the_passes_differs(before, after)
    pixels = noise(before, channels)
    np.testing.assert_array_equal(way(pixels, after, kernel), pillow_resize(pixels, after, kernel))


sides = st.integers(1, 80)


@given(
    before=st.tuples(sides, sides),
    after=st.tuples(sides, sides),
    channels=st.sampled_from([1, 3]),
    kernel=st.sampled_from(Filter),
    extremes=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_both_ways_give_the_same(before, after, channels, kernel, extremes, seed):
    """With any Pillow, and what they return can be written to; as Pillow 13 resizes at once."""
    pixels = noise(before, channels, seed, extremes)
    compiled, other = (way(pixels, after, kernel) for way in reversed(WAYS))
    np.testing.assert_array_equal(other, compiled)
    assert other.flags.writeable
    assert other.flags.c_contiguous
    if not PILLOW_BEFORE_13:
        np.testing.assert_array_equal(compiled, pillow_resize(pixels, after, kernel))


@pytest.mark.parametrize("way", WAYS)
@given(size=st.tuples(sides, sides), value=st.integers(0, 255), kernel=st.sampled_from(Filter))
def test_a_plain_image_stays_plain(way, size, value, kernel):
    plain = np.full((size[1], size[0], 3), value, np.uint8)
    assert (way(plain, (32, 32), kernel) == value).all()


@pytest.mark.parametrize("way", WAYS)
def test_overshoot_is_clipped(way):
    edge = np.zeros((1, 64, 1), np.uint8)
    edge[:, 32:] = 255
    row = way(edge, (48, 1), Filter.LANCZOS)[0, :, 0]
    assert row[:20].tolist() == [0] * 20
    assert row[28:].tolist() == [255] * 20


def test_lanczos_is_the_default():
    pixels = noise((40, 30), 3)
    np.testing.assert_array_equal(resize(pixels, (9, 8)), resize(pixels, (9, 8), Filter.LANCZOS))
    assert (resize(pixels, (9, 8)) != resize(pixels, (9, 8), Filter.BILINEAR)).any()


def test_the_argument_is_not_changed():
    pixels = noise((40, 30), 3)
    before = pixels.copy()
    resize(pixels, (9, 8))
    np.testing.assert_array_equal(pixels, before)


def test_grey_of_every_red_green_and_blue_in_steps():
    steps = np.arange(0, 256, 5, dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(len(steps), -1, 3)
    expected = np.asarray(Image.fromarray(colours).convert("L"))
    np.testing.assert_array_equal(grey(colours), expected)


def test_grey_of_known_colours():
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert grey(colours).tolist() == [[76, 150, 29, 255]]


@given(seed=st.integers(0, 1000), size=st.tuples(sides, sides))
def test_grey_is_pillows(seed, size):
    pixels = noise(size, 3, seed)
    expected = np.asarray(Image.fromarray(pixels).convert("L"))
    np.testing.assert_array_equal(grey(pixels), expected)


def test_grey_of_a_grey_image_is_its_only_channel():
    pixels = noise((5, 4), 1)
    np.testing.assert_array_equal(grey(pixels), pixels[:, :, 0])
