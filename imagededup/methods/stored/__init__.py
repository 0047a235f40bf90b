"""Codes in files: reading and writing them, and adding what is new."""
