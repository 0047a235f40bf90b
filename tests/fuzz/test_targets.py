"""What the fuzz targets begin with, and what they have found once, breaks no reader any more."""

import base64
import json
import struct

import faiss
import numpy as np
import pytest

from imagededup.errors import InvalidValueError
from imagededup.fastdup.store.files import FeatureFiles, read_object
from imagededup.fastdup.store.journal import Entry, Journal
from imagededup.fastdup.store.states import MadeBy
from imagededup.fastdup.store.verdict_journal import VerdictJournal
from imagededup.search.knn.index_file import load_index
from tests.fuzz.targets import TARGETS, read

FOUND = [
    # A member without a name, and one whose name differs in its header.
    """UEurqKA5AABQSwECFgMUAAEACAAAACEAJvHO3wYAAABjAAAABYYAAAAAAAAAAAAAAIABAAAAAGIuanBnUEsFBh+LAAABAA
    EANAAAACkAAAAAAA==""",
    """UEsDBBQAAQAIAAAAIQAm8c7fBgAAAQAAAAAAA8wAYwAAAAUAAABmLmpwZ6uooDkAAFBLAQIUAxQAAQAIAAAAIQAm8c7fBg
    AAAGMAAAAFAAAAAAAAAAAAAACAAWIAAAAALmpwZ1BLBQYAAAAAAQABADMAAAApAAAAAAA=""",
]


@pytest.mark.parametrize(
    "name", [name for name in TARGETS if name not in ("images", "faiss indexes")]
)
def test_what_they_begin_with(tmp_path, name):
    for seed in TARGETS[name].seeds():
        read(TARGETS[name], tmp_path, seed)
        read(TARGETS[name], tmp_path, seed[: len(seed) // 2])


@pytest.mark.parametrize("text", FOUND)
def test_archives_that_they_found(tmp_path, text):
    read(TARGETS["archives"], tmp_path, base64.b64decode(text))


def test_an_index_that_claims_more_than_its_file_holds(tmp_path):
    """faiss would take memory for it, and be killed where there is not enough."""
    index = faiss.IndexIDMap(faiss.IndexFlatL2(8))
    index.add_with_ids(np.eye(8, dtype=np.float32), np.arange(8))
    data = faiss.serialize_index(index).tobytes()
    length = struct.pack("<Q", 64)  # of the vector that holds the features
    assert data.count(length) == 1
    (tmp_path / "faiss.index").write_bytes(data)
    assert load_index(tmp_path / "faiss.index", 8, 8).ntotal == 8
    (tmp_path / "faiss.index").write_bytes(data.replace(length, struct.pack("<Q", 2**35)))
    with pytest.raises(InvalidValueError, match="must be an index of faiss"):
        load_index(tmp_path / "faiss.index", 8, 8)
    assert faiss.get_deserialization_vector_byte_limit() > 2**35  # as it was


def test_json_that_is_nested_too_deeply(tmp_path):
    (tmp_path / "x.json").write_text("[" * 100_000)
    with pytest.raises(InvalidValueError, match="cannot be read as JSON"):
        read_object(tmp_path / "x.json")


@pytest.mark.parametrize(
    "image",
    [
        [1, 2, 3, None, None],
        ["a.jpg", "2", 3, None, None],
        ["a.jpg", 2**70, 3, None, None],
        ["a.jpg", 2, 3, 4, None],
        ["a.jpg", 2, 3, None, [1.0]],
        ["a.jpg", 2, 3, None, ["x"] * 9],
    ],
)
def test_a_line_of_the_journal_that_says_nothing_of_an_image(tmp_path, image):
    line = json.dumps([0, [image]]).encode() + b"\n"
    assert Entry.parse(line) is None
    files, made_by = FeatureFiles(tmp_path / "features.dat"), MadeBy("m", 4)
    with Journal(files, made_by):
        pass
    with files.journal.open("ab") as file:
        file.write(line)
    with Journal(files, made_by) as journal:
        assert len(journal) == 0


@pytest.mark.parametrize("said", [[[], 1, {}], ["d", -1, {}], ["d", 2**70, {}], ["d", "1", {}]])
def test_a_line_of_the_journal_of_verdicts_that_says_nothing(tmp_path, said):
    path, row = tmp_path / "journal", np.dtype("u1,f4")
    VerdictJournal(path, row).__exit__()
    with path.open("ab") as file:
        file.write(json.dumps([1, *said]).encode() + b"\n" + bytes(50))
    with VerdictJournal(path, row) as journal:
        assert journal.find("d") is None
