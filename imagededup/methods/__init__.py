"""The encoders, perceptual hashes and a convolutional network, and what they find."""

from typing import TYPE_CHECKING

from imagededup.utils.handed_on import handed_on

if TYPE_CHECKING:
    from imagededup.methods.cnn import CNN
    from imagededup.methods.hashing import AHash, DHash, PHash, WHash
    from imagededup.methods.results import Duplicates
    from imagededup.methods.stored.files import load_encodings, save_encodings
    from imagededup.methods.stored.update import update_encodings

__all__ = [
    "CNN",
    "AHash",
    "DHash",
    "Duplicates",
    "PHash",
    "WHash",
    "load_encodings",
    "save_encodings",
    "update_encodings",
]

_MODULES = {
    "CNN": "imagededup.methods.cnn",
    "AHash": "imagededup.methods.hashing",
    "DHash": "imagededup.methods.hashing",
    "Duplicates": "imagededup.methods.results",
    "PHash": "imagededup.methods.hashing",
    "WHash": "imagededup.methods.hashing",
    "load_encodings": "imagededup.methods.stored.files",
    "save_encodings": "imagededup.methods.stored.files",
    "update_encodings": "imagededup.methods.stored.update",
}

__getattr__ = handed_on(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
