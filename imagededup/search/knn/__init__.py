"""The nearest neighbours of descriptors."""
