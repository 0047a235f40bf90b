"""Jobs on a Ray cluster of several nodes on this machine, of which some are killed.

`IMAGEDEDUP_LARGE=1` takes a million hashes and descriptors in place of a hundred thousand, or as
many as it says.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagededup import PHash
from imagededup.cli import run as run_command
from imagededup.distributed import run
from imagededup.distributed.encode import uses_gpu
from imagededup.distributed.workers import RayTasks, Share
from imagededup.errors import InvalidValueError
from imagededup.search.hamming.choose import search_hamming
from tests.conftest import wait_until
from tests.distributed.conftest import (
    PHOTOS,
    ask,
    found_pairs,
    near_descriptors,
    near_hashes,
    store_codes,
)
from tests.distributed.test_job import assert_same_pairs
from tests.faults.commands import why_no_mounts
from tests.sources.servers import server

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]

LARGE = int(os.environ.get("IMAGEDEDUP_LARGE") or 0)
MANY = {0: 100_000, 1: 1_000_000}.get(LARGE, LARGE)
IMAGES = 20_000
SIZES = {"shard_size": 500, "task_size": "400k"}


@pytest.fixture(scope="module")
def cluster():
    """A head and two more nodes of one core each; the driver belongs to the head."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    memory = {"object_store_memory": 80 * 2**20}
    begin = time.monotonic()
    started = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **memory}
    )
    for _ in range(2):
        started.add_node(num_cpus=1, **memory)
    ray.init(address=started.address, log_to_driver=False)
    print(f"\ncluster of three nodes: {time.monotonic() - begin:.0f} s")
    yield started
    ray.shutdown()
    started.shutdown()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """20,000 small pictures: crops of the photographs, many with copies, some plain or broken."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    sources = [Image.open(path) for path in sorted(PHOTOS.glob("*_copy.jpg"))]
    sources = [one.convert("RGB").resize((400, 300)) for one in sources]
    for number in range(IMAGES):
        if number % 3 == 0:
            x, y, width = generator.integers(0, (250, 150, 60))
            crop = sources[number % len(sources)].crop((x, y, x + 90 + width, y + 90 + width))
        quality = int(generator.integers(60, 95))
        crop.resize((48, 48)).save(folder / f"{number:05d}.jpg", quality=quality)
    for number in range(5):
        Image.new("RGB", (30, 30), (number // 2 * 9, 0, 0)).save(folder / f"plain{number}.png")
        (folder / f"broken{number}.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    return folder


@pytest.fixture(scope="module")
def undisturbed(cluster, photos, tmp_path_factory):
    """The work folder of a job that nothing happened to, and its result."""
    work_dir = tmp_path_factory.mktemp("undisturbed") / "work"
    begin = time.monotonic()
    result = run(photos, work_dir, method="phash", threshold=6, **SIZES)
    print(f"\n{IMAGES:,} images: {time.monotonic() - begin:.0f} s")
    return work_dir, result


def files_of(work_dir):
    """What is complete; a killed node may leave what it was writing, under another name."""
    files = (path for ending in ("parquet", "done") for path in work_dir.rglob(f"*.{ending}"))
    return {path.relative_to(work_dir): path.read_bytes() for path in files}


def test_a_cluster_finds_what_one_machine_finds(photos, undisturbed):
    expected = PHash(verbose=False).search(photos, threshold=6)
    found = undisturbed[1].duplicates()
    assert found == expected
    assert found.failures == expected.failures
    assert len(found.failures) == 5
    print(f"\n{found.pair_count:,} pairs, {len(found):,} groups of {IMAGES:,} images")
    assert found.pair_count > IMAGES / 2


@pytest.mark.parametrize("stage", ["encoded", "pairs", "round-001"])
def test_a_node_is_killed(cluster, photos, undisturbed, tmp_path, stage):
    work_dir = tmp_path / "work"
    earlier = {"encoded": (), "pairs": ("listing", "failed", "encoded")}
    for name in earlier.get(stage, ("listing", "failed", "encoded", "pairs", "groups", "unique")):
        shutil.copytree(undisturbed[0] / name, work_dir / name)
    if stage != "encoded":
        shutil.copy(undisturbed[0] / "listing.json", work_dir)
    if stage == "round-001":
        for name in ("codes-by-key", "codes-by-chunk"):
            shutil.copytree(undisturbed[0] / name, work_dir / name)
    job = threading.Thread(
        target=run, args=(photos, work_dir), kwargs={"method": "phash", "threshold": 6, **SIZES}
    )
    job.start()
    wait_until(lambda: any((work_dir / stage).glob("*.done")), 120)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    stopped_at = len(list((work_dir / stage).glob("*.done")))
    job.join(timeout=240)
    assert not job.is_alive()
    total = len(list((work_dir / stage).glob("*.done")))
    cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    print(f"\na node killed at {stage} {stopped_at} of {total}")
    assert stopped_at < total
    assert files_of(work_dir) == files_of(undisturbed[0])


@pytest.fixture(scope="module")
def few(photos, tmp_path_factory):
    """A few of the pictures, and copies of the photographs that they are of."""
    folder = tmp_path_factory.mktemp("few")
    for path in sorted(photos.iterdir())[:120]:
        shutil.copy(path, folder)
    for path in PHOTOS.glob("*_copy*"):
        shutil.copy(path, folder)
    return folder


VERIFYING = {"method": "phash", "threshold": 8, "verify": True, "candidates": 3}
FEW = {"shard_size": 40, "task_size": 256 * 24}


def test_a_node_is_killed_while_pairs_are_verified(cluster, few, tmp_path):
    work_dir = tmp_path / "work"
    job = threading.Thread(target=run, args=(few, work_dir), kwargs={**VERIFYING, **FEW})
    job.start()
    wait_until(lambda: any((work_dir / "verified").glob("*.done")), 120)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    stopped_at = len(list((work_dir / "verified").glob("*.done")))
    job.join(timeout=240)
    cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    assert not job.is_alive()
    total = len(list((work_dir / "verified").glob("*.done")))
    print(f"\na node killed at verified {stopped_at} of {total}")
    assert stopped_at < total
    found = run(few, work_dir, **VERIFYING, **FEW).duplicates()
    expected = PHash(verbose=False).search(few, threshold=8, verify=True, candidates=3)
    assert found == expected
    assert list(found.rows()) == list(expected.rows())
    assert found.pair_count > 50


DRIVER_OF_FEW = """
import sys, ray
from imagededup.distributed import run
ray.init(address=sys.argv[1], log_to_driver=False)
run(sys.argv[2], sys.argv[3], shard_size=10, task_size=64 * 120, method="phash", threshold=8)
"""


def test_a_driver_that_is_killed_goes_on_where_it_was(cluster, few, tmp_path):
    settings = {"method": "phash", "threshold": 8, "shard_size": 10, "task_size": 64 * 120}
    run(few, tmp_path / "undisturbed", **settings)
    work_dir = tmp_path / "work"
    command = [sys.executable, "-c", DRIVER_OF_FEW, cluster.address, str(few), str(work_dir)]
    for stage in ("encoded", "codes-by-chunk", "round-001"):
        driver = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(lambda stage=stage: any((work_dir / stage).glob("*.done")), 120)
        driver.kill()
        driver.wait()
        assert not any((work_dir / "components").glob("*.done"))
    run(few, work_dir, **settings)
    assert files_of(work_dir) == files_of(tmp_path / "undisturbed")


def make_fake_gpu_encoder():
    """An encoder that says that it runs on a GPU, and leaves a file for each time it is made."""

    class OnGpu(PHash):
        def __init__(self):
            super().__init__(verbose=False)
            device = os.environ.get("CUDA_VISIBLE_DEVICES", "none")
            Path(os.environ["MADE"], f"{device}-{os.getpid()}-{time.monotonic_ns()}").touch()

        def _hardware(self):
            return "cuda fake"

    return OnGpu()


def test_there_is_an_actor_for_each_gpu(cluster, few, tmp_path, monkeypatch):
    monkeypatch.setenv("MADE", str(tmp_path))
    node = cluster.add_node(
        num_cpus=4, num_gpus=2, object_store_memory=80 * 2**20, env_vars={"MADE": str(tmp_path)}
    )
    try:
        tasks = RayTasks()
        wait_until(lambda: tasks.gpu_share() is not None)
        assert tasks.gpu_share() == Share(cores=2, gpus=1)
        job = ask(few, tmp_path / "other", method="cnn")
        assert not tasks.answer(uses_gpu, (job,), tasks.gpu_share())  # no CUDA here
        for path in tmp_path.iterdir():
            path.unlink()
        found = run(few, tmp_path / "work", method=make_fake_gpu_encoder, shard_size=20)
    finally:
        cluster.remove_node(node)
    assert found.duplicates() == PHash(verbose=False).search(few)
    made = [path.name.split("-") for path in tmp_path.glob("*-*-*")]
    here = [device for device, process, _ in made if int(process) == os.getpid()]
    assert here == ["none"]
    actors = [device for device, process, _ in made if int(process) != os.getpid()]
    assert set(actors) == {"0", "1"}
    assert len(actors) <= 3  # one asked whether it can use a GPU


def test_a_disk_that_is_full(tmp_path):
    if why_no_mounts():
        pytest.skip(why_no_mounts())
    disk = tmp_path / "disk"
    disk.mkdir()
    job = f"{sys.executable} -m imagededup distributed {PHOTOS} --work_dir {disk}/work -m phash"
    script = f"""
    mount -t tmpfs -o size=20k none {disk}
    {job}; echo "ended with $?"
    find {disk}/work -type f -not -name '*.*'
    mount -o remount,size=20m none {disk}
    {job}; echo "ended with $?"
    """
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == "ended with 1"
    assert "cannot be written: [Errno 28] No space left on device" in done.stderr
    assert done.stdout.splitlines()[-1] == "ended with 0"
    assert "28 images, 22 of them in 3 groups of duplicates" in done.stdout


def test_a_cluster_of_our_own_keeps_to_the_loopback(tmp_path):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-qq", "-e", "trace=connect,bind,sendto,sendmsg", "-o", str(trace)]
    command += [sys.executable, "-m", "imagededup", "distributed", str(PHOTOS)]
    command += ["--work_dir", str(tmp_path / "work"), "-m", "phash"]
    done = subprocess.run(command, capture_output=True, text=True)
    if "ptrace" in done.stderr:
        pytest.skip("strace is not allowed to trace")
    assert done.returncode == 0, done.stderr
    called = re.findall(r"inet_(?:addr|pton)\((?:AF_INET6, )?\"([^\"]*)\"", trace.read_text())
    assert len(called) > 20
    assert set(called) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"}


def make_deadly():
    """An encoder that takes its process with it where an image is 13 pixels wide and high."""

    class DeadlyPHash(PHash):
        def _prepare(self, pixels):
            if pixels.shape[:2] == (13, 13):
                os.kill(os.getpid(), signal.SIGSEGV)
            return super()._prepare(pixels)

    return DeadlyPHash(verbose=False)


def test_a_poisoned_image_kills_no_worker_for_good(cluster, tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(PHOTOS, folder)
    expected = PHash(verbose=False).search(folder)
    Image.new("RGB", (13, 13)).save(folder / "poison.png")
    found = run(folder, tmp_path / "work", method=make_deadly, shard_size=10).duplicates()
    failed = {one.name: one.reason for one in found.failures}
    assert failed["poison.png"] == "the worker died while it read the image"
    assert len(failed) == 2
    assert found.to_dict(scores=True) == expected.to_dict(scores=True)


def test_errors_of_tasks_are_the_packages_own(cluster, tmp_path):
    with pytest.raises(InvalidValueError, match="source must be a folder"):
        run(tmp_path / "nowhere", tmp_path / "work", method="phash")


def test_the_command(cluster, tmp_path, capfd):
    page = tmp_path / "page.html"
    arguments = ["distributed", str(PHOTOS), "--work_dir", str(tmp_path / "work")]
    assert run_command([*arguments, "--method", "phash", "-o", str(page)]) == 0
    out = capfd.readouterr().out
    assert "28 images, 22 of them in 3 groups of duplicates" in out
    assert "1 could not be read" in out
    assert re.search(r"^encode: 27 images, .* core seconds, .* a second and core$", out, re.M)
    assert "temple_copy.jpg" in page.read_text(encoding="utf-8")


def test_the_command_starts_ray_and_works_in_an_object_store(tmp_path):
    (tmp_path / "bucket").mkdir()
    arguments = ["distributed", PHOTOS, "--work_dir", "s3://bucket/job", "--method", "phash"]
    arguments += ["--verify", "-o", tmp_path / "pairs.csv"]
    with server("s3_server.py", f"bucket={tmp_path / 'bucket'}") as url:
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1"}
        command = [sys.executable, "-m", "imagededup", *map(str, arguments)]
        for _ in range(2):  # the second one finds all complete
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            assert "28 images, 24 of them in 3 groups of duplicates" in done.stdout
    PHash(verbose=False).search(PHOTOS, verify=True).write_csv(tmp_path / "expected.csv")
    assert (tmp_path / "pairs.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()


def test_many_hashes(cluster, tmp_path):
    codes = near_hashes(MANY)
    job = ask("/nowhere", tmp_path / "work", threshold=6, shard_size=MANY // 40, task_size="4M")
    store_codes(job, codes)
    begin = time.monotonic()
    run("/nowhere", tmp_path / "work", method="phash", threshold=6, recursive=True,
        shard_size=MANY // 40, task_size="4M")  # fmt: skip
    print(f"\n{MANY:,} hashes: {time.monotonic() - begin:.0f} s")
    assert_same_pairs(job, search_hamming(codes, 6, workers=2))


def test_many_descriptors(cluster, tmp_path):
    codes = near_descriptors(MANY, 64)
    settings = {"threshold": 0.85, "recursive": True, "shard_size": MANY // 40, "task_size": "16M"}
    job = ask("/nowhere", tmp_path / "work", method="cnn", **settings)
    store_codes(job, codes)
    begin = time.monotonic()
    run("/nowhere", tmp_path / "work", method="cnn", **settings)
    seconds = time.monotonic() - begin
    found = found_pairs(job)[:, :2].astype(np.int64)
    keys = found[:, 0] * MANY + found[:, 1]
    assert len(np.unique(keys)) == len(keys)
    unit = codes / np.linalg.norm(codes, axis=1)[:, None]
    exact = []
    for item in np.linspace(0, MANY - 1, 2000).astype(np.int64).tolist():
        others = np.flatnonzero(unit @ unit[item] >= 0.85 + 1e-5)
        exact.append(np.minimum(others, item) * MANY + np.maximum(others, item))
        exact[-1] = exact[-1][others != item]
    wanted = np.unique(np.concatenate(exact))
    recall = np.isin(wanted, keys).mean()
    print(f"\n{MANY:,} descriptors: {seconds:.0f} s, recall {recall:.4f} of {len(wanted):,} pairs")
    assert len(wanted) > 500
    assert recall >= 0.98


DRIVER = """
import sys
from pathlib import Path
import ray
from imagededup.distributed import run
ray.init(address=sys.argv[1], log_to_driver=False)
settings = dict(method="phash", threshold=3, recursive=True, shard_size=10_000, task_size="4M")
run("/nowhere", sys.argv[2], **settings)
print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])
"""


def test_the_memory_of_the_driver_is_bounded(cluster, tmp_path):
    peaks = {}
    for count in (MANY // 10, MANY):
        job = ask("/nowhere", tmp_path / str(count), threshold=3, shard_size=10_000, task_size="4M")
        store_codes(job, near_hashes(count))
        arguments = [sys.executable, "-c", DRIVER, cluster.address, str(tmp_path / str(count))]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        peaks[count] = int(done.stdout.split()[-1]) / 1024
    print(f"\nmemory of the driver in MiB: {peaks}")
    low, high = peaks.values()
    assert high - low < 20
