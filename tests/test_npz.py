"""Arrays by name in numpy's format."""

import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from imagededup.utils.npz import Blocks, read_npz, write_npz
from imagededup.utils.packing import packed, unpacked

ARRAYS = {
    "word": np.array("phash"),
    "empty": np.empty((0, 3), np.float32),
    "bytes": np.frombuffer(b"abc", np.uint8),
    "codes": np.arange(5, dtype=np.uint64) << np.uint64(40),
    "table": np.arange(12, dtype=np.float32).reshape(3, 4),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
}


@pytest.fixture
def path(tmp_path):
    write_npz(tmp_path / "a.npz", **ARRAYS)
    return tmp_path / "a.npz"


def same(found, expected):
    return found.keys() == expected.keys() and all(
        np.array_equal(found[name], array) and found[name].dtype == array.dtype
        for name, array in expected.items()
    )


def test_arrays_are_read_as_they_were_written(path):
    assert same(read_npz(path), ARRAYS)


def test_numpy_reads_them_too(path):
    with np.load(path, allow_pickle=False) as stored:
        assert same(dict(stored), ARRAYS)


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_files_that_numpy_has_written(tmp_path, write):
    write(tmp_path / "a.npz", **ARRAYS)
    found = read_npz(tmp_path / "a.npz")
    assert same(found, ARRAYS)
    assert all(array.flags.aligned for array in found.values())


ANONYMOUS_MEMORY = """
import sys
from imagededup.utils.npz import read_npz

def own():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

before = own()
found = read_npz(sys.argv[1])
print(own() - before, len(found["large"]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_is_not_looked_at_needs_no_memory(tmp_path):
    write_npz(tmp_path / "a.npz", large=np.zeros(2**22))  # 32 MiB
    run = [sys.executable, "-c", ANONYMOUS_MEMORY, str(tmp_path / "a.npz")]
    grown, length = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    assert int(length) == 2**22
    assert int(grown) < 8192  # KiB


def test_what_is_mapped_stays_as_it_was_when_the_file_is_replaced(path):
    found = read_npz(path)
    write_npz(path, table=np.zeros((3, 4), np.float32))
    assert same(found, ARRAYS)
    found["table"][:] = 7  # changes no file
    assert same(read_npz(path), {"table": np.zeros((3, 4), np.float32)})


def test_the_same_arrays_give_the_same_bytes(path, tmp_path):
    write_npz(tmp_path / "b.npz", **ARRAYS)
    assert path.read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_an_array_in_blocks(tmp_path):
    table = ARRAYS["table"]
    write_npz(tmp_path / "a.npz", table=Blocks((3, 4), np.float32, (table[:2], table[2:])))
    write_npz(tmp_path / "b.npz", table=table)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_every_changed_byte_of_an_array_is_noticed(path):
    content, codes = path.read_bytes(), ARRAYS["codes"].tobytes()
    begin = content.index(codes)
    for place in range(begin, begin + len(codes)):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="it is damaged"):
            read_npz(path)


def test_files_that_end_early_are_no_arrays(path, tmp_path):
    content = path.read_bytes()
    for end in [0, 1, 30, 100, len(content) // 2, len(content) - 1]:
        (tmp_path / "b.npz").write_bytes(content[:end])
        with pytest.raises(ValueError, match="."):
            read_npz(tmp_path / "b.npz")


def member(array_bytes):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.npy", array_bytes)
    return data.getvalue()


def header(descr, shape):
    data = io.BytesIO()
    contents = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(data, contents)
    return data.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        header("<f8", (2**40,)) + bytes(64),
        header("<f8", (-2, -4)) + bytes(64),
        header("<f8", (4,)) + bytes(64),
        header("|O", (1,)) + bytes(8),
        b"\x93NUMPY\x03\x00" + bytes(64),
        b"PK",
        b"",
    ],
)
def test_headers_that_lie(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(member(content))
    with pytest.raises(ValueError, match="."):
        read_npz(tmp_path / "a.npz")


def test_objects_are_neither_written_nor_read(tmp_path):
    with pytest.raises(ValueError, match="Object arrays"):
        write_npz(tmp_path / "a.npz", a=np.array([{}], object))
    assert list(tmp_path.iterdir()) == []


def test_texts_are_unpacked_as_they_were_packed():
    texts = ["", "a", "ü\udcff", "𝄞\0", "a" * 300, ""]
    assert unpacked(*packed(texts)) == texts
    assert unpacked(*packed([])) == []


@pytest.mark.parametrize("lengths", [[1, 1], [1, 3], [-1, 4], [1.0, 2.0], [[1, 2]]], ids=str)
def test_lengths_that_do_not_fit(lengths):
    with pytest.raises(ValueError, match="texts"):
        unpacked(np.frombuffer(b"abc", np.uint8), np.array(lengths))
