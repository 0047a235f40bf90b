"""What the similarities of a run say: graph statistics, components and outliers."""
