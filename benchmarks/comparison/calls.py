"""One call of a package, measured in this process; run by the interpreter that has the package.

    python -P calls.py PACKAGE TASK REQUEST

The package is ours, imagededup or fastdup; the request is JSON. Inputs are not timed, nor imports
but that of `neighbors`; what a package loads in its first call is. The last line that is printed is
the result, as JSON. It imports nothing of the benchmarks: those who run it may not have them.
"""

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

Request = Mapping[str, Any]
Call = Callable[[], object]
VERSIONS = {"imagededup": "0.3.3.post2", "fastdup": "2.54"}
_SUPPRESSION = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def prepare(package: str) -> None:
    """Check which version it is, and make the peer imagededup run without a network."""
    if package == "ours":
        return
    if version(package) != VERSIONS[package]:
        raise SystemExit(f"{package} must be {VERSIONS[package]}, got {version(package)}")
    if package == "imagededup":
        _load_torchvision()


def _load_torchvision() -> None:
    """Without its compiled part, which PyPI has for CUDA only, and with random weights."""
    import torch

    if torch.version.cuda is None:
        for name in ("nms", "qnms"):  # its import asks for them, no model calls them
            torch.library.define(f"torchvision::{name}", _SUPPRESSION)
    models = importlib.import_module("torchvision.models")
    build = models.mobilenet_v3_small
    models.mobilenet_v3_small = lambda weights=None: build(weights=None)  # noqa: ARG005


def encode(package: str, request: Request) -> Call:
    """The codes of a folder of images."""
    if package == "fastdup":
        return _run_fastdup(package, {**request, "run_mode": 1})
    encoder = _method(request["method"])
    return lambda: encoder(verbose=False).encode_images(image_dir=request["folder"])


def find(package: str, request: Request) -> Call:  # noqa: ARG001
    """From the files of a folder to duplicates."""
    encoder = _method(request["method"])
    return lambda: encoder(verbose=False).find_duplicates(image_dir=request["folder"])


def pairs(package: str, request: Request) -> Call:  # noqa: ARG001
    """Duplicates from codes, those of names that are numbers."""
    import numpy as np

    encoder = _method(request["method"])(verbose=False)
    codes = np.load(request["codes"])
    rows = map("{:016x}".format, codes.tolist()) if codes.ndim == 1 else codes
    encoding_map = {f"{number:07}.jpg": row for number, row in enumerate(rows)}
    return lambda: encoder.find_duplicates(encoding_map=encoding_map, **request["options"])


def store(package: str, request: Request) -> Call:
    """Write descriptors into a work folder."""
    import numpy as np

    fastdup, codes = _fastdup(package), np.load(request["codes"])
    names = [f"/{number}.jpg" for number in range(len(codes))]
    return lambda: fastdup.save_binary_feature(request["work_dir"], names, codes)


def neighbors(package: str, request: Request) -> Call:
    """The two nearest neighbours of descriptors that `store` has written."""
    options = {"input_dir": ".", "run_mode": 2, "threshold": 0}
    return lambda: _fastdup(package).run(work_dir=request["work_dir"], **options)


def everything(package: str, request: Request) -> Call:
    """Fastdup's run of a folder of images."""
    return _run_fastdup(package, request)


def evaluate(package: str, request: Request) -> Call:  # noqa: ARG001
    """Retrieved duplicates against a ground truth."""
    measure = importlib.import_module("imagededup.evaluation").evaluate
    truth, retrieved = json.loads(Path(request["maps"]).read_text(encoding="utf-8"))
    return lambda: measure(truth, retrieved, metric="all")


def _method(name: str) -> Any:  # noqa: ANN401
    return getattr(importlib.import_module("imagededup.methods"), name)


def _fastdup(package: str) -> Any:  # noqa: ANN401
    return importlib.import_module("imagededup.fastdup" if package == "ours" else "fastdup")


def _run_fastdup(package: str, request: Request) -> Call:
    fastdup, work = _fastdup(package), f"{request['folder']}_{package}_{time.monotonic_ns()}"
    options = {key: value for key, value in request.items() if key == "run_mode"}
    return lambda: fastdup.run(input_dir=request["folder"], work_dir=work, **options)


TASKS = {
    "encode": encode,
    "find": find,
    "pairs": pairs,
    "store": store,
    "neighbors": neighbors,
    "everything": everything,
    "evaluate": evaluate,
}


def processor_seconds() -> float:
    """Of this process and of the children that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_mebibytes() -> float:
    """The most memory that this process has held."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def found(result: object) -> float | None:
    """A number by which two packages' results can be compared."""
    if not isinstance(result, dict):
        return None
    if "map" in result:
        return round(float(result["map"]), 6)
    lists = [value for value in result.values() if isinstance(value, list)]
    return sum(map(len, lists)) // 2 if lists else len(result)


def main() -> None:
    """Prepare, measure and print."""
    package, task, request = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    prepare(package)
    call = TASKS[task](package, request)
    begin, worked = time.perf_counter(), processor_seconds()
    result = call()
    measured = {
        "seconds": time.perf_counter() - begin,
        "processor": processor_seconds() - worked,
        "mebibytes": peak_mebibytes(),
        "found": found(result),
    }
    if "probes" in request and isinstance(result, dict):
        probed = {number: result[f"{number:07}.jpg"] for number in request["probes"]}
        Path(request["result"]).write_text(json.dumps(probed), encoding="utf-8")
    print()
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
