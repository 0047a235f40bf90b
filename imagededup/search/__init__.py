"""Complete searches for pairs of codes within a threshold."""
