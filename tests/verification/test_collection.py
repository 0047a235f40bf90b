"""Verifying many pairs: what is decoded, what is held, what happens to files that are gone."""

import threading
from collections import Counter

import cv2
import numpy as np
import pytest

from imagededup.verification import collection
from imagededup.verification.collection import verify_pairs
from imagededup.verification.cv2_threads import one_cv2_thread
from imagededup.verification.relation import RELATED, Relation
from tests.conftest import textured

LEFT, RIGHT = (np.array(items, np.int64) for items in ([0, 0, 2, 0, 1, 4], [1, 2, 3, 4, 3, 5]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Items 0 and 1 are copies, 5 has the pixels of 4; the others are alone."""
    folder = tmp_path_factory.mktemp("pictures")
    for item, seed in ((0, 0), (2, 2), (3, 3), (4, 4)):
        textured(seed).save(folder / f"{item}.png")
    textured(0).save(folder / "1.jpg", quality=80)
    textured(4).save(folder / "5.bmp")
    return folder


@pytest.fixture
def path_of(folder):
    """Gives the files, and counts in `taken` how often."""
    paths = {int(path.stem): path for path in folder.iterdir()}

    def path(item):
        path.taken[item] += 1
        return paths[item]

    path.taken = Counter()
    return path


def relations(verified):
    return [verdict.relation for verdict in verified.verdicts]


def test_relations_in_the_order_of_the_pairs(path_of):
    found = verify_pairs(LEFT, RIGHT, path_of, 1)
    said = relations(found)
    assert said[0] in RELATED
    assert said[5] is Relation.IDENTICAL
    assert not set(said[1:5]) & set(RELATED)
    assert found.verdicts[5].score == 1.0
    assert found.verdicts[0].score > 0.5 > max(found.verdicts[place].score for place in range(1, 5))
    assert found.failures == {}


def test_each_picture_is_decoded_once(path_of):
    verify_pairs(LEFT[:5], RIGHT[:5], path_of, 1)
    asked_where_the_first_is = {0: 2}
    assert path_of.taken == dict.fromkeys(range(5), 1) | asked_where_the_first_is


@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_depends_on_workers_and_on_what_is_held(path_of, monkeypatch, workers):
    expected = verify_pairs(LEFT, RIGHT, path_of, 1).verdicts.rows.tobytes()
    monkeypatch.setattr(collection, "MOST_VIEWS", 2)
    monkeypatch.setattr(collection, "_VISITS_AT_ONCE", 1)
    done = []
    found = verify_pairs(LEFT, RIGHT, path_of, workers, done.append)
    assert found.verdicts.rows.tobytes() == expected
    assert sum(done) == len(LEFT)


def test_a_pair_from_the_other_side(path_of):
    one, other = (verify_pairs(*sides, path_of, 1) for sides in ((LEFT, RIGHT), (RIGHT, LEFT)))
    assert relations(one) == relations(other)


@pytest.mark.parametrize("workers", [1, 2])
def test_files_that_cannot_be_read_are_listed(folder, tmp_path, workers):
    (tmp_path / "torn.png").write_bytes((folder / "2.png").read_bytes()[:100])
    paths = {0: folder / "0.png", 1: folder / "1.jpg", 2: tmp_path / "torn.png",
             3: tmp_path / "gone.png"}  # fmt: skip
    left, right = np.array([0, 0, 1]), np.array([3, 1, 2])
    found = verify_pairs(left, right, paths.__getitem__, workers)
    assert list(found.failures) == [2, 3]
    assert all(found.failures.values())
    assert relations(found)[0] is relations(found)[2] is Relation.UNDECIDED
    assert relations(found)[1] in RELATED


def test_no_pairs(path_of):
    found = verify_pairs(LEFT[:0], RIGHT[:0], path_of, 2)
    assert (len(found.verdicts), found.failures) == (0, {})


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_ends_the_work(path_of, workers):
    left, right = np.tile(LEFT, 50), np.tile(RIGHT, 50)
    before = cv2.getNumThreads()

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify_pairs(left, right, path_of, workers, interrupt)
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("imagededup")]
    for thread in ours:
        thread.join(30)
    assert not any(thread.is_alive() for thread in ours)
    assert cv2.getNumThreads() == before


def test_opencv_has_its_threads_back():
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(3)
        with one_cv2_thread():
            with one_cv2_thread():
                assert cv2.getNumThreads() == 1
            assert cv2.getNumThreads() == 1
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(threads)
