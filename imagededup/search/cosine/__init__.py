"""All pairs of descriptors within a cosine similarity."""
