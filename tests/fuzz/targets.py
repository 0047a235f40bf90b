"""What reads files that anybody may have written: each reader, and files to begin with.

A reader returns or raises an `ImageDedupError`; anything else is a finding.
"""

import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from imagededup import __version__
from imagededup.errors import ImageDedupError
from tests.hostile.archives import archives
from tests.hostile.formats import FORMATS, SIZE, encoded, picture
from tests.hostile.jpeg import scan_bomb

__all__ = ["TARGETS", "Target", "read"]

_SMALL = (20, 16)
_NAMES = ["a.jpg", "b.jpg", "c\n.jpg"]
_HASHES = {"a.jpg": "9fee256239984d71", "b.jpg": "9fee256239984d70"}


@dataclass(frozen=True, slots=True)
class Target:
    """A reader.

    Attributes:
        read: Takes a folder of its own and the bytes of a file.
        seeds: Files to begin with.
        longest: How many bytes a file may have.
    """

    read: Callable[[Path, bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    longest: int = 4096


def read(target: Target, folder: Path, data: bytes) -> None:
    """Have a file read; whatever comes out of it that is no error of ours is a finding."""
    with suppress(ImageDedupError):
        target.read(folder, data)


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _decode(folder: Path, data: bytes) -> None:
    from imagededup.errors import UnreadableImageError
    from imagededup.images.decode import load_with_size
    from imagededup.images.exact import pixel_digest
    from imagededup.methods import PHash

    path = _write(folder / "image", data)
    for reading in (lambda: load_with_size(path, PHash()._reduction), lambda: pixel_digest(path)):
        with suppress(UnreadableImageError):
            reading()


def _images() -> Iterator[bytes]:
    for number, kind in enumerate(FORMATS):
        if data := encoded(picture(number, SIZE if kind == "ico" else _SMALL), kind):
            yield data
    yield scan_bomb(16, 16, 3)


def _archive(folder: Path, data: bytes) -> None:
    from imagededup.errors import UnreadableImageError
    from imagededup.sources.archives import open_archive
    from imagededup.sources.blobs import BytesBlob

    for ending in (".tar", ".tar.gz", ".zip"):
        with suppress(UnreadableImageError):
            archive = open_archive(BytesBlob(data), f"x{ending}")
            for name in archive.names(1.0)[:20] if archive else ():
                with suppress(Exception), archive.open(name) as file:  # `opened` says why
                    file.read(2**16)


def _archives() -> Iterator[bytes]:
    for name in ("links.tar", "twice.tar", "names.tar", "encrypted.zip", "negative_size.tar"):
        for _, data in archives(name):
            yield data[:4096]
    (_, tar), *_ = archives("twice.tar")
    yield gzip.compress(tar[:4096])


def _stored_codes(folder: Path, data: bytes) -> None:
    from imagededup.methods import PHash, load_encodings

    for ending in (".json", ".csv", ".npz"):
        path = _write(folder / f"codes{ending}", data)
        with suppress(ImageDedupError):
            PHash(verbose=False).search(encoding_map=load_encodings(path))


def _codes() -> Iterator[bytes]:
    yield json.dumps({"encoder": "phash", "hashes": _HASHES}).encode()
    yield json.dumps(_HASHES).encode()
    yield b"image,phash\n" + b"".join(f"{k},{v}\n".encode() for k, v in _HASHES.items())
    yield _npz(names=np.array(_NAMES), descriptors=np.eye(3, 16, dtype=np.float32))
    yield b"[" * 3000
    yield from _saved_codes()


def _saved_codes() -> Iterator[bytes]:
    from imagededup.methods import PHash, save_encodings

    for ending in (".json", ".csv", ".npz"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"codes{ending}"
            save_encodings(path, dict(_HASHES), PHash(verbose=False))
            yield path.read_bytes()


def _npz(**arrays: np.ndarray) -> bytes:
    data = BytesIO()
    np.savez(data, **arrays)
    return data.getvalue()


def _marked(folder: Path, data: bytes) -> None:
    from imagededup.removal import carry_out_marked, only_check, read_marked

    list(carry_out_marked(read_marked([_write(folder / "marked.jsonl", data)]), only_check))


def _marked_lists() -> Iterator[bytes]:
    row = {
        "remove": "a.jpg",
        "folder": "/photos",
        "state": "1:2:3:4",
        "keep": "b.jpg",
        "keep_folder": "/photos",
        "keep_state": "1:2:3:4/5:6:7:8",
        "score": 3,
        "score_name": "distance",
        "relation": "copy",
    }
    yield json.dumps(row).encode() + b"\n"


def _journal(folder: Path, data: bytes) -> None:
    from imagededup.removal.journal_reader import JournalReader

    with JournalReader(_write(folder / "journal.jsonl", _sealed(data))) as journal:
        list(journal.backwards())


def _sealed(data: bytes) -> bytes:
    """Lines whose checksums fit, so that what they say is looked at."""
    from imagededup.removal.records import journal_line

    lines = []
    for line in data.split(b"\n"):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        lines.append(journal_line(row) if isinstance(row, dict) else line + b"\n")
    return b"".join(lines)


def _journals() -> Iterator[bytes]:
    from imagededup.removal.journal import FORMAT, VERSION

    state = [1, 2, 3, 4]
    intent = {
        "entry": 0,
        "intent": "move",
        "name": "a.jpg",
        "path": "/photos/a.jpg",
        "state": state,
        "mode": 33188,
        "digest": "00",
        "link": None,
        "place": "/moved/a.jpg",
        "relation": "copy",
        "score": 3,
        "score_name": "distance",
        "kept": "/photos/b.jpg",
        "kept_state": state,
        "kept_digest": "00",
    }
    rows = [
        {"format": FORMAT, "version": VERSION, "by": "x"},
        intent,
        {"outcome": "done", "entry": 0},
    ]
    yield b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _work_folder(folder: Path, data: bytes) -> None:
    """The first byte says which file of a work folder the others are."""
    from imagededup.fastdup import load_binary_feature
    from imagededup.fastdup.store.files import FeatureFiles, FeatureRecord
    from imagededup.fastdup.store.journal import Journal
    from imagededup.fastdup.store.results import RunRecord
    from imagededup.fastdup.store.states import FeatureState, MadeBy
    from imagededup.fastdup.store.verdict_journal import VerdictJournal
    from imagededup.fastdup.store.work_dir import WorkDir

    content = data[1:]
    files = FeatureFiles(folder / "features.dat")
    readers: list[Callable[[], object]] = [
        lambda: FeatureState.read(_write(files.state, content)),
        lambda: FeatureRecord.read(_write(files.record, content)),
        lambda: RunRecord.read(_write(folder / "run.json", content).parent),
        lambda: WorkDir(_write(folder / "config.json", content).parent).check_model("m", 576),
        lambda: _features(files, content, load_binary_feature),
        lambda: _feature_journal(files, content, Journal, MadeBy),
        lambda: _verdicts(_write(folder / ".v.journal", content), VerdictJournal),
        lambda: _tables(_write(folder / "similarity.csv", content)),
    ]
    readers[data[0] % len(readers) if data else 0]()


def _features(files, content, load) -> None:
    for path in (files.state, files.record):
        path.unlink(missing_ok=True)
    files.data.write_bytes(bytes(4 * 576 * 2))
    files.names.write_bytes(content)
    load(files.data)


def _verdicts(path, journal) -> None:
    with journal(path, np.dtype("u1,f4")) as opened:
        opened.find("digest")


def _feature_journal(files, content, journal, made_by) -> None:
    files.partial.write_bytes(bytes(4 * 4 * 8))
    files.journal.write_bytes(content)
    with journal(files, made_by("m", 4)) as opened:
        opened.images()


def _tables(path: Path) -> None:
    from imagededup.fastdup.store.tables import read_columns

    list(read_columns(path, ["from", "to"], ["distance"]))


def _work_files() -> Iterator[bytes]:
    from imagededup.fastdup.store.states import FeatureState, KnownImages, MadeBy

    images = KnownImages.of_names(_NAMES[:2], [("c.jpg", "damaged")])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        FeatureState(MadeBy("m", 4), images, np.zeros(1, np.uint32)).write(path)
        yield b"\0" + path.read_bytes()
    yield b'\1{"model": "m", "dimension": 4, "good": 2, "parts": []}'
    yield b'\2{"features": "ab", "files": {"similarity.csv": {"digest": "ab"}}, "version": "1"}'
    yield b'\3{"version": "1", "model": "m", "dimension": 576, "parameters": {}}'
    yield b'\4filename\na.jpg\n"b,""c.jpg"\n'
    yield b'\5{"bounding_box": "", "dimension": 4, "model": "m"}\n[0,[["a.jpg",1,2,"bad",null]]]\n'
    row = json.dumps([__version__, str(np.dtype("u1,f4"))]).encode()
    yield b"\6" + row + b'\n[1, "digest", 1, {}]\n\0\0\0\0\0'
    yield b"\7from,to,distance\na,b,0.5\n"
    yield from (bytes([kind]) + b"[" * 2000 for kind in range(8))


def _index(folder: Path, data: bytes) -> None:
    from imagededup.search.knn.index_file import load_index

    load_index(_write(folder / "faiss.index", data), 8, 20)


def _indexes() -> Iterator[bytes]:
    import faiss

    vectors = np.random.default_rng(0).random((20, 8), np.float32)
    for factory in ("Flat", "HNSW4", "IVF2,Flat", "PQ4x4", "LSH", "PCA4,Flat", "SQ8"):
        index = faiss.IndexIDMap(faiss.index_factory(8, factory))
        index.train(vectors)
        index.add_with_ids(vectors, np.arange(20))
        yield faiss.serialize_index(index).tobytes()


def _truth(folder: Path, data: bytes) -> None:
    from imagededup.evaluation import evaluate, load_ground_truth, load_retrieved_map

    for ending in (".json", ".csv"):
        with suppress(ImageDedupError):
            truth = load_ground_truth(_write(folder / f"truth{ending}", data))
            evaluate(truth, truth)
    with suppress(ImageDedupError):
        load_retrieved_map(folder / "truth.json")


def _truths() -> Iterator[bytes]:
    yield b'{"a.jpg": ["b.jpg"], "b.jpg": ["a.jpg"]}'
    yield b'{"a.jpg": [["b.jpg", 3]], "b.jpg": []}'
    yield b"image,duplicate\na.jpg,b.jpg\n"
    yield b"[" * 3000


def _list(folder: Path, data: bytes) -> None:
    from imagededup.sources.lists import read_list

    for ending in (".txt", ".csv"):
        with suppress(ImageDedupError):
            list(read_list(_write(folder / f"list{ending}", data), "image_dir"))


def _lists() -> Iterator[bytes]:
    yield b'filename,label\na.jpg,1\n"b,c.jpg",2\n'
    yield b'a.jpg\n"b.jpg"\n\n\xff\xfe.jpg\r\n'


def _cache(folder: Path, data: bytes) -> None:
    from imagededup.cache.contents import cache_contents, clear_cache
    from imagededup.cache.database import current_file

    place = folder / "cache"
    place.mkdir(exist_ok=True)
    for old in place.iterdir():
        old.unlink()
    current_file(place).write_bytes(data)
    cache_contents(place)
    clear_cache(place)


def _caches() -> Iterator[bytes]:
    from imagededup.cache.database import current_file, open_database

    with tempfile.TemporaryDirectory() as folder:
        file = current_file(Path(folder))
        open_database(file).close()
        yield file.read_bytes()


TARGETS = {
    "images": Target(_decode, _images, 2**16),
    "archives": Target(_archive, _archives, 8192),
    "codes": Target(_stored_codes, _codes),
    "marked lists": Target(_marked, _marked_lists),
    "removal journals": Target(_journal, _journals),
    "work folders": Target(_work_folder, _work_files),
    "faiss indexes": Target(_index, _indexes),
    "ground truths": Target(_truth, _truths),
    "lists": Target(_list, _lists),
    "caches": Target(_cache, _caches, 2**15),
}
