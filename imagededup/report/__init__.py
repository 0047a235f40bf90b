"""From a folder to a page: duplicates, outliers, quality flags, broken files, distributions."""
