"""Check that the model gives the same descriptors on a processor without VNNI instructions.

    python tools/check_portability.py MODEL.onnx PHOTOGRAPHS

The descriptors of some photographs are computed here, and again by the same interpreter under
`qemu-x86_64` (Debian: qemu-user), which emulates a Haswell. Exits with 1 where the cosine of any
photograph's two descriptors is below 0.999.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from feature_network import INPUT_NAME, open_session
from pictures import list_pictures, network_input, open_picture

_EMULATOR = "qemu-x86_64"
_PROCESSOR = "Haswell-noTSX"
_LEAST_COSINE = 0.999


def write_descriptors(model: Path, inputs: Path, output: Path) -> None:
    """Save the descriptors of the stored network inputs."""
    session = open_session(str(model))
    rows = [session.run(None, {INPUT_NAME: image[None]})[0] for image in np.load(inputs)]
    np.save(output, np.concatenate(rows))


def emulate(model: Path, inputs: Path, output: Path) -> None:
    """Do the same in an emulated interpreter.

    Raises:
        SystemExit: The emulator is not installed, or the emulated run fails.
    """
    emulator = shutil.which(_EMULATOR)
    if emulator is None:
        sys.exit(f"{_EMULATOR} is not installed (Debian: apt-get install qemu-user)")
    command = [emulator, "-cpu", _PROCESSOR, sys.executable, __file__, str(model), str(inputs)]
    finished = subprocess.run(
        [*command, "--descriptors", str(output)], capture_output=True, text=True, check=False
    )
    if finished.returncode:
        sys.exit(f"the emulated run failed:\n{finished.stderr}")


def compare(model: Path, photographs: list[Path]) -> float:
    """Return the lowest cosine of a photograph's native and its emulated descriptor."""
    with tempfile.TemporaryDirectory() as temporary:
        inputs, native, emulated = (
            Path(temporary) / name for name in ("inputs.npy", "native.npy", "emulated.npy")
        )
        np.save(inputs, np.stack([network_input(open_picture(path)) for path in photographs]))
        write_descriptors(model, inputs, native)
        emulate(model, inputs, emulated)
        left, right = np.load(native), np.load(emulated)
    cosines = (left * right).sum(axis=1) / np.linalg.norm(left, axis=1)
    return float((cosines / np.linalg.norm(right, axis=1)).min())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("photographs", type=Path, help="folder of photographs")
    parser.add_argument("--count", type=int, default=10, help="photographs to compare")
    parser.add_argument("--descriptors", type=Path, help=argparse.SUPPRESS)
    return parser


def main() -> None:
    """Compare and print one line, or, when emulated, compute the descriptors."""
    arguments = _parser().parse_args()
    if arguments.descriptors:
        write_descriptors(arguments.model, arguments.photographs, arguments.descriptors)
        return
    photographs = list_pictures(arguments.photographs)[: arguments.count]
    lowest = compare(arguments.model, photographs)
    print(f"lowest cosine of {len(photographs)} descriptors on {_PROCESSOR}: {lowest:.6f}")
    if lowest < _LEAST_COSINE:
        sys.exit(1)


if __name__ == "__main__":
    main()
