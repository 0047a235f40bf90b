"""The steps of a job, run in this process: what they write is what one machine finds."""

import random
import shutil
import uuid

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from imagededup import CNN, PHash, fastdup
from imagededup.distributed.candidates import best_others
from imagededup.distributed.components import label_components, stars
from imagededup.distributed.join_descriptors import partitions_of_cells
from imagededup.distributed.join_hashes import plan_join
from imagededup.distributed.looks import Batch
from imagededup.distributed.result import DistributedResult
from imagededup.distributed.run import work
from imagededup.distributed.store import Store
from imagededup.distributed.tables import best_of_either, spread, table_of
from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.fastdup.graph.outliers import find_outliers
from imagededup.search.cosine.choose import CosineMethod, search_cosine
from imagededup.search.hamming.choose import search_hamming
from imagededup.search.hamming.nearest import nearest_codes
from imagededup.search.knn.find import find_neighbors
from imagededup.search.matches import connected_components
from imagededup.verification.candidates import candidate_pairs
from tests.distributed.conftest import (
    PHOTOS,
    HereAndNow,
    ask,
    found_pairs,
    near_descriptors,
    near_hashes,
    store_codes,
)

SIZES = {"phash": 64 * 12, "cnn": 8 * 1024 * 12}
"""A dozen images a task."""


class Shuffled(HereAndNow):
    """Runs tasks in another order, and some of them twice, as a cluster may."""

    def __init__(self):
        super().__init__()
        self.ran = []

    def run(self, task, arguments):
        several = list(arguments)
        random.Random(1).shuffle(several)
        for one in [*several, *several[:2]]:
            self.ran.append(task.__name__)
            task(*one)


@pytest.fixture
def pictures(tmp_path):
    """Photographs, plain pictures of one and of two colours, a broken file, and a folder."""
    folder = tmp_path / "pictures"
    shutil.copytree(PHOTOS, folder)
    for name, colour in (("a.png", 0), ("b.png", 0), ("c.png", 200), ("in/d.png", 0)):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("L", (20, 20), colour).save(folder / name)
    return folder


@pytest.mark.parametrize(("method", "encoder"), [("phash", PHash), ("cnn", CNN)])
def test_a_job_finds_what_one_machine_finds(pictures, work_dir, method, encoder):
    result = work(ask(pictures, work_dir, method=method, task_size=SIZES[method]), HereAndNow())
    found = result.duplicates()
    expected = encoder(verbose=False).search(pictures, recursive=True, verify=False)
    assert found == expected
    assert found.to_dict(scores=True) == expected.to_dict(scores=True)
    assert found.to_remove() == expected.to_remove()
    assert found.failures == expected.failures
    assert [one.name for one in found.failures] == ["temple_truncated.jpg"]
    assert (result.image_count, result.failure_count) == (len(expected.names) + 1, 1)
    ids, labels = result.components()
    names = sorted([*expected.names, "temple_truncated.jpg"])
    clusters = [
        tuple(names[item] for item in ids[labels == label].tolist()) for label in np.unique(labels)
    ]
    assert sorted(clusters) == sorted(one.members for one in expected.clusters())


@pytest.mark.parametrize(
    ("encoder", "options"),
    [
        (PHash, {}),
        pytest.param(PHash, {"threshold": 30, "candidates": 2}, marks=pytest.mark.long),
        (CNN, {"threshold": 0.6, "candidates": 3, "relations": ["identical", "overlap"]}),
    ],
)
def test_a_job_verifies_as_one_machine_does(pictures, work_dir, encoder, options):
    method = encoder.__name__.lower()
    job = ask(
        pictures, work_dir, method=method, task_size=4 * SIZES[method], shard_size=16,
        cells_probed=100, verify=True, **options,
    )  # fmt: skip
    result = work(job, HereAndNow())
    found = result.duplicates()
    expected = encoder(verbose=False).search(pictures, recursive=True, verify=True, **options)
    assert found == expected
    assert found.to_dict(scores=True) == expected.to_dict(scores=True)
    assert list(found.rows()) == list(expected.rows())
    assert found.failures == expected.failures
    assert result.pair_count == len(expected.matches.pairs)
    ids, labels = result.components()
    names = sorted([*expected.names, "temple_truncated.jpg"])
    clusters = [
        tuple(names[item] for item in ids[labels == label].tolist()) for label in np.unique(labels)
    ]
    assert sorted(clusters) == sorted(one.members for one in expected.clusters())


def test_the_best_others_are_those_of_one_machine():
    generator = np.random.default_rng(5)
    codes = generator.choice(generator.integers(0, 2**14, 90, np.uint64), 400)
    pixels = generator.integers(0, 3, 400)  # several groups of equal pixels a code
    groups = np.unique(codes * 3 + pixels.astype(np.uint64), return_inverse=True)[1]
    groups = np.unique(np.unique(groups, return_index=True)[1][groups], return_inverse=True)[1]
    for count in (1, 2, 7):
        for most in (3, 9):
            expected = candidate_pairs(
                groups,
                None,
                count,
                lambda items, _, k, most=most: nearest_codes(codes[items], None, k, most),
            )
            wanted = np.stack(expected.items(), axis=1)
            first = np.unique(codes, return_index=True)[1]
            own = np.sort(first)
            matches = search_hamming(codes[own], most)
            pairs = best_of_either(matches.pairs, matches.pairs.score, count)
            place = np.unique(matches.groups, return_index=True)[1]
            left, right = own[place[pairs.left]], own[place[pairs.right]]
            both = np.concatenate([left, right]), np.concatenate([right, left])
            further = np.setdiff1d(expected.first, first)
            stands_for = {int(codes[item]): item for item in first.tolist()}
            of = np.array([stands_for[int(codes[item])] for item in further.tolist()])
            order = np.lexsort((further, of))
            image, other = best_others(
                (*both, np.tile(pairs.score, 2)), (of[order], further[order]), of == of, count
            )
            found = np.sort(np.stack([image, other], axis=1), axis=1)
            assert np.array_equal(np.unique(found, axis=0), wanted)
            assert len(wanted) > 100


def test_a_shard_that_always_dies_ends_the_job(pictures, work_dir):
    class Small(HereAndNow):
        """A machine whose memory does not suffice for a whole shard."""

        def attempts(self, task, arguments, share=None):
            for one in arguments:
                ended = task.__name__ == "probe"
                if ended:
                    task(*one)
                yield one, ended

    with pytest.raises(FileOperationError, match="part-00000 was lost 10 times, and no image"):
        work(ask(pictures, work_dir), Small())


class DyingLooks(HereAndNow):
    """Loses the process of every task that looks at an image again which it is told of."""

    def __init__(self, deadly):
        super().__init__()
        self.deadly = deadly

    def attempts(self, task, arguments, share=None):
        stages = {"compare_members": "members", "verify_batch": "candidates"}
        for one in arguments:
            job, name, rest, _ = one
            stage = stages.get(task.__name__, getattr(task, "_stage", None))
            ids = [] if stage is None else Batch(job, stage, name, ()).ids
            seen = ids[slice(*rest)] if task.__name__ == "probe" else np.delete(ids, list(rest))
            if self.deadly in seen:
                yield one, False
            else:
                task(*one)
                yield one, True


@pytest.mark.long
def test_an_image_that_kills_who_verifies_it_is_left_out(pictures, work_dir):
    names = sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*.*"))
    deadly = names.index("temple_copy.jpg")
    job = ask(pictures, work_dir, verify=True, shard_size=16, task_size=64 * 48)
    result = work(job, DyingLooks(deadly))
    found = result.duplicates()
    failed = {one.name: one.reason for one in found.failures}
    assert failed["temple_copy.jpg"] == "the worker died while it read the image"
    assert found.to_dict()["temple_copy.jpg"] == []
    expected = PHash(verbose=False).search(pictures, recursive=True, verify=True).to_dict(True)
    of_others = {name: rows for name, rows in expected.items() if name != "temple_copy.jpg"}
    others = {
        name: [row for row in rows if row[0] != "temple_copy.jpg"]
        for name, rows in of_others.items()
    }
    alive = found.to_dict(True)
    del alive["temple_copy.jpg"]
    assert alive == others


def test_what_steps_take_is_kept(pictures, work_dir):
    class Slow(HereAndNow):
        def run(self, task, arguments):
            super().run(task, arguments)
            self.core_seconds["run"] += 2

        def attempts(self, task, arguments, share=None):
            self.core_seconds["attempts"] += 4
            yield from super().attempts(task, arguments)

    job = ask(pictures, work_dir)
    result = work(job, Slow())
    rates = {one.step: one for one in result.rates}
    assert (rates["list"].items, rates["list"].core_seconds) == (32, 2)
    assert (rates["encode"].items, rates["encode"].core_seconds) == (31, 4)
    assert rates["encode"].per_core == 31 / 4
    (work_dir / "encoded" / "part-00000.done").unlink()
    again = {one.step: one for one in work(ask(pictures, work_dir), Slow()).rates}
    assert (again["encode"].items, again["encode"].core_seconds) == (31 + 7, 8)
    assert again["list"] == rates["list"]
    different = sum(job.store.facts("unique", one)["rows"] for one in job.store.complete("unique"))
    assert (rates["join"].items, rates["group"].items) == (different, 31)


def test_the_result_becomes_a_page(pictures, work_dir, tmp_path):
    found = work(ask(pictures, work_dir), HereAndNow()).duplicates()
    page = tmp_path / "page.html"
    found.to_html(page)
    assert "temple_copy.jpg" in page.read_text(encoding="utf-8")


def test_the_result_becomes_a_work_folder_of_fastdup(pictures, work_dir, tmp_path, capsys):
    result = work(ask(pictures, work_dir, method="cnn", task_size=SIZES["cnn"]), HereAndNow())
    assert result.to_fastdup(tmp_path / "fastdup", threshold=0.9) == 0
    names, features = fastdup.load_binary_feature(tmp_path / "fastdup" / "features.dat")
    expected = CNN(verbose=False).encode_images(pictures, recursive=True)
    assert names == [str(pictures / name) for name in expected]
    assert np.array_equal(features, np.concatenate(list(expected.values())))
    written = {path.name for path in (tmp_path / "fastdup").iterdir()}
    assert written >= {"similarity.csv", "outliers.csv", "connected_components.csv"}
    assert "1 outlier" in capsys.readouterr().out
    hashes = work(ask(pictures, tmp_path / "other"), HereAndNow())
    with pytest.raises(InvalidValueError, match="needs descriptors, these are hashes"):
        hashes.to_fastdup(tmp_path / "fastdup")


def test_a_work_folder_in_an_object_store(pictures):
    job = ask(pictures, f"memory://{uuid.uuid4().hex}")
    job.check()
    found = work(job, HereAndNow()).duplicates()
    assert found == PHash(verbose=False).search(pictures, recursive=True)
    assert fsspec.filesystem("memory").exists(f"{job.store.url}/components")


@pytest.mark.long
def test_results_do_not_depend_on_the_order_of_tasks_or_on_repetition(pictures, tmp_path):
    for name, workers in (("one", HereAndNow()), ("other", Shuffled())):
        work(ask(pictures, tmp_path / name, method="cnn", task_size=SIZES["cnn"]), workers)
    files = sorted(
        path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.parquet")
    )
    assert len(files) > 30
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_what_is_complete_is_skipped(pictures, work_dir):
    job = ask(pictures, work_dir)
    work(job, HereAndNow())
    lost = work_dir / "pairs" / "part-00000.done"
    lost.unlink()
    workers = Shuffled()
    result = work(job, workers)
    assert set(workers.ran) == {"join_partition"}
    assert result.duplicates() == PHash(verbose=False).search(pictures, recursive=True)


def test_relations_without_identical_are_refused(pictures, work_dir):
    with pytest.raises(InvalidValueError, match="must have 'identical' among them"):
        ask(pictures, work_dir, verify=True, relations=["copy"])
    with pytest.raises(InvalidValueError, match="they need verify=True"):
        ask(pictures, work_dir, relations=["copy"])
    with pytest.raises(InvalidTypeError, match="verify must be"):
        ask(pictures, work_dir, verify="auto")


def test_another_job_in_the_work_folder_is_refused(pictures, work_dir):
    ask(pictures, work_dir).check()
    ask(pictures, work_dir).check()
    with pytest.raises(InvalidValueError, match="with threshold 10, got 3: take another work_dir"):
        ask(pictures, work_dir, threshold=3).check()
    with pytest.raises(InvalidValueError, match="with fingerprint 'phash"):
        ask(pictures, work_dir, method="dhash").check()


def test_wrong_arguments(pictures, work_dir):
    with pytest.raises(InvalidValueError, match="method must be one of 'phash', .* got 'sift'"):
        ask(pictures, work_dir, method="sift")
    with pytest.raises(InvalidTypeError, match="method must be a str or a function"):
        ask(pictures, work_dir, method=3)
    with pytest.raises(InvalidValueError, match="shard_size must be 1 or more, got 0"):
        ask(pictures, work_dir, shard_size=0)
    with pytest.raises(InvalidValueError, match="max_distance_threshold must be an int from 0"):
        ask(pictures, work_dir, threshold=70)
    with pytest.raises(InvalidValueError, match="must not lie in the images"):
        ask(pictures, pictures / "work")
    with pytest.raises(InvalidValueError, match="does not exist"):
        work(ask(pictures / "nowhere", work_dir), HereAndNow())


@pytest.mark.parametrize(
    ("threshold", "count", "rows"),
    [
        (0, 1000, 300),
        (3, 3000, 800),
        pytest.param(10, 12000, 3500, marks=pytest.mark.long),
        pytest.param(22, 1500, 400, marks=pytest.mark.long),
    ],
)
def test_hashes_are_joined_exactly(work_dir, threshold, count, rows):
    codes = near_hashes(count)
    job = ask("/nowhere", work_dir, threshold=threshold, shard_size=rows, task_size=64 * rows)
    store_codes(job, codes)
    plan = plan_join(len(np.unique(codes)), threshold, rows)
    assert plan.partition_bits > 0
    assert plan.compares_all == (count <= 10_000)
    work(job, HereAndNow())
    assert_same_pairs(job, search_hamming(codes, threshold))


def test_few_of_many_pairs_are_never_all_made():
    assert not plan_join(10**6, 20, 10**6).compares_all
    plan = plan_join(10**6, 20, 10**6, verify=True)
    assert plan.compares_all
    assert plan.partition_bits == 3  # for several machines to share
    assert not plan_join(10**6, 12, 10**6, verify=True).compares_all


def assert_same_pairs(job, expected):
    """The stored pairs are those of one machine, each group named by its first image."""
    first = np.unique(expected.groups, return_index=True)[1]
    pairs = expected.pairs
    ends = np.sort(np.stack([first[pairs.left], first[pairs.right]]), axis=0)
    rows = np.stack([*ends, pairs.score], axis=1).astype(float)
    assert np.array_equal(found_pairs(job), rows[np.lexsort(rows.T[1::-1])])


def test_descriptors_are_joined_nearly_exactly(work_dir):
    codes = near_descriptors(6000, 32)
    codes[5] = codes[17]
    job = ask(
        "/nowhere", work_dir, method="cnn", threshold=0.8, shard_size=1500, task_size=8 * 32 * 3000
    )
    store_codes(job, codes)
    work(job, HereAndNow())
    assert len(job.store.complete("pairs")) > 4
    found = {(left, right): score for left, right, score in found_pairs(job).tolist()}
    expected = search_cosine(codes, 0.8, method=CosineMethod.EXACT)
    first = np.unique(expected.groups, return_index=True)[1]
    ends = zip(first[expected.pairs.left], first[expected.pairs.right], strict=True)
    exact = {
        tuple(sorted(pair)): score
        for pair, score in zip(ends, expected.pairs.score.tolist(), strict=True)
    }
    assert len(found) == len(found_pairs(job)), "a pair comes twice"
    assert found.items() <= exact.items()
    assert len(found) / len(exact) >= 0.98
    assert len(exact) > 1000


def test_outliers_are_those_of_one_machine(pictures, work_dir):
    job = ask(pictures, work_dir, method="cnn", task_size=SIZES["cnn"], cells_probed=100)
    result = work(job, HereAndNow())
    codes = CNN(verbose=False).encode_images(pictures, recursive=True)
    names = [name for name in codes if not name.endswith(".png")]
    features = np.concatenate([codes[name] for name in names])
    nearest = find_neighbors(features, 1)
    expected = find_outliers(nearest, 0.4, 0.96)
    found = result.outliers(0.4, 0.96)
    assert len(found) == 3
    rows = list(zip(*(column.tolist() for column in expected), strict=True))
    assert [(names[row], names[other]) for row, other, _ in rows] == [one[:2] for one in found]
    assert np.allclose([one[2] for one in found], [score for *_, score in rows], atol=1e-6)


def test_the_nearest_of_several_partitions(work_dir):
    codes = near_descriptors(800, 32)
    codes[5] = codes[17]
    settings = {"shard_size": 200, "task_size": 8 * 32 * 400, "cells_probed": 100}
    job = ask("/nowhere", work_dir, method="cnn", **settings)
    store_codes(job, codes)
    result = work(job, HereAndNow())
    assert len(job.store.complete("nearest")) == 8
    images, others, similarity = result._nearest()
    expected = find_neighbors(codes, 1)
    assert images.tolist() == list(range(800))
    assert others.tolist() == expected.index[:, 0].tolist()
    assert np.allclose(similarity, expected.similarity[:, 0], atol=1e-6)


def test_cells_are_divided_evenly_and_by_place():
    centers = np.concatenate([np.eye(2)[[0]].repeat(6, 0), np.eye(2)[[1]].repeat(6, 0)])
    centers = (centers + np.linspace(0, 0.1, 24).reshape(12, 2)).astype(np.float32)
    assert np.bincount(partitions_of_cells(centers, 4)).tolist() == [3, 3, 3, 3]
    halves = partitions_of_cells(centers, 2)
    assert halves[0] != halves[-1]
    assert len(set(halves[:6])) == len(set(halves[6:])) == 1


def graphs():
    generator = np.random.default_rng(3)
    yield "random", 3000, generator.integers(0, 3000, (2, 2000))
    yield "path", 3000, np.stack([np.arange(2999), np.arange(1, 3000)])
    yield (
        "shuffled path",
        3000,
        generator.permutation(3000)[np.stack([np.arange(2999), np.arange(1, 3000)])],
    )
    yield "star", 1000, np.stack([np.full(999, 7), np.delete(np.arange(1000), 7)])
    yield "nothing", 10, np.empty((2, 0), np.int64)


@pytest.mark.parametrize(("name", "count", "edges"), list(graphs()), ids=lambda one: str(one)[:13])
def test_components_are_scipys(work_dir, name, count, edges):
    job = ask("/nowhere", work_dir, task_size=64 * 700)
    left, right = np.sort(edges, axis=0)
    for number in range(4):
        some = slice(number, None, 4)
        table = table_of(left=left[some], right=right[some], score=left[some] * 0)
        job.store.write("pairs", f"part-{number:05d}", [table], table.schema)
    label_components(job, HereAndNow())
    ids, labels = DistributedResult(job.store, job.settings).components()
    every = np.arange(count)
    every[ids] = labels
    numbers = np.unique(every, return_inverse=True)[1]
    assert np.array_equal(numbers, connected_components(left, right, count))
    rounds = [one for one in work_dir.iterdir() if one.name.startswith("round-")]
    assert len(rounds) <= 2 * np.log2(count)


def test_stars_of_no_edges():
    nothing = np.empty(0, np.int64)
    assert [len(ends) for ends in stars(nothing, nothing)] == [0, 0]


def test_neighbouring_numbers_are_spread_evenly():
    sizes = np.bincount(spread(np.arange(10_000), 7))
    assert sizes.min() > 1300
    assert sizes.max() < 1560


def test_a_shard_counts_when_its_marker_is_there(tmp_path):
    store = Store(str(tmp_path / "work"))
    assert store.complete("stage") == []
    tables = [pa.table({"id": [1, 2], "partition": pa.array([part, part])}) for part in (3, 5)]
    store.write("stage", "a", tables, tables[0].schema, {"more": 7})
    assert store.complete("stage") == ["a"]
    assert store.facts("stage", "a") == {"rows": 4, "more": 7}
    assert store.read("stage", "a", [5])["partition"].to_pylist() == [5, 5]
    assert len(store.read("stage", "a", [4])) == 0
    (tmp_path / "work" / "stage" / "a.done").unlink()
    assert store.complete("stage") == []


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def tables():
        yield pa.table({"id": [1]})
        raise RuntimeError("killed")

    store = Store(str(tmp_path / "work"))
    with pytest.raises(RuntimeError):
        store.write("stage", "a", tables(), pa.schema({"id": pa.int64()}))
    assert list((tmp_path / "work" / "stage").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(FileOperationError, match="cannot be written"):
        Store(str(tmp_path / "file")).write_json("a.json", {})


class Dying(HereAndNow):
    """Loses the process of every task that touches an image which it is told of."""

    def __init__(self, deadly):
        super().__init__()
        self.deadly = deadly

    def attempts(self, task, arguments, share=None):
        for one in arguments:
            _, shard, rest, _ = one
            places = set(range(*rest)) if task.__name__ == "probe" else set(range(7)) - set(rest)
            first = 7 * int(shard[-5:])
            if self.deadly & {first + place for place in places}:
                yield one, False
            else:
                task(*one)
                yield one, True


def test_images_that_kill_their_process_are_found(pictures, work_dir):
    names = sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*.*"))
    found = work(ask(pictures, work_dir), Dying({3, 8, 9})).duplicates()
    failed = {one.name: one.reason for one in found.failures}
    lost = {names[place]: "the worker died while it read the image" for place in (3, 8, 9)}
    assert failed.items() >= lost.items()
    for name in lost:
        (pictures / name).unlink()
    expected = PHash(verbose=False).search(pictures, recursive=True)
    assert found.to_dict(scores=True) == expected.to_dict(scores=True)
