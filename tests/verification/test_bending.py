"""Pictures that lie on each other but are bent: another photograph of the same thing."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from imagededup.verification import Relation
from imagededup.verification.agreement import laid_on
from imagededup.verification.bending import bend_of
from imagededup.verification.compare import compare
from imagededup.verification.view import view_of
from tests.conftest import textured

SIZE = WIDTH, HEIGHT = 480, 360
AFFINE = np.eye(2, 3)


@pytest.fixture(scope="module")
def picture():
    return np.asarray(textured(3, SIZE).filter(ImageFilter.GaussianBlur(1)).convert("RGB"))


def bent(pixels, by):
    """The picture with the middle of its upper edge and of its lower one moved apart by pixels."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    u, v = across / WIDTH * 2 - 1, down / HEIGHT * 2 - 1
    shift = np.float32(by) * (v * v - u * u)
    return cv2.remap(pixels, across, down + shift, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def bend_between(left, right, matrix=AFFINE):
    source, target = view_of(left), view_of(right)
    return bend_of(laid_on(source.grey, target.grey, matrix), target)


def test_a_bend_is_measured_in_pixels_of_the_target(picture):
    by = 2.0
    bend = bend_between(picture, bent(picture, by))
    middle = slice(20, -20)  # the edges are not looked at
    v, u = np.meshgrid(np.linspace(-1, 1, 192)[middle], np.linspace(-1, 1, 256)[middle])
    shifts = by * 256 / WIDTH * (v * v - u * u)
    shifts -= shifts.mean()  # what an affine map does is no bend
    assert bend.size == pytest.approx(np.sqrt((shifts**2).mean()), rel=0.25)
    assert bend.share > 0.3


def test_an_affine_map_is_no_bend(picture):
    moved = cv2.warpAffine(
        picture, np.array([[1.0, 0.002, 0.6], [-0.003, 0.998, 0.4]]), SIZE, borderMode=1
    )
    assert bend_between(picture, moved).size < 0.02


def test_a_caption_is_no_bend(picture):
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).rectangle((100, 250, 380, 330), "white", "black", 6)
    bend = bend_between(picture, np.asarray(image))
    assert min(bend.size / 0.03, bend.share / 0.012) < 1


def test_little_overlap_says_nothing(picture):
    aside = np.array([[1.0, 0.0, 200.0], [0.0, 1.0, 0.0]])
    assert bend_between(picture, picture, aside) is None


@pytest.mark.parametrize(("by", "relation"), [(0.0, Relation.COPY), (2.0, Relation.VARIANT)])
def test_a_picture_photographed_again_is_a_variant(picture, by, relation):
    verdict = compare(view_of(picture), view_of(bent(picture, by)))
    assert verdict.relation is relation
    assert (verdict.score > 0.97) == (relation is Relation.COPY)
