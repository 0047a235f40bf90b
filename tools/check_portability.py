"""Check that the model gives the same descriptors on a processor without VNNI instructions.

    python tools/check_portability.py PHOTOGRAPHS

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

from imagededup.images.decode import load_image
from imagededup.models.describe import EmbeddedDescriber
from imagededup.models.session import Device

_EMULATOR = "qemu-x86_64"
_PROCESSOR = "Haswell-noTSX"
_LEAST_COSINE = 0.999


def write_descriptors(inputs: Path, output: Path) -> None:
    """Save the descriptors of stored inputs of the network."""
    np.save(output, EmbeddedDescriber(Device.CPU).describe(list(np.load(inputs))))


def emulate(inputs: Path, output: Path) -> None:
    """Do the same in an emulated interpreter.

    Raises:
        SystemExit: The emulator is not installed, or the emulated run fails.
    """
    emulator = shutil.which(_EMULATOR)
    if emulator is None:
        sys.exit(f"{_EMULATOR} is not installed (Debian: apt-get install qemu-user)")
    command = [emulator, "-cpu", _PROCESSOR, sys.executable, __file__, str(inputs)]
    finished = subprocess.run(
        [*command, "--descriptors", str(output)], capture_output=True, text=True, check=False
    )
    if finished.returncode:
        sys.exit(f"the emulated run failed:\n{finished.stderr}")


def compare(photographs: list[Path]) -> float:
    """Return the lowest cosine of a photograph's native and its emulated descriptor."""
    model = EmbeddedDescriber(Device.CPU)
    prepared = [model.prepare(load_image(path, model.reduction)) for path in photographs]
    with tempfile.TemporaryDirectory() as temporary:
        inputs, emulated = Path(temporary) / "inputs.npy", Path(temporary) / "emulated.npy"
        np.save(inputs, np.stack(prepared))
        emulate(inputs, emulated)
        left, right = model.describe(prepared), np.load(emulated)
    return float((left * right).sum(axis=1).min())


def main() -> None:
    """Compare and print one line, or, when emulated, compute the descriptors."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photographs", type=Path, help="folder of photographs")
    parser.add_argument("--count", type=int, default=10, help="photographs to compare")
    parser.add_argument("--descriptors", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.descriptors:
        write_descriptors(arguments.photographs, arguments.descriptors)
        return
    photographs = sorted(arguments.photographs.iterdir())[: arguments.count]
    lowest = compare(photographs)
    print(f"lowest cosine of {len(photographs)} descriptors on {_PROCESSOR}: {lowest:.6f}")
    if not lowest >= _LEAST_COSINE:  # so that NaN fails, too
        sys.exit(1)


if __name__ == "__main__":
    main()
