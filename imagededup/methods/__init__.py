"""The encoders: perceptual hashes and a convolutional network."""

from imagededup.methods.cnn import CNN
from imagededup.methods.hashing import AHash, DHash, PHash, WHash

__all__ = ["CNN", "AHash", "DHash", "PHash", "WHash"]
