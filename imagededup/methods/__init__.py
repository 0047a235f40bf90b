"""The encoders, perceptual hashes and a convolutional network, and what they find."""

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
