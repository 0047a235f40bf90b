"""Every public call, in a process and again in a child; test_processes.py runs this.

    python -m tests.every_call fork FOLDER

The last line that it prints says what it was at.
"""

import multiprocessing
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from imagededup import fastdup
from imagededup.evaluation import evaluate
from imagededup.methods import CNN, AHash, DHash, PHash, WHash
from imagededup.models import CustomModel
from imagededup.search.cosine.choose import CosineMethod
from imagededup.search.hamming.choose import HammingMethod
from imagededup.search.knn.find import NearestModel, Provider, find_neighbors


def thumbnail(image):
    """A transform that can be pickled."""
    return np.asarray(image.resize((4, 4)), np.float32).transpose(2, 0, 1)


def mean_colour(batch):
    """A model that can be pickled."""
    return batch.mean(axis=(2, 3))


def encoders():
    """One of each kind."""
    custom = CNN(False, CustomModel("mean", mean_colour, thumbnail))
    return [*(kind(verbose=False) for kind in (PHash, DHash, AHash, WHash, CNN)), custom]


def random_codes(count=3000):
    """Hashes, of which some are near each other."""
    codes = np.random.default_rng(0).integers(0, 2**64, count, dtype=np.uint64)
    codes[: count // 10] = codes[-(count // 10) :] ^ np.uint64(5)
    return {f"{item:05}": f"{code:016x}" for item, code in enumerate(codes)}


def random_descriptors(count=2200):
    """Descriptors that are enough for an index, of which some are near each other."""
    rows = np.random.default_rng(0).standard_normal((count, 24)).astype(np.float32)
    rows[: count // 10] = rows[-(count // 10) :] + np.float32(0.1)
    return {f"{item:05}": row for item, row in enumerate(rows)}


def stored_run(folder):
    """The similarities of a run, and its components."""
    with tempfile.TemporaryDirectory() as work_dir:
        code = fastdup.run(folder, work_dir, num_threads=2)
        names = ("similarity.csv", "components_info.csv")
        return code, [(Path(work_dir) / name).read_text() for name in names]


def calls(prepared, folder):
    """Names and calls; several threads wherever there can be."""
    threads = {"num_enc_workers": 2, "num_dist_workers": 2}
    for number, encoder in enumerate(prepared):
        name = f"{number} {type(encoder).__name__}"
        yield f"{name} encode_images", partial(encoder.encode_images, folder, num_enc_workers=2)
        yield f"{name} find_duplicates", partial(encoder.find_duplicates, folder, **threads)
    for encoder in (prepared[0], prepared[4]):
        name = type(encoder).__name__
        remove = partial(encoder.find_duplicates_to_remove, folder, **threads)
        yield f"{name} find_duplicates_to_remove", remove
        search = partial(encoder.search, folder, **threads)
        yield f"{name} search", lambda search=search: search().to_dict(scores=True)
    for encoder, methods, codes in (
        (prepared[0], HammingMethod, random_codes()),
        (prepared[4], CosineMethod, random_descriptors()),
    ):
        for method in set(methods) - {methods.AUTO}:
            call = partial(encoder.find_duplicates, encoding_map=codes, scores=True,
                           search_method=str(method), num_dist_workers=2)  # fmt: skip
            yield f"search_method={method}", call
    features = np.stack(list(random_descriptors(600).values()))
    for faiss_mode in ("HNSW32", "IVF8,Flat", "Flat"):
        near = partial(find_neighbors, features, 2, faiss_mode=faiss_mode, threads=2)
        yield f"faiss_mode={faiss_mode}", near
    for model in NearestModel:
        near = partial(find_neighbors, features, 2, provider=Provider.TURI, model=model, threads=2)
        yield f"nnmodel={model}", near
    truth = {"a": ["b"], "b": ["a"], "c": []}
    yield "evaluate", partial(evaluate, truth, {"a": ["c"], "b": [], "c": ["a"]})
    yield "fastdup.run", partial(stored_run, folder)


def call_all(prepared, folder):
    """What all calls return, as text."""
    results = {}
    for name, call in calls(prepared, folder):
        print(multiprocessing.current_process().name, "calls", name, flush=True)
        with np.printoptions(threshold=sys.maxsize):
            results[name] = repr(call())
    return results


def main(start_method, folder):
    """Call everything here, then in a child."""
    prepared = encoders()
    matrix = np.random.default_rng(0).standard_normal((400, 400))
    assert np.isfinite(matrix @ matrix).all()  # makes the threads of the linear algebra library
    here = call_all(prepared, folder)
    with multiprocessing.get_context(start_method).Pool(1) as pool:
        there = pool.apply(call_all, [prepared, folder])
    different = [name for name in here if here[name] != there[name]]
    assert not different, different
    print("equal in both processes:", len(here), "calls")


if __name__ == "__main__":
    main(*sys.argv[1:])
