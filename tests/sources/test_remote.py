"""Remote images against servers in processes of their own; nothing leaves the machine."""

import http.server
import json
import logging
import socketserver
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from imagededup.errors import InvalidValueError, MissingPackageError, UnreadableImageError
from imagededup.sources import remote, remote_blob
from imagededup.sources.addresses import NOT_FETCHED, as_path
from imagededup.sources.limits import set_limits
from imagededup.sources.read_ahead import IN_FLIGHT, reading_ahead
from imagededup.sources.remote import RemoteBlob, list_remote, open_remote, read_whole
from imagededup.sources.stores import close_stores
from tests.conftest import photograph

pytestmark = pytest.mark.usefixtures("alone")

ODD = "Größe 100%25+ä#b?c=d&e.jpg"


def names_in(address, recursive=True):
    return [file.name for file in list_remote(address, recursive)]


def reason_of(function, *arguments):
    with pytest.raises(UnreadableImageError) as error:
        function(*arguments)
    return str(error.value).removeprefix(NOT_FETCHED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures, some below folders, and what is passed over."""
    root = tmp_path_factory.mktemp("bucket")
    for number, name in enumerate(["a.jpg", "b-1.jpg", "b/1.jpg", "b/c/2.jpg", "b.jpg", ODD]):
        path = root / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        photograph(number, (32, 24)).save(path)
    for hidden in (".hidden.jpg", "b/.cache/x.jpg"):
        (root / "photos" / hidden).parent.mkdir(exist_ok=True)
        (root / "photos" / hidden).write_bytes(b"x")
    (root / "shard.tar").write_bytes(np.random.default_rng(0).bytes(3_500_000))
    (root / "public").mkdir()
    photograph(7, (32, 24)).save(root / "public" / "open.jpg")
    (root / "photos" / "many").mkdir()
    for number in range(40):
        (root / "photos" / "many" / f"{number:02d}.jpg").write_bytes(bytes([number]) * 100)
    return root


class Handler(http.server.SimpleHTTPRequestHandler):
    """Python's own server, which lists folders and knows no ranges, with some redirects."""

    def do_GET(self):
        if self.path == "/sign?key=a%2Fb+c":
            self.answer(200)
        elif self.path == "/moved.jpg":
            self.answer(302, ("Location", "/photos/a.jpg"))
        elif self.path == "/local.jpg":
            self.answer(302, ("Location", "file:///etc/hostname"))
        else:
            super().do_GET()

    def answer(self, status, *headers):
        self.send_response(status)
        for header in [*headers, ("Content-Length", "0")]:
            self.send_header(*header)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def web(folder):
    handler = partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class TestListing:
    def test_below_a_folder(self, proxy):
        names = [name for name in names_in("s3://bucket/photos") if not name.startswith("many/")]
        assert names == [ODD, "a.jpg", "b-1.jpg", "b.jpg", "b/1.jpg", "b/c/2.jpg"]

    def test_in_a_folder(self, proxy):
        assert names_in("s3://bucket/photos/b/", recursive=False) == ["1.jpg"]
        assert names_in("s3://bucket", recursive=False) == ["shard.tar"]
        assert names_in("s3://bucket")[-2:] == ["public/open.jpg", "shard.tar"]

    def test_keys_that_no_path_has(self, proxy, s3_client):
        keys = ["/a.jpg", "b//c.jpg", "b/d.jpg//e.jpg"]
        for key in keys:
            s3_client.put_object(Bucket="bucket", Key=f"keys/{key}", Body=key.encode())
        assert names_in("s3://bucket/keys") == keys
        for key in keys:
            path = as_path(f"s3://bucket/keys/{key}")
            assert read_whole(path) == read_whole(f"s3://bucket/keys/{key}") == key.encode()
        for key in keys:
            s3_client.delete_object(Bucket="bucket", Key=f"keys/{key}")

    def test_one_object(self, proxy, folder):
        (file,) = list_remote("s3://bucket/photos/b/1.jpg", False)
        assert file.name == "1.jpg"
        assert file.size == (folder / "photos/b/1.jpg").stat().st_size
        assert file.modified % 10**9 == 0
        assert file.modified > 1_700_000_000 * 10**9
        assert len(file.etag) == 32

    def test_state_is_that_of_the_object(self, proxy):
        (listed,) = (f for f in list_remote("s3://bucket/photos", False) if f.name == "a.jpg")
        (alone,) = list_remote("s3://bucket/photos/a.jpg", False)
        assert alone == replace(listed, is_place=True)

    @pytest.mark.parametrize(
        ("address", "reason"),
        [
            ("s3://bucket/none", "s3://bucket/none cannot be listed: no such file"),
            ("s3://nobucket/x", "s3://nobucket/x cannot be listed: no such bucket"),
            ("minio://home/b", "minio://home/b cannot be listed: there is no alias 'home'"),
        ],
    )
    def test_what_is_not_there(self, proxy, address, reason):
        with pytest.raises(InvalidValueError, match=reason):
            names_in(address)

    def test_a_page_is_asked_for_again(self, proxy):
        proxy.follow({"match": "list-type", "kind": "status", "status": 503})
        assert names_in("s3://bucket/photos/b") == ["1.jpg", "c/2.jpg"]
        assert len(proxy.seen()["requests"]) == 2


class TestReading:
    def test_one_request_an_object(self, proxy, folder):
        assert read_whole("s3://bucket/photos/a.jpg") == (folder / "photos/a.jpg").read_bytes()
        assert [line.split()[0] for line in proxy.seen()["requests"]] == ["GET"]

    def test_any_key(self, proxy, folder):
        assert read_whole(f"s3://bucket/photos/{ODD}") == (folder / "photos" / ODD).read_bytes()

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "status", "status": 503},
            {"kind": "status", "status": 500, "times": 3},
            {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}},
            {"kind": "cut"},
            {"kind": "cut", "times": 3},
        ],
        ids=str,
    )
    def test_what_passes_is_tried_again(self, proxy, folder, fault):
        proxy.follow(fault | {"match": "a.jpg"})
        assert read_whole("s3://bucket/photos/a.jpg") == (folder / "photos/a.jpg").read_bytes()
        assert len(proxy.seen()["requests"]) == fault.get("times", 1) + 1

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            ({"kind": "status", "status": 503}, "the server answers 503, in 4 tries"),
            ({"kind": "cut"}, "the server cut the connection, in 4 tries"),
        ],
    )
    def test_four_tries(self, proxy, fault, reason):
        proxy.follow(fault | {"match": "a.jpg", "times": -1})
        assert reason_of(read_whole, "s3://bucket/photos/a.jpg") == reason
        assert len(proxy.seen()["requests"]) == 4

    def test_a_dropped_connection(self, proxy, folder):
        """For some of these, aiohttp itself opens a new connection."""
        proxy.follow({"match": "a.jpg", "kind": "drop", "times": 2})
        assert read_whole("s3://bucket/photos/a.jpg") == (folder / "photos/a.jpg").read_bytes()
        proxy.follow({"match": "a.jpg", "kind": "drop", "times": -1})
        reason = reason_of(read_whole, "s3://bucket/photos/a.jpg")
        assert reason == "the server cut the connection, in 4 tries"

    @pytest.mark.parametrize(
        ("status", "reason"),
        [(403, "access denied (403)"), (404, "no such file"), (418, "the server answers 418")],
    )
    def test_what_stays_is_tried_once(self, proxy, status, reason):
        proxy.follow({"match": "a.jpg", "kind": "status", "status": status, "times": -1})
        assert reason_of(read_whole, "s3://bucket/photos/a.jpg") == reason
        assert len(proxy.seen()["requests"]) == 1

    def test_what_is_not_there(self, proxy):
        assert reason_of(read_whole, "s3://bucket/photos/none.jpg") == "no such file"
        assert reason_of(read_whole, "s3://nobucket/none.jpg") == "no such bucket"
        assert "an object: bucket/key" in reason_of(read_whole, "s3://bucket")

    def test_a_trickle_ends_with_the_time(self, proxy):
        read_whole("s3://bucket/photos/many/00.jpg")
        proxy.follow({"match": "a.jpg", "kind": "trickle", "times": -1})
        set_limits(seconds=0.3)
        reason = reason_of(read_whole, "s3://bucket/photos/a.jpg")
        assert reason.startswith("a read of 0.3 s, more than the limit of 0.3 s")

    def test_longer_than_the_limit(self, proxy):
        set_limits(file_size=99)
        reason = reason_of(read_whole, "s3://bucket/photos/many/00.jpg")
        assert reason.startswith("a file of 100 bytes, more than the limit of 99 bytes")

    def test_no_server(self, monkeypatch, credentials):
        with socketserver.TCPServer(("127.0.0.1", 0), None) as closed:
            address = closed.server_address
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{address[1]}")
        reason = reason_of(read_whole, "s3://bucket/photos/a.jpg")
        assert reason == "the server cannot be reached, in 4 tries"

    def test_no_address(self):
        assert "Port out of range" in reason_of(read_whole, "http://127.0.0.1:99999/a.jpg")
        with pytest.raises(InvalidValueError, match="is no address"):
            names_in("http://[/")

    def test_sixteen_threads_have_sixteen_reads_in_flight(self, proxy):
        addresses = [f"s3://bucket/photos/many/{number:02d}.jpg" for number in range(32)]
        read_whole(addresses[0])
        proxy.follow(gather=16)
        with ThreadPoolExecutor(16) as threads:
            found = list(threads.map(read_whole, addresses))
        assert found == [bytes([number]) * 100 for number in range(32)]
        assert proxy.seen()["most"] == 16


class TestReadingAhead:
    ADDRESSES = [f"s3://bucket/photos/many/{number:02d}.jpg" for number in range(40)]

    def test_one_thread_has_sixteen_reads_in_flight(self, proxy):
        proxy.follow(gather=16)
        with reading_ahead(self.ADDRESSES):
            found = [read_whole(address) for address in self.ADDRESSES]
        assert found == [bytes([number]) * 100 for number in range(40)]
        seen = proxy.seen()
        assert seen["most"] == IN_FLIGHT == 16
        assert len(seen["requests"]) == 40

    def test_the_order_does_not_matter(self, proxy):
        with reading_ahead(["local.jpg", *self.ADDRESSES]):
            found = [read_whole(address) for address in reversed(self.ADDRESSES)]
        assert found == [bytes([number]) * 100 for number in reversed(range(40))]

    def test_an_image_that_is_opened_again_is_not_read_again(self, proxy):
        with reading_ahead(self.ADDRESSES[:2]):
            assert read_whole(self.ADDRESSES[0]) == read_whole(self.ADDRESSES[0])
        assert sum("00.jpg" in line for line in proxy.seen()["requests"]) == 1

    def test_failures_are_those_of_each_image(self, proxy):
        proxy.follow({"match": "01.jpg", "kind": "status", "status": 403})
        with reading_ahead([*self.ADDRESSES[:2], "gs://bucket/x"]):
            assert read_whole(self.ADDRESSES[0]) == bytes(100)
            assert reason_of(read_whole, self.ADDRESSES[1]) == "access denied (403)"
            assert "imagededup[gcs]" in reason_of(read_whole, "gs://bucket/x")


class TestParts:
    def test_long_files_are_read_in_parts(self, proxy, folder, monkeypatch):
        monkeypatch.setattr(remote, "_MOST_AT_ONCE", 1_000_000)
        blob = open_remote("s3://bucket/shard.tar")
        assert isinstance(blob, RemoteBlob)
        assert blob.read(3_000_000, 3_000_009) == (folder / "shard.tar").read_bytes()[-500_000:][:9]
        assert open_remote("s3://bucket/photos/many/07.jpg").read(0, 9) == b"\7" * 9
        set_limits(file_size=3_000_000)
        reason = reason_of(open_remote, "s3://bucket/shard.tar")
        assert reason.startswith("a file of 3.5 MB, more than the limit of 3.0 MB")
        proxy.follow({"match": "a.jpg", "kind": "endless", "times": -1})
        reason = reason_of(open_remote, f"{proxy.url}/a.jpg")
        assert reason == "a long file, and the server does not say how long"

    def test_bytes_of_a_range(self, proxy, folder):
        whole = (folder / "photos/a.jpg").read_bytes()
        blob = RemoteBlob.open("s3://bucket/photos/a.jpg")
        assert blob.size == len(whole)
        assert blob.read(5, 40) == whole[5:40]
        assert blob.read(len(whole) - 3, len(whole) + 10) == whole[-3:]
        assert blob.read(len(whole), len(whole) + 10) == b""

    def test_small_reads_that_follow_one_another_are_few_requests(self, proxy, folder):
        whole = (folder / "shard.tar").read_bytes()
        blob = RemoteBlob.open("s3://bucket/shard.tar")
        found = [blob.read(begin, begin + 10_000) for begin in range(0, len(whole), 10_000)]
        assert b"".join(found) == whole
        methods = [line.split()[0] for line in proxy.seen()["requests"]]
        assert methods == ["HEAD", *["GET"] * 4]
        assert blob.read(900_000, 3_400_000) == whole[900_000:3_400_000]

    def test_a_block_that_failed_is_asked_for_again(self, proxy, folder):
        blob = RemoteBlob.open("s3://bucket/shard.tar")
        proxy.follow({"match": "shard", "kind": "status", "status": 403})
        assert reason_of(blob.read, 0, 9) == "access denied (403)"
        assert blob.read(0, 9) == (folder / "shard.tar").read_bytes()[:9]

    def test_a_changed_object_is_not_mixed(self, proxy, s3_client):
        s3_client.put_object(Bucket="bucket", Key="changed.tar", Body=b"before")
        blob = RemoteBlob.open("s3://bucket/changed.tar")
        again = RemoteBlob.open("s3://bucket/changed.tar")
        s3_client.put_object(Bucket="bucket", Key="changed.tar", Body=b"after!")
        assert reason_of(blob.read, 0, 3) == "the file has changed since it was opened"
        s3_client.delete_object(Bucket="bucket", Key="changed.tar")
        assert reason_of(again.read, 0, 3) == "no such file"


class TestCredentials:
    def test_none_are_found(self, monkeypatch, proxy, caplog, folder):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        with caplog.at_level(logging.INFO, "imagededup"):
            found = read_whole("s3://bucket/public/open.jpg")
        assert found == (folder / "public/open.jpg").read_bytes()
        assert "objects are read anonymously" in caplog.text
        reason = reason_of(read_whole, "s3://bucket/photos/a.jpg")
        assert reason == "access denied; no credentials are found, hence it was read anonymously"

    def test_a_profile_that_is_not_there(self, monkeypatch):
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        assert "nobody" in reason_of(read_whole, "s3://bucket/photos/a.jpg")

    def test_minio_by_the_environment(self, monkeypatch, s3_url):
        monkeypatch.setenv("MC_HOST_home", s3_url.replace("//", "//key:se/cr:et@"))
        assert read_whole("minio://home/bucket/photos/many/02.jpg") == b"\2" * 100
        assert names_in("minio://home/bucket/photos/b") == ["1.jpg", "c/2.jpg"]

    def test_minio_by_its_file(self, monkeypatch, s3_url, tmp_path):
        monkeypatch.setenv("MC_CONFIG_DIR", str(tmp_path))
        config = tmp_path / "config.json"
        alias = {"url": s3_url, "accessKey": "key", "secretKey": "secret", "api": "S3v4"}
        config.write_text(json.dumps({"version": "10", "aliases": {"home": alias}}))
        assert read_whole("minio://home/bucket/photos/many/03.jpg") == b"\3" * 100
        assert f"{config} has no alias 'x', it has: home" in reason_of(read_whole, "minio://x/b/k")
        config.write_text("{")
        assert "cannot be read as the config" in reason_of(read_whole, "minio://y/b/k")


@pytest.mark.parametrize(
    ("address", "module", "extra"),
    [
        ("s3://b/k", "s3fs", "s3"),
        ("minio://home/b/k", "s3fs", "s3"),
        ("gs://b/k", "gcsfs", "gcs"),
        ("az://c/k", "adlfs", "az"),
        ("https://h/k", "aiohttp", "http"),
        ("http://h/k", "fsspec", "http"),
    ],
)
def test_without_the_extra(monkeypatch, address, module, extra):
    monkeypatch.setenv("MC_HOST_home", "http://127.0.0.1:1")
    close_stores()
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    for name in ("s3", "http"):
        monkeypatch.delitem(sys.modules, f"imagededup.sources.{name}", raising=False)
    needed = f"needs a further package (pip install 'imagededup[{extra}]')"
    assert reason_of(read_whole, address) == needed
    with pytest.raises(MissingPackageError) as error:
        names_in(address)
    assert str(error.value) == f"{address} {needed}"


@pytest.mark.long
def test_a_forked_process_reads_as_its_parent_does(proxy):
    """Loops and sockets do not outlive a fork; reads that are under way belong to the parent."""
    script = """
import os, sys
from imagededup.sources.read_ahead import reading_ahead
from imagededup.sources.remote import RemoteBlob, read_whole
one, other = (f"s3://bucket/photos/many/{name}.jpg" for name in ("01", "02"))
blob = RemoteBlob.open(one)
with reading_ahead([one, other]):
    print(len(read_whole(one)), len(blob.read(0, 9)), flush=True)
    child = os.fork()
    print(len(read_whole(other)), len(blob.read(0, 9)), flush=True)
    if not child:
        sys.exit()
    print(os.waitpid(child, 0)[1])
print(len(read_whole(one)))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n") == ["100 9", "100 9", "100 9", "0", "100", ""]
    assert done.stderr == ""


class TestWebServers:
    def test_a_file(self, web, folder):
        assert read_whole(f"{web}/photos/a.jpg") == (folder / "photos/a.jpg").read_bytes()
        assert read_whole(f"{web}/moved.jpg") == (folder / "photos/a.jpg").read_bytes()
        assert reason_of(read_whole, f"{web}/none.jpg") == "no such file"

    def test_an_address_is_sent_as_it_is(self, web):
        assert read_whole(f"{web}/sign?key=a%2Fb+c") == b""

    def test_no_redirect_to_files(self, web):
        assert "file:///etc/hostname" in reason_of(read_whole, f"{web}/local.jpg")

    def test_a_page_with_links(self, web, folder):
        names = [name for name in names_in(f"{web}/photos/") if not name.startswith("many/")]
        assert names[1:] == ["a.jpg", "b-1.jpg", "b.jpg", "b/1.jpg", "b/c/2.jpg"]
        assert read_whole(f"{web}/photos/{names[0]}") == (folder / "photos" / ODD).read_bytes()
        assert names_in(f"{web}/photos/b/", recursive=False) == ["1.jpg"]

    def test_one_address(self, web, folder):
        (file,) = list_remote(f"{web}/photos/a.jpg?size=large", True)
        assert (file.name, file.size) == (
            "a.jpg?size=large",
            (folder / "photos/a.jpg").stat().st_size,
        )

    def test_parts(self, web, s3_url):
        assert RemoteBlob.open(f"{s3_url}/bucket/public/open.jpg").read(0, 2) == b"\xff\xd8"

    def test_a_server_that_sends_no_parts(self, web, folder, monkeypatch):
        blob = RemoteBlob.open(f"{web}/shard.tar")
        whole = (folder / "shard.tar").read_bytes()
        assert blob.read(1_000_000, 1_000_009) == whole[1_000_000:1_000_009]
        monkeypatch.setattr(remote_blob, "_MOST_WHOLE", 1_000_000)
        reason = reason_of(RemoteBlob.open(f"{web}/shard.tar").read, 0, 2)
        assert reason == "too long for a server that sends no parts of files"

    def test_an_endless_file(self, proxy):
        proxy.follow({"match": "a.jpg", "kind": "endless"})
        set_limits(file_size=10**6)
        reason = reason_of(read_whole, f"{proxy.url}/a.jpg")
        assert "more than the limit of 1.0 MB" in reason
