"""Remote images wherever images are read: what comes out is what comes out of a folder."""

import csv
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import numpy as np
import pytest

from imagededup import CNN, PHash
from imagededup.errors import InvalidValueError
from imagededup.fastdup import run
from imagededup.methods.encoding import encode_files
from imagededup.sources.addresses import NOT_FETCHED
from imagededup.sources.listing import list_images
from imagededup.sources.remote import list_remote, read_whole
from imagededup.sources.stores import close_stores
from imagededup.verification.collection import verify_pairs
from tests.conftest import photograph
from tests.sources.servers import Proxy, server

pytestmark = pytest.mark.usefixtures("alone")

FAULTS = (
    {"match": "03.jpg", "kind": "status", "status": 503},
    {"match": "04.jpg", "kind": "cut", "times": 2},
    {"match": "05.jpg", "kind": "drop"},
)


def make_pictures(folder, count, distinct):
    """Tiny pictures, a few of them distinct, in two folders."""
    (folder / "sub").mkdir(parents=True)
    data = []
    for number in range(distinct):
        photograph(number, (32, 24)).save(folder / "one.jpg")
        data.append((folder / "one.jpg").read_bytes())
    (folder / "one.jpg").unlink()
    for number in range(count):
        name = f"{'sub/' if number % 3 else ''}{number:04d}.jpg"
        (folder / name).write_bytes(data[number % distinct])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("bucket")
    make_pictures(root / "photos", 40, 20)
    (root / "photos" / "notes.jpg").write_text("no image")
    (root / "photos" / "empty.jpg").touch()
    with tarfile.open(root / "shard.tar", "w") as archive:
        archive.add(root / "photos", ".")
    return root


def encoded(place, **options):
    images = encode_files([PHash(verbose=False)], list_images(place, recursive=True), workers=2)[0]
    codes = dict(zip(images.names, images.codes.tolist(), strict=True))
    return codes, {failure.name: failure.reason for failure in images.failures}


class TestEncoders:
    def test_all_is_as_in_a_folder(self, proxy, folder):
        proxy.follow(*FAULTS, gather=16)
        assert encoded("s3://bucket/photos") == encoded(folder / "photos")
        seen = proxy.seen()
        assert seen["most"] >= 16
        reads = [line for line in seen["requests"] if "list-type" not in line]
        assert len(reads) == 42 + 1 + 2 + 1

    def test_an_archive_is_as_a_folder(self, proxy, folder):
        assert encoded("s3://bucket/shard.tar") == encoded(folder / "photos")

    def test_one_image_may_be_out_of_reach(self, proxy, folder):
        proxy.follow({"match": "0007.jpg", "kind": "status", "status": 503, "times": -1})
        codes, failures = encoded("s3://bucket/photos")
        expected, other = encoded(folder / "photos")
        del expected["sub/0007.jpg"]
        assert codes == expected
        assert failures == other | {
            "sub/0007.jpg": f"{NOT_FETCHED}the server answers 503, in 4 tries"
        }

    def test_keys_that_no_path_has(self, proxy, folder, s3_client):
        body = (folder / "photos" / "0000.jpg").read_bytes()
        for key in ("odd//a.jpg", "odd/b//c.jpg"):
            s3_client.put_object(Bucket="bucket", Key=key, Body=body)
        codes, failures = encoded("s3://bucket/odd")
        assert (list(codes), failures) == (["/a.jpg", "b//c.jpg"], {})
        for key in ("odd//a.jpg", "odd/b//c.jpg"):
            s3_client.delete_object(Bucket="bucket", Key=key)

    def test_an_image_may_go_after_it_was_listed(self, proxy, s3_client):
        for name in ("a.jpg", "b.jpg"):
            s3_client.put_object(Bucket="bucket", Key=f"gone/{name}", Body=b"x")
        listed = list_images("s3://bucket/gone")
        s3_client.delete_object(Bucket="bucket", Key="gone/b.jpg")
        images = encode_files([PHash(verbose=False)], listed, workers=2)[0]
        assert [(one.name, one.reason) for one in images.failures] == [
            ("a.jpg", "not an image, or of an unknown format"),
            ("b.jpg", f"{NOT_FETCHED}no such file"),
        ]

    def test_a_list_of_addresses(self, proxy, folder, tmp_path):
        one, other = "s3://bucket/photos/0000.jpg", str(folder / "photos" / "0000.jpg")
        rows = [one, other, "gs://bucket/photos/0003.jpg", "az://bucket/photos/"]
        (tmp_path / "list.txt").write_text("\n".join(rows) + "\n")
        encoder = PHash(verbose=False)
        images = encode_files([encoder], list_images(tmp_path / "list.txt"), workers=2)[0]
        assert images.names == sorted([one, other])
        assert (images.codes[0] == images.codes[1]).all()
        assert [failure.name for failure in images.failures] == [rows[3], rows[2]]
        assert "imagededup[gcs]" in images.failures[1].reason

    def test_a_cache_knows_objects_that_have_not_changed(self, proxy, folder, tmp_path, s3_client):
        encoder = PHash(verbose=False, cache_dir=tmp_path)
        body = (folder / "photos" / "0000.jpg").read_bytes()
        for key in ("cached/a.jpg", "cached/b.jpg"):
            s3_client.put_object(Bucket="bucket", Key=key, Body=body)
        codes = encoder.encode_images("s3://bucket/cached")
        assert len(proxy.seen()["requests"]) == 3
        proxy.follow()
        assert encoder.encode_images("s3://bucket/cached") == codes
        assert len(proxy.seen()["requests"]) == 1
        proxy.follow()
        other = (folder / "photos" / "sub" / "0001.jpg").read_bytes()
        s3_client.put_object(Bucket="bucket", Key="cached/b.jpg", Body=other)
        assert encoder.encode_images("s3://bucket/cached")["b.jpg"] != codes["b.jpg"]
        assert len(proxy.seen()["requests"]) == 2

    def test_an_archive_that_has_changed_is_opened_anew(self, proxy, folder, tmp_path, s3_client):
        for number in range(2):
            with tarfile.open(tmp_path / "x.tar", "w") as archive:
                archive.add(folder / "photos" / "0000.jpg", f"{number}.jpg")
            body = (tmp_path / "x.tar").read_bytes()
            s3_client.put_object(Bucket="bucket", Key="x.tar", Body=body)
            codes = PHash(verbose=False, cache_dir=tmp_path).encode_images("s3://bucket/x.tar")
            assert list(codes) == [f"{number}.jpg"]
        s3_client.delete_object(Bucket="bucket", Key="x.tar")

    @pytest.mark.long
    def test_the_network_sees_the_same(self, proxy, folder):
        encoder = CNN(verbose=False)
        remote = encoder.encode_images("s3://bucket/photos", recursive=True)
        local = encoder.encode_images(folder / "photos", recursive=True)
        assert list(remote) == list(local)
        assert all((remote[name] == local[name]).all() for name in local)


def test_a_collection_is_not_compared_with_itself(proxy):
    listed = list_images("s3://bucket/photos", recursive=True)
    with pytest.raises(InvalidValueError, match="all files of"):
        listed.without(list_images(["s3://bucket/photos/"], recursive=True))


def test_the_command(proxy, folder, command):
    code, found, _ = command("find", "s3://bucket/photos", "-r", "--format", "groups")
    assert code == 0
    assert found == command("find", folder / "photos", "-r", "--format", "groups")[1]


def test_the_runner_looks_again_at_what_could_not_be_fetched(proxy, tmp_path, capsys, s3_client):
    proxy.follow({"match": "photos/00", "kind": "status", "status": 503, "times": -1})
    run("s3://bucket/photos", tmp_path / "work", run_mode=1)
    assert "26 good images, 16 bad images" in capsys.readouterr().out
    proxy.follow()
    run("s3://bucket/photos", tmp_path / "work", run_mode=1)
    assert "40 good images, 2 bad images" in capsys.readouterr().out
    assert len(proxy.seen()["requests"]) == 1 + 14
    proxy.follow()
    body = s3_client.get_object(Bucket="bucket", Key="photos/sub/0001.jpg")["Body"].read()
    s3_client.put_object(Bucket="bucket", Key="photos/sub/0001.jpg", Body=body + b" ")
    run("s3://bucket/photos", tmp_path / "work", run_mode=1)
    assert len(proxy.seen()["requests"]) == 2


def test_the_runner(proxy, folder, tmp_path, capsys):
    assert run("s3://bucket/photos", tmp_path / "work", nnmodel=0) == 0
    assert "40 good images, 2 bad images" in capsys.readouterr().out
    with (tmp_path / "work" / "similarity.csv").open() as file:
        pairs = {(row["from"], row["to"]) for row in csv.DictReader(file)}
    assert ("s3://bucket/photos/0000.jpg", "s3://bucket/photos/sub/0020.jpg") in pairs
    bad = (tmp_path / "work" / "features.bad.csv").read_text()
    assert "s3://bucket/photos/empty.jpg" in bad


@pytest.mark.long
def test_verdicts_are_those_of_a_folder(proxy, folder):
    remote = PHash(verbose=False).find_duplicates("s3://bucket/photos", recursive=True, verify=True)
    local = PHash(verbose=False).find_duplicates(folder / "photos", recursive=True, verify=True)
    assert remote == local


def test_verification_has_sixteen_reads_in_flight(proxy):
    """It is the network that is waited for, whatever the number of threads for other work."""
    items = np.arange(32)
    places = [Path(f"s3://bucket/photos/{'sub/' if i % 3 else ''}{i:04d}.jpg") for i in range(32)]
    proxy.follow(gather=16)
    verify_pairs(items[:16], items[16:], places.__getitem__, workers=1)
    assert proxy.seen()["most"] == 16


class TestTwoThousand:
    """More objects than a page of a listing has; with `sub/`, which is no image, three pages."""

    COUNT = 2000

    @pytest.fixture
    def many(self, tmp_path):
        root = tmp_path / "many"
        make_pictures(root, self.COUNT, 7)
        return root

    @pytest.fixture
    def slow(self, many, monkeypatch, credentials):
        with (
            server("s3_server.py", f"many={many}") as s3,
            server("slow_proxy.py", s3.rpartition(":")[2]) as url,
        ):
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
            yield Proxy(url), s3
            close_stores()

    @pytest.mark.long
    def test_all_of_them_with_failures_in_between(self, many, slow):
        proxy, s3 = slow
        listed = list_images("s3://many", recursive=True)
        seen = proxy.seen()["requests"]
        assert len(listed.names) == self.COUNT
        assert ["continuation-token" in line for line in seen] == [False, True, True]
        client = boto3.client("s3", endpoint_url=s3, region_name="us-east-1")
        client.delete_object(Bucket="many", Key="sub/1000.jpg")
        proxy.follow(
            {"match": "00.jpg", "kind": "status", "status": 503},
            {"match": "1.jpg", "kind": "cut"},
            {"match": "sub/1234.jpg", "kind": "status", "status": 503, "times": -1},
            latency=0.05,
        )
        begin = time.perf_counter()
        images = encode_files([PHash(verbose=False)], listed, workers=2)[0]
        seconds = time.perf_counter() - begin
        codes, _ = encoded(many)
        for name in ("sub/1000.jpg", "sub/1234.jpg"):
            del codes[name]
        assert dict(zip(images.names, images.codes.tolist(), strict=True)) == codes
        assert [(one.name, one.reason) for one in images.failures] == [
            ("sub/1000.jpg", f"{NOT_FETCHED}no such file"),
            ("sub/1234.jpg", f"{NOT_FETCHED}the server answers 503, in 4 tries"),
        ]
        seen = proxy.seen()
        assert seen["most"] >= 16
        print(
            f"\n{self.COUNT:,} objects at 50 ms latency: {seconds:.1f} s, at most {seen['most']} "
            f"reads in flight, {len(seen['requests'])} requests"
        )

    @pytest.mark.long
    def test_sixteen_in_flight(self, slow):
        """The figure is printed, and the reads in flight are counted: a clock decides nothing."""
        proxy, _ = slow
        addresses = [f"s3://many/{file.name}" for file in list_remote("s3://many", True)][:320]
        proxy.follow(latency=0.05)
        begin = time.perf_counter()
        for address in addresses[:40]:
            read_whole(address)
        one = 40 / (time.perf_counter() - begin)
        assert proxy.seen()["most"] == 1
        begin = time.perf_counter()
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(read_whole, addresses))
        sixteen = len(addresses) / (time.perf_counter() - begin)
        assert proxy.seen()["most"] == 16
        print(
            f"\n{one:.0f} objects a second with 1 read in flight, {sixteen:.0f} with 16: "
            f"{sixteen / one:.1f} times as many"
        )
