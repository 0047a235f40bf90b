"""Searches among codes: all pairs within a threshold, or the nearest neighbours."""
