"""What two pictures are to each other: relations, maps, scores."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from imagededup.verification import Relation, verify
from imagededup.verification.compare import compare
from imagededup.verification.geometry import fit_features, fit_frames, scaled_to
from imagededup.verification.view import View, look, view_of
from tests.conftest import textured

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"
SIZE = WIDTH, HEIGHT = 480, 360


@pytest.fixture(scope="module")
def picture():
    return textured(3, SIZE)


@pytest.fixture(scope="module")
def left(picture):
    return seen(picture)


def seen(image: Image.Image) -> View:
    return view_of(np.asarray(image.convert("RGB")))


def moved(matrix, points):
    linear = np.array(matrix)
    return np.array(points) @ linear[:, :2].T + linear[:, 2]


TURNS = {
    "as it is": (None, 0.0, False),
    "a quarter to the left": (Image.Transpose.ROTATE_90, -90.0, False),
    "a half": (Image.Transpose.ROTATE_180, 180.0, False),
    "a quarter to the right": (Image.Transpose.ROTATE_270, 90.0, False),
    "mirrored": (Image.Transpose.FLIP_LEFT_RIGHT, 0.0, True),
    "upside down": (Image.Transpose.FLIP_TOP_BOTTOM, 180.0, True),
    "transposed": (Image.Transpose.TRANSPOSE, -90.0, True),
    "transversed": (Image.Transpose.TRANSVERSE, 90.0, True),
}


@pytest.mark.parametrize("turn", list(TURNS))
def test_all_eight_orientations_are_copies(picture, left, turn):
    method, rotation, mirrored = TURNS[turn]
    verdict = compare(left, seen(picture if method is None else picture.transpose(method)))
    assert (verdict.relation, verdict.mirrored) == (Relation.COPY, mirrored)
    assert abs((verdict.rotation - rotation + 180) % 360 - 180) < 0.5
    assert verdict.scale == pytest.approx(1, abs=0.01)
    assert verdict.score > 0.99


@pytest.mark.parametrize("mirrored", [False, True])
def test_both_ways_to_a_map_agree_on_where_points_go(picture, left, mirrored):
    right = seen(ImageOps.mirror(picture) if mirrored else picture)
    places = [(20.0, 30.0), (200.0, 30.0), (100.0, 150.0)]
    last = left.grey.shape[1] - 1
    expected = np.array([(last - x if mirrored else x, y) for x, y in places])
    features = fit_features(left, right, mirrored)
    frames = fit_frames(left, right)
    assert features.inliers > 60
    assert (frames.inliers, frames.mirrored, features.mirrored) == (0, mirrored, mirrored)
    for fit in (features, frames):
        assert np.abs(moved(fit.matrix, places) - expected).max() < 1
    wrong = fit_features(left, right, not mirrored)
    assert wrong is None or wrong.inliers < 10


EDITS = {
    "smaller": lambda image: image.resize((160, 120)),
    "narrower": lambda image: image.resize((300, 360)),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.5),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.07),
    "duller": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "paler": lambda image: ImageEnhance.Color(image).enhance(0.3),
    "grey": lambda image: image.convert("L"),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
    "framed": lambda image: ImageOps.expand(image, 40, "navy"),
}


@pytest.mark.parametrize("edit", list(EDITS))
def test_a_picture_edited_as_a_whole_is_a_copy(picture, left, edit):
    verdict = compare(left, seen(EDITS[edit](picture)))
    assert verdict.relation is Relation.COPY
    assert verdict.differing < 0.001
    assert verdict.left_covered > 0.96
    assert verdict.right_covered > 0.96


def test_a_crop_is_the_part_and_its_picture_the_whole(picture, left):
    box = 120, 60, 420, 330
    verdict = compare(left, seen(picture.crop(box)))
    assert verdict.relation is Relation.PART
    assert (verdict.left_is_part, verdict.right_is_part) == (False, True)
    share = 300 * 270 / (WIDTH * HEIGHT)
    assert verdict.left_covered == pytest.approx(share, abs=0.12)
    assert verdict.right_covered > 0.96
    corners = moved(verdict.matrix, [(120, 60), (420, 330)])
    assert np.abs(corners - [(0, 0), (300, 270)]).max() < 1.5
    other_way = compare(seen(picture.crop(box)), left)
    assert (other_way.left_is_part, other_way.right_is_part) == (True, False)
    assert other_way.scale == pytest.approx(1 / verdict.scale, rel=0.01)


def test_a_small_turn_is_measured(picture, left):
    verdict = compare(left, seen(picture.rotate(-12, Image.Resampling.BICUBIC)))
    assert verdict.rotation == pytest.approx(12, abs=0.3)
    assert verdict.relation in (Relation.COPY, Relation.PART)


def test_the_map_is_that_of_the_files_pixels(picture, tmp_path):
    large, small = tmp_path / "large.jpg", tmp_path / "small.png"
    picture.resize((2400, 1800), Image.Resampling.BICUBIC).save(large, quality=95)
    picture.save(small)
    verdict = verify(large, small)
    assert look(large).size == (2400, 1800)
    assert verdict.scale == pytest.approx(0.2, rel=0.01)
    assert np.abs(moved(verdict.matrix, [(1200, 900)]) - (240, 180)).max() < 1


def test_a_changed_region_makes_a_variant_and_is_found(picture, left):
    changed = picture.copy()
    changed.paste(textured(8, (120, 90)), (300, 200))
    verdict = compare(left, seen(changed))
    assert verdict.relation is Relation.VARIANT
    assert verdict.score > 0.5
    begin, top, end, bottom = verdict.region
    assert begin == pytest.approx(300 / WIDTH, abs=0.06)
    assert top == pytest.approx(200 / HEIGHT, abs=0.06)
    assert end == pytest.approx(420 / WIDTH, abs=0.06)
    assert bottom == pytest.approx(290 / HEIGHT, abs=0.06)
    assert verdict.differing == pytest.approx(120 * 90 / (WIDTH * HEIGHT), abs=0.05)
    back = compare(seen(changed.resize((240, 180))), left)
    assert np.abs(np.array(back.region) - verdict.region).max() < 0.08


def test_two_views_of_one_scene_overlap():
    scene = textured(5, (700, 360))
    verdict = compare(seen(scene.crop((0, 0, 480, 360))), seen(scene.crop((220, 0, 700, 360))))
    assert verdict.relation is Relation.OVERLAP
    assert verdict.score < 0.5
    assert verdict.left_covered == pytest.approx(260 / 480, abs=0.05)


def test_different_pictures_are_unrelated(left):
    for seed in range(10, 16):
        verdict = compare(left, seen(textured(seed, SIZE)))
        assert verdict.relation is Relation.UNRELATED
        assert verdict.score < 0.2


def test_turned_hues_are_another_picture():
    stripes = {"red": "lime", "white": "white", "blue": "red"}
    flags = []
    for colours in (list(stripes), list(stripes.values())):
        flag = Image.new("RGB", SIZE)
        draw = ImageDraw.Draw(flag)
        for place, colour in enumerate(colours):
            draw.rectangle((160 * place, 0, 160 * place + 159, 360), fill=colour)
        flags.append(seen(flag))
    assert compare(flags[0], flags[0]).relation is Relation.COPY
    assert compare(*flags).relation not in (Relation.COPY, Relation.PART)


def test_without_texture_nobody_decides(left):
    slope = np.linspace(100, 140, 480, dtype=np.uint8)
    gradient = seen(Image.fromarray(np.repeat(slope[None], 360, axis=0)))
    blank = seen(Image.new("RGB", SIZE, "white"))
    for picture, other in ((gradient, gradient), (blank, blank), (blank, left)):
        verdict = compare(picture, other)
        assert (verdict.relation, verdict.score) == (Relation.UNDECIDED, 0.0)


def page(total: str) -> Image.Image:
    image = Image.new("RGB", (620, 877), "white")
    draw = ImageDraw.Draw(image)
    draw.text((50, 40), "Invoice", "black", font_size=40)
    for row in range(12):
        draw.text((50, 120 + 45 * row), f"Position {row} of the bill", "black", font_size=20)
        draw.line((50, 150 + 45 * row, 570, 150 + 45 * row), "black")
    draw.text((380, 760), total, "black", font_size=30)
    return image


def test_another_total_on_one_form_is_a_variant():
    assert compare(seen(page("12.40")), seen(page("12.40").resize((496, 702)))).relation is (
        Relation.COPY
    )
    verdict = compare(seen(page("12.40")), seen(page("98.65")))
    assert verdict.relation is Relation.VARIANT
    assert verdict.region[1] > 0.8


@pytest.mark.parametrize("name", ["flower", "portrait", "temple"])
def test_the_example_photographs(name):
    original = PHOTOS / f"{name}.jpg"
    relations = {
        ending: verify(original, PHOTOS / f"{name}_{ending}.jpg").relation
        for ending in ("cropped", "grey", "mirrored", "recompressed", "smaller", "text")
    }
    assert relations.pop("cropped") is Relation.PART
    assert relations.pop("text") in (Relation.VARIANT, Relation.COPY)
    assert set(relations.values()) == {Relation.COPY}


def test_a_map_between_other_sizes_moves_the_centres_of_pixels():
    doubled = scaled_to(np.eye(2, 3), ((100, 50), (100, 50)), ((100, 50), (200, 100)))
    assert np.allclose(moved(doubled, [(0, 0), (99, 49)]), [(0.5, 0.5), (198.5, 98.5)])
