"""A verdict seen from the other picture."""

import numpy as np
import pytest
from PIL import Image

from imagededup.verification.relation import Relation
from imagededup.verification.swap import swapped, swapped_files, swapped_rows
from imagededup.verification.verdict import Verdict, Verdicts

LEFT, RIGHT = (400, 200), (200, 100)
HALF = Verdict(
    Relation.VARIANT, 0.75, ((0.5, 0.0, 10.0), (0.0, 0.5, 20.0)), rotation=30.0, scale=0.5,
    left_covered=0.25, right_covered=1.0, differing=0.125, region=(0.1, 0.25, 0.5, 0.5),
)  # fmt: skip


def test_a_map_is_inverted():
    """Pixel (20, 25) on the right is pixel (20, 10) on the left, and (100, 50) is (180, 60)."""
    assert swapped(HALF, LEFT, RIGHT) == Verdict(
        Relation.VARIANT, 0.75, ((2.0, 0.0, -20.0), (0.0, 2.0, -40.0)), rotation=-30.0, scale=2.0,
        left_covered=1.0, right_covered=0.25, differing=0.125,
        region=pytest.approx((0.05, 0.05, 0.45, 0.3)),
    )  # fmt: skip


def test_a_mirrored_picture_is_turned_the_same_way_from_either_side():
    mirrored = Verdict(Relation.COPY, 1.0, rotation=30.0, mirrored=True)
    assert swapped(mirrored, LEFT, RIGHT) == mirrored


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [-135.0, 0.0, 90.0])
def test_rotation_and_matrix_say_the_same(mirrored, degrees):
    """A matrix is a turn after a mirror image, on either side."""

    def linear(turn):
        angle = np.radians(turn)
        turned = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        return np.array(turned) @ np.diag([-1 if mirrored else 1, 1])

    matrix = tuple((*row, 0.0) for row in linear(degrees).tolist())
    verdict = Verdict(Relation.COPY, 1.0, matrix, rotation=degrees, mirrored=mirrored)
    found = swapped(verdict, LEFT, RIGHT)
    assert np.allclose(np.array(found.matrix)[:, :2], linear(found.rotation))


def test_rows_and_single_verdicts_agree():
    flat = ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0))
    some = [
        HALF,
        Verdict(Relation.UNRELATED, 0.0),
        Verdict(Relation.COPY, 1.0, mirrored=True, rotation=-90.0),
        Verdict(Relation.COPY, 0.5, flat),
    ]
    rows = Verdicts.of(some).rows
    found = Verdicts(swapped_rows(rows))
    for place, verdict in enumerate(some):
        assert found[place] == Verdicts.of([swapped(verdict)])[0]
    assert np.allclose(swapped_rows(swapped_rows(rows[:1]))["matrix"], rows["matrix"][0])
    assert len(swapped_rows(rows[:0])) == 0


def test_a_region_is_placed_by_the_upright_sizes(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 400)).save(tmp_path / "left.jpg", exif=exif)
    Image.new("RGB", (200, 100)).save(tmp_path / "right.png")
    found = swapped_files(HALF, tmp_path / "left.jpg", tmp_path / "right.png")
    assert found == swapped(HALF, LEFT, RIGHT)


def test_a_region_is_unknown_where_a_file_is_gone(tmp_path):
    found = swapped_files(HALF, tmp_path / "left.jpg", tmp_path / "right.png")
    assert (found.region, found.scale) == (None, 2.0)
    plain = Verdict(Relation.COPY, 1.0)
    assert swapped_files(plain, tmp_path / "left.jpg", tmp_path / "right.png") == plain
