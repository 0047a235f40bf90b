"""The program of a child of `processes`: it does work for threads of the process that started it.

A line leads from each of them to a thread here. What comes over it are items; what goes back are
pairs of a `Said` and a value, and the log records since the last one.
"""

import logging
import math
import os
import pickle
import signal
import socket
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from enum import Enum
from functools import partial
from pathlib import Path
from threading import Event, local
from typing import Any, NamedTuple

from imagededup.utils.jit import expect_work
from imagededup.utils.lines import Line, LineLostError, portable_error, portable_record
from imagededup.utils.parallel import ordered_map

__all__ = ["PACKAGE", "Said", "SetUp", "entered_in_parent", "serve"]

PACKAGE = Path(__file__).resolve().parents[1]

_LOOK_SECONDS = 1.0

_of_thread = local()


class Said(Enum):
    """What a child says, and with what."""

    READY = "nothing"
    CANNOT = "the reason"
    RESULT = "the result"
    ERROR = "an exception with its causes"
    ENTER = "a function that gives a context, to be entered; None or an exception is the answer"
    LEAVE = "nothing; the context is left"


class SetUp(NamedTuple):
    """What a child is told first, over the first line.

    Attributes:
        package: Where the package of the parent lies.
        work: The pickled work.
        levels: Levels of loggers by their names.
    """

    package: Path
    work: bytes
    levels: dict[str, int]


@contextmanager
def entered_in_parent(
    context: Callable[[], AbstractContextManager[object]],
) -> Iterator[None]:
    """In the block, the process that started this one is in a context, for an item under way.

    Args:
        context: Makes it, there; can be pickled.
    """
    line: Line = _of_thread.line
    line.send((Said.ENTER, context, []))
    refusal = line.receive()
    if refusal is not None:
        raise refusal
    try:
        yield
    finally:
        line.send((Said.LEAVE, None, []))


def serve(descriptors: list[int], parent: int) -> None:
    """Do work until the lines are closed or the parent has ended.

    Args:
        descriptors: Of the lines.
        parent: The process that started this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever interrupts the parent ends this as well
    lines = [Line(socket.socket(fileno=one), lambda: os.getppid() != parent) for one in descriptors]
    records: deque[logging.LogRecord] = deque()
    try:
        with suppress(LineLostError):
            work = _work(lines, records)
            if work is not None:
                _Server(work, records, lines, parent).run()
    except BaseException:  # a thread could not start; the others must not go on without it
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _work(lines: list[Line], records: deque[logging.LogRecord]) -> Callable[[Any], Any] | None:
    """The work, ready to be done; None, and it is said, where that cannot be."""
    try:
        set_up = SetUp(*lines[0].receive())
        _collect(set_up.levels, records)
        if set_up.package != PACKAGE:
            raise ImportError(f"found {PACKAGE} in place of {set_up.package}")
        work = pickle.loads(set_up.work)
        expect_work(math.inf)  # children are started for much of it
        work.get_ready()
    except LineLostError:
        raise
    except Exception as error:  # whatever a place of unpickling raises
        for line in lines:
            line.send((Said.CANNOT, f"{type(error).__name__}: {error}", []))
        return None
    return work  # type: ignore[no-any-return]


class _Server:
    """Does work for the threads of another process.

    Args:
        work: What is done.
        records: What has been logged since the last message.
        lines: To those threads.
        parent: The process.
    """

    def __init__(
        self,
        work: Callable[[Any], Any],
        records: deque[logging.LogRecord],
        lines: list[Line],
        parent: int,
    ) -> None:
        self._work = work
        self._records = records
        self._lines = lines
        self._parent = parent
        self._left = set(lines)
        self._all_left = Event()

    def run(self) -> None:
        """Serve all lines until they are closed."""
        jobs = [partial(self._serve, line) for line in self._lines] + [self._watch]
        for _ in ordered_map(lambda job: job(), jobs, len(jobs)):
            pass

    def _serve(self, line: Line) -> None:
        """Do the items that come over a line, in this thread."""
        _of_thread.line = line
        with suppress(LineLostError):
            line.send((Said.READY, None, _taken(self._records)))
            while True:
                self._answer(line, line.receive())
        self._left.discard(line)
        if not self._left:
            self._all_left.set()

    def _answer(self, line: Line, item: object) -> None:
        try:
            line.send((Said.RESULT, self._work(item), _taken(self._records)))
        except LineLostError:
            raise
        except BaseException as error:
            line.send((Said.ERROR, portable_error(error), _taken(self._records)))

    def _watch(self) -> None:
        """End this process with its parent, even where an item takes for ever."""
        while not self._all_left.wait(_LOOK_SECONDS):
            if os.getppid() != self._parent:
                os._exit(1)


def _collect(levels: dict[str, int], records: deque[logging.LogRecord]) -> None:
    """Take up log records, from the levels on that the parent has."""
    handler = logging.Handler()
    handler.emit = lambda record: records.append(portable_record(record))  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _taken(records: deque[logging.LogRecord]) -> list[logging.LogRecord]:
    taken = []
    with suppress(IndexError):
        while True:
            taken.append(records.popleft())
    return taken
