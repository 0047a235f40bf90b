"""The environments of the packages that are compared with, each made once with venv and pip."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["PEERS", "interpreter"]

PEERS = ("imagededup", "fastdup")

_PILLOW_AND_SUCH = ("matplotlib", "numpy", "pillow", "PyWavelets", "scikit-learn", "tqdm")
_INSTALL: Mapping[str, Sequence[Sequence[str]]] = {
    # torchvision and imagededup name a torch for CUDA; the processor's is enough.
    "imagededup": (
        ("torch==2.13.0", *_PILLOW_AND_SUCH),
        ("--no-deps", "torchvision==0.28.0", "imagededup==0.3.3.post2"),
    ),
    "fastdup": (("fastdup==2.54",),),
}


def interpreter(package: str, folder: Path) -> Path:
    """The interpreter of a package's environment, which is made where there is none.

    Raises:
        subprocess.CalledProcessError: pip could not install it; nothing is left then.
    """
    environment = folder / package
    python = environment / "bin" / "python"
    complete = environment / "complete"
    if complete.exists():
        return python
    print(f"installing {package} in {environment}", flush=True)
    shutil.rmtree(environment, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        for arguments in _INSTALL[package]:
            subprocess.run([python, "-m", "pip", "install", "--quiet", *arguments], check=True)
    except (subprocess.CalledProcessError, OSError):
        shutil.rmtree(environment, ignore_errors=True)
        raise
    complete.touch()
    return python
