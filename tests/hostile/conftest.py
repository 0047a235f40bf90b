"""What these tests strike with, signals and limits of memory, only POSIX has."""

import sys

collect_ignore_glob = ["*"] if sys.platform == "win32" else []
