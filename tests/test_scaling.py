"""The plan of docs/scaling.md is what its script makes of the stored rates, and reckons right."""

import importlib
import re
from pathlib import Path

import pytest

from imagededup.utils import processes

CHECKOUT = Path(__file__).parents[1]
PAGE = CHECKOUT / "docs" / "scaling.md"
FASTDUP = """
imagenet21k-resized 11,582,724 4.98 1.24 11,561 1,194,059
imdb-wiki 514,883 0.65 0.16 1,509 187,965
places365-standard 2,168,460 1.01 0.25 2,349 93,109
herbarium-2022-fgvc9 1,050,179 0.69 0.17 1,598 33,115
landmark-recognition-2021 1,590,815 0.96 0.24 2,236 2,613
visualgenome 108,079 0.05 0.01 124 223
iwildcam2021-fgvc9 261,428 0.29 0.07 682 54
coco 163,957 0.09 0.02 218 54
sku110k 11,743 0.03 0.01 77 7
"""
"""Images, dollars, dollars on spot machines, seconds and identical pairs, as published."""


@pytest.fixture
def scaling(monkeypatch):
    """A module of the plan by its name."""
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def inputs(scaling):
    return scaling("scaling").inputs()


@pytest.fixture
def machine(scaling):
    """Ten cores for 3,600 dollars an hour: a dollar a second."""
    return scaling("scaling_model").Machine(10, 10, 100, 8, 16, 3600.0)


def test_the_page_is_current(scaling, inputs):
    text = PAGE.read_text(encoding="utf-8")
    current = scaling("scaling").with_tables(text, scaling("scaling_tables").tables(inputs))
    assert current == text, "run python benchmarks/scaling.py"


def test_every_rate_says_what_measured_it(inputs):
    for row in inputs.stored.values():
        assert row["value"] >= 0
        assert {"what", "command", "date", "cpu"} <= row.keys()
        assert all(row[key] for key in ("what", "command", "date", "cpu"))


def test_the_published_table_is_quoted_whole(inputs):
    page = PAGE.read_text(encoding="utf-8")
    for line in FASTDUP.strip().splitlines():
        name, images, dollars, spot, seconds, pairs = line.split()
        assert f"| {name} | {images} | {seconds} | {dollars} | {spot} | {pairs} |" in page
    assert len(inputs.collections) == 9


def test_a_stage_takes_what_is_slowest_of_what_overlaps_and_the_rest(scaling, inputs, machine):
    model = scaling("scaling_model")
    stage = model.Stage("join", "join", work=100, alone=3, moved=4e9, waits=1000, gets=10**6)
    # 100 s on 10 cores; 4 GB at 16 Gbit/s; 1,000 requests of 30 ms in 10 places
    parts = stage.parts(machine, 1, inputs.assumed)
    assert parts["join"] == pytest.approx(10)
    assert parts["reading and writing"] == pytest.approx(2)
    assert parts["requests"] == pytest.approx(3)
    seconds, dollars = model.total([stage], machine, 1, inputs.assumed)
    assert seconds == pytest.approx(10 + 3 + 3)
    assert dollars == pytest.approx(16 + 0.4)
    seconds, dollars = model.total([stage], machine, 2, inputs.assumed)
    assert seconds == pytest.approx(5 + 3 + 1.5)
    assert dollars == pytest.approx(2 * 9.5 + 0.4)


def test_threads_that_share_a_lock(scaling):
    rate = scaling("scaling_model").rate_of_threads
    assert rate(1, 0.3) == pytest.approx(1)
    assert rate(7, 0) == 7
    # two threads: 2 / (1 + share^2), by hand from the mean value analysis
    assert rate(2, 0.5) == pytest.approx(2 / 1.25)
    assert rate(64, 0.1) == pytest.approx(10, rel=1e-3)
    assert rate(2.5, 0.5) == pytest.approx((rate(2, 0.5) + rate(3, 0.5)) / 2)


def test_many_threads_are_those_of_several_processes(scaling):
    model = scaling("scaling_model")
    assert model.rate_of_workers(11, 0.1) == model.rate_of_threads(11, 0.1)
    assert model.rate_of_workers(64, 0) == 64
    assert model.rate_of_threads(32, 0.07) < 15
    assert 28 < model.rate_of_workers(32, 0.07) < 32
    stage, machine = model.Stage, scaling("scaling").MACHINES["c7a.8xlarge"]
    assumed = scaling("scaling").ASSUMED
    assert [
        stage("encoding", "decoding", lock=lock).waits_for_lock(machine, assumed)
        for lock in (0, 0.07, 0.3)
    ] == [False, False, True]


def test_the_model_has_the_thresholds_of_the_package(scaling):
    model = scaling("scaling_model")
    theirs = processes._LEAST_WORKERS, processes._MOST_THREADS
    assert theirs == (model._LEAST_WORKERS, model._MOST_THREADS)


def test_rates_are_met_where_they_were_measured(inputs):
    rates = inputs.rates
    for size in ("square", "photograph", "large"):
        measured = rates[f"phash {size}"]
        assert rates.encoding("phash", rates[f"{size} bytes"]) == pytest.approx(measured)
    for threshold in (10, 4):
        measured = rates[f"hash join {threshold} 1000000"]
        assert rates.hash_join(10**6, threshold) == pytest.approx(measured)
    for count in (25_000, 100_000):
        assert rates.neighbours(count)[0] == pytest.approx(rates[f"neighbours {count}"])


def test_more_images_take_longer_and_more_machines_less(scaling, inputs):
    total = scaling("scaling_model").total
    machine = inputs.machines[inputs.cluster_machine]
    for method, threshold in (("phash", 10), ("phash", 4), ("cnn", 0)):
        jobs = [inputs.job(count, method, threshold, 1e5).stages() for count in inputs.clusters]
        times = [total(stages, machine, 4, inputs.assumed)[0] for stages in jobs]
        assert times == sorted(times)
        assert total(jobs[1], machine, 8, inputs.assumed)[0] < times[1]


def test_a_plan_has_the_parts_of_a_job(scaling, tmp_path):
    plans, jobs = scaling("scaling_cluster"), importlib.import_module("tests.distributed.conftest")
    codes = jobs.near_descriptors(2000, 16)
    job = jobs.ask(
        jobs.PHOTOS, tmp_path / "work", method="cnn", shard_size=100, task_size=8 * 16 * 200
    )
    jobs.store_codes(job, codes)
    importlib.import_module("imagededup.distributed.run").work(job, jobs.HereAndNow())
    plan = plans.Plan(2000, 1e5, "cnn", 16, 0, 8 * 16 * 200, 1)
    assert plan.rows_per_task == job.rows_per_task(16) == 200
    complete = job.store.complete
    assert len(complete("codes-by-key")) == 20 // 2
    assert plan.partitions == len(complete("unique")) == 10
    assert plan.cell_partitions == len(complete("nearest"))
    assert plan.cells == len(job.store.read("cells", "part-00000"))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # Ray's
def test_the_measurement_yields_the_rates_that_are_stored(scaling, inputs, monkeypatch):
    measure, search = scaling("scaling_measure"), scaling("scaling_measure_search")
    small = {
        "_PHOTOGRAPHS": 6,
        "_LARGE": 1,
        "_CROPS": 80,
        "_FILES": 50,
        "_VERIFIED": 4,
        "_TASKS": 3,
    }
    for name, value in small.items():
        monkeypatch.setattr(measure, name, value)
    counts = {"_HASHES": (200, 400), "_FEATURES": (200, 400), "_ONE_CELL": 100}
    for name, value in {**counts, "_JOB_HASHES": 2000, "_JOB_DESCRIPTORS": 5000}.items():
        monkeypatch.setattr(search, name, value)
    found = list(measure.measured_rates(CHECKOUT / "examples" / "photos"))
    assert all(value >= 0 for _, value, _ in found)
    names = sorted(re.sub(r" \d{3,}$", "", name) for name, _, _ in found)
    stored = [name for name, row in inputs.stored.items() if "--measure" in row["command"]]
    if not measure._SEES_LOCK:
        stored = [name for name in stored if not name.startswith("lock ")]
    assert names == sorted(re.sub(r" \d{3,}$", "", name) for name in stored)
