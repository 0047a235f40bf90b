"""Which images with equal codes have equal pixels."""

import numpy as np
import pytest

from imagededup.verification.identical import identical_groups, members_of_several
from tests.conftest import photograph


@pytest.mark.parametrize("workers", [1, 3])
def test_groups_are_divided_by_pixels(tmp_path, workers):
    """Items 0 to 6 have one code, 7 and 8 another, 9 a third."""
    seeds = (0, 1, 0, 0, 1, 2, 3, 0, 1, 0)
    paths = [tmp_path / f"{item}.{'bmp' if item % 2 else 'png'}" for item in range(len(seeds))]
    for path, seed in zip(paths, seeds, strict=True):
        photograph(seed, (40, 30)).save(path)
    paths[6].unlink()
    groups, done = np.array([4, 4, 4, 4, 4, 4, 4, 2, 2, 7]), []
    found = identical_groups(groups, paths.__getitem__, workers, done.append)
    assert found.tolist() == [0, 1, 0, 0, 1, 2, 3, 4, 5, 6]
    assert sum(done) == len(members_of_several(groups)) == 9


def test_equal_bytes_are_equal_where_they_cannot_be_decoded(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path, content in zip(paths, (b"torn", b"torn", b"other"), strict=True):
        path.write_bytes(content)
    assert identical_groups(np.zeros(3, np.int64), paths.__getitem__, 1).tolist() == [0, 0, 1]


def test_nothing_is_read_where_all_codes_differ():
    assert identical_groups(np.arange(3), [].__getitem__, 2).tolist() == [0, 1, 2]
