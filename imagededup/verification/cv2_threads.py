"""How many threads OpenCV takes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_cv2_thread"]

_lock = threading.Lock()
_inside = 0
_threads = 1


@contextmanager
def one_cv2_thread() -> Iterator[None]:
    """Hold OpenCV to the caller's own threads; afterwards it has as many as before.

    Pictures are compared on several threads already, and a pool of OpenCV beside them would only
    change places with them. The setting is that of the process: the last caller to leave restores
    it.
    """
    global _inside, _threads
    import cv2

    with _lock:
        if _inside == 0:
            _threads = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                cv2.setNumThreads(_threads)
