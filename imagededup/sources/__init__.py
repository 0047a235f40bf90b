"""Where images come from: folders, archives, videos, lists and remote places; names and bytes."""
