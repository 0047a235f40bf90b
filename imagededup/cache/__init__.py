"""Codes of images that were encoded before, kept on the disk from run to run."""
