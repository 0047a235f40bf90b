"""The work folder: its files, features, shards, journal and tables."""
