"""The work folder: its files, features, shards, journal, locks and tables."""
