"""What the quantized network gives for pictures and randomly edited versions of them."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from feature_network import INPUT_NAME, open_session
from onnx import TensorProto, helper
from pictures import network_input, open_picture
from random_edits import random_copy

Array = npt.NDArray[Any]

_LARGEST_SIDE = 400
_BATCH = 4


def network_outputs(
    output: str,
    paths: Sequence[Path],
    network: Path,
    versions: int,
    seed: int,
    workers: int,
    folder: Path | None,
) -> Array:
    """Return an output of the network for all versions of all pictures.

    Args:
        output: Name of the output, or of the integers of a layer.
        paths: The pictures.
        network: The file that `build_model.py network` has written.
        versions: Versions of each picture, the unedited one first.
        seed: Seed of the edits.
        workers: Number of processes.
        folder: Where outputs are kept for the next call; None keeps none.

    Returns:
        float16 or uint8, (pictures, versions, ...).
    """
    job = partial(
        _picture_outputs, output=output, network=str(network), versions=versions, seed=seed
    )
    if folder is None:
        return _computed(job, paths, workers)
    key = hashlib.sha256(network.read_bytes())
    key.update(repr([output, [str(path) for path in paths], versions, seed]).encode())
    stored = folder / f"{key.hexdigest()[:16]}.npy"
    if not stored.exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(stored, _computed(job, paths, workers))
    outputs: Array = np.load(stored, mmap_mode="r")
    return outputs


def _computed(job: Callable[[Path], Array], paths: Sequence[Path], workers: int) -> Array:
    with ProcessPoolExecutor(workers) as pool:
        return np.stack(list(pool.map(job, paths, chunksize=16)))


def _picture_outputs(path: Path, output: str, network: str, versions: int, seed: int) -> Array:
    session = _session_with(network, output)
    inputs = _versions(path, versions, seed)
    outputs: Array = np.concatenate(
        [
            session.run([output], {INPUT_NAME: inputs[start : start + _BATCH]})[0]
            for start in range(0, versions, _BATCH)
        ]
    )
    return outputs if outputs.dtype == np.uint8 else outputs.astype(np.float16)


@cache
def _session_with(network: str, output: str) -> onnxruntime.InferenceSession:
    model = onnx.load(network)
    if output not in [each.name for each in model.graph.output]:
        shown = helper.make_tensor_value_info(output, TensorProto.UINT8, None)
        model.graph.output.append(shown)
    return open_session(model)


def _versions(path: Path, versions: int, seed: int) -> Array:
    """Return what the network takes for a picture and its edited versions, uint8."""
    image = open_picture(path, keep=_LARGEST_SIDE)
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    name = hashlib.sha256(path.read_bytes()).digest()
    random = np.random.default_rng([seed, *name[:8]])
    copies = [image, *(random_copy(image, random) for _ in range(versions - 1))]
    return np.stack([network_input(copy) for copy in copies])
