"""The encoders, perceptual hashes and a convolutional network, and what they find."""

from imagededup.methods.cnn import CNN
from imagededup.methods.hashing import AHash, DHash, PHash, WHash
from imagededup.methods.results import Duplicates

__all__ = ["CNN", "AHash", "DHash", "Duplicates", "PHash", "WHash"]
