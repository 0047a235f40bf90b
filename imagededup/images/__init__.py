"""From files and arrays to pixels: folders, decoding, resampling."""
