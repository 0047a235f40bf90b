"""What the code of an image depends on besides its file and the method that encodes it."""

import hashlib
import json
import platform
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from imagededup.sources.limits import limits

__all__ = ["processor", "surroundings"]

_READERS = ("numpy", "numba", "simplejpeg", "pillow-heif", "av")
_PILLOW_PARTS = ("jpg", "jpg_2000", "zlib", "libtiff", "webp", "avif", "littlecms2")
_PROCESSOR = Path("/proc/cpuinfo")
_ABOUT_PROCESSOR = ("model name", "flags", "Features", "CPU part")


def surroundings(packages: Sequence[str], hardware: str | None) -> str:
    """A text that is another one where codes may be others, or files are left out that were not.

    Args:
        packages: What codes are computed with, besides what decodes images.
        hardware: What their last bits depend on.
    """
    from PIL import ImageFile

    most = limits()
    parts = {
        "limits": [most.pixels, most.file_size, most.memory],
        "truncated": ImageFile.LOAD_TRUNCATED_IMAGES,
        "machine": platform.machine(),
        "hardware": hardware,
        **_pillow(),
        **{name: _version(name) for name in (*_READERS, *packages)},
    }
    return json.dumps(parts)


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def _pillow() -> dict[str, str | None]:
    from PIL import __version__, features

    return {"pillow": __version__, **{part: features.version(part) for part in _PILLOW_PARTS}}


@cache
def processor() -> str:
    """A digest of what kind the processor is; sums in a network are ordered by that."""
    try:
        first = _PROCESSOR.read_text(errors="replace").partition("\n\n")[0]
    except OSError:
        return platform.processor()
    lines = [line for line in first.splitlines() if line.startswith(_ABOUT_PROCESSOR)]
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()
