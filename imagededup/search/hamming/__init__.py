"""All pairs of 64-bit codes within a Hamming distance."""
