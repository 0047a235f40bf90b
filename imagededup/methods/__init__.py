"""The encoders: perceptual hashes and how duplicates are found with them."""

from imagededup.methods.hashing import AHash, DHash, PHash, WHash

__all__ = ["AHash", "DHash", "PHash", "WHash"]
