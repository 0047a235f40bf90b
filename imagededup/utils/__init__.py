"""Decoding, listing, files and other help that the encoders share."""
