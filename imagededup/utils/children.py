"""Children that do work for the threads of this process; `processes` says when, `child` how."""

import logging
import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Any, Generic, TypeVar

from imagededup.errors import ImageDedupError
from imagededup.utils.child import PACKAGE, Said, SetUp
from imagededup.utils.lines import Line, LineLostError, line_ends, linked
from imagededup.utils.processes import Work

__all__ = ["Children"]

logger = logging.getLogger("imagededup")

Item = TypeVar("Item")
Result = TypeVar("Result")

_LEAST_AMOUNT = 4000
"""What threads do before children are started."""

_START_SECONDS = 0.0
"""How long a thread waits for a child that is not ready, before it does an item itself."""

_END_SECONDS = 5.0

_PROGRAM = """\
import sys
sys.path[:0] = [{}]  # this package, wherever it was found
import imagededup
sys.path[:] = {}
from imagededup.utils.child import serve
serve({}, {})
"""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Linear algebra would start as many threads as there are cores, in each child."""


class Children(Generic[Item, Result]):
    """Children that do a piece of work; threads call it, and do it themselves until then.

    Args:
        work: What is done.
        threads: How many each child is to have.
    """

    def __init__(self, work: Work[Item, Result], threads: list[int]) -> None:
        self._work = work
        self._threads = threads
        self._children: list[_Child] = []
        self._idle: deque[_Hand] = deque()
        self._is_over = False
        self._has_said_why = False

    def joining_in(self, items: Iterable[Item]) -> Iterator[Item]:
        """Hand items on, and start the children once it is clear that there is much to do."""
        amount = 0
        for item in items:
            if self._threads:
                amount += self._work.amount(item)
                if amount > _LEAST_AMOUNT:
                    self._start(self._threads)
                    self._threads = []
            yield item

    def __call__(self, item: Item) -> Result:
        """The result for an item."""
        if not self._idle or not self._work.amount(item):
            return self._work(item)
        hand = self._idle.pop()  # there is one for each thread
        try:
            reason = hand.refusal()
            if reason is None:
                return hand.result(item)  # type: ignore[no-any-return]
        finally:
            self._idle.append(hand)
            if self._is_over:
                self._close_lines()
        self._say_why(reason)
        return self._work(item)

    def end(self) -> None:
        """Let the children end, which have nothing to do any more; not those that still start."""
        self._close_lines()
        for child in self._children:
            if any(hand.is_ready for hand in child.hands):
                with suppress(subprocess.TimeoutExpired):
                    child.process.wait(_END_SECONDS)

    def kill(self) -> None:
        """End those that are left."""
        self._is_over = True
        for child in self._children:
            child.kill()
        self._close_lines()

    def _start(self, threads: list[int]) -> None:
        reason = self._work.obstacle()
        if reason is None:
            try:
                set_up = _set_up(self._work)
                for count in threads:
                    self._children.append(_Child(count, set_up))
            except Exception as error:  # pickling raises whatever it meets
                reason = f"{type(error).__name__}: {error}"
        hands = [hand for child in self._children for hand in child.hands]
        if reason is None:
            logger.debug("%d processes share the work of %d threads", len(threads), len(hands))
            self._idle.extend(hands)
            return
        self._say_why(reason)
        self.kill()
        for hand in hands:
            hand.line.close()

    def _say_why(self, reason: str) -> None:
        if reason and not self._has_said_why:
            self._has_said_why = True
            logger.info("threads of one process do the work, not several processes: %s", reason)

    def _close_lines(self) -> None:
        """Close the lines at which no thread waits."""
        with suppress(IndexError):
            while True:
                self._idle.pop().line.close()


class _Child:
    """A process with some threads.

    Args:
        threads: How many.
        set_up: What it is told first.
    """

    def __init__(self, threads: int, set_up: SetUp) -> None:
        with ExitStack() as theirs, ExitStack() as ours:
            ends = [line_ends() for _ in range(threads)]
            for own, other in ends:
                ours.enter_context(own)
                theirs.enter_context(other)
            descriptors = [other.fileno() for _, other in ends]
            path = ascii([place for place in sys.path if isinstance(place, str)])
            root = ascii(str(PACKAGE.parent))
            program = _PROGRAM.format(root, path, descriptors, os.getpid())
            self.process = subprocess.Popen(
                [sys.executable, *_interpreter_options(), "-c", program],
                stdin=subprocess.DEVNULL,
                pass_fds=descriptors,
                process_group=0,  # a terminal interrupts this process alone, which ends them
                env={**_ONE_THREAD, **os.environ},
            )
            ours.pop_all()
        self.hands = [_Hand(self, Line(own, self.has_ended)) for own, _ in ends]
        with suppress(LineLostError):  # it is said when there is something to do
            self.hands[0].line.send(set_up)

    def has_ended(self) -> bool:
        """Whether it is no more."""
        return self.process.poll() is not None

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_SECONDS)

    def end_in_words(self) -> str:
        """How it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_SECONDS)
        code = self.process.returncode
        if code is None or code >= 0:
            return f"process {self.process.pid} has ended with exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        why = ", as it is where memory is short" if name == "SIGKILL" else ""
        return f"process {self.process.pid} was ended by {name}{why}"


class _Hand:
    """A thread of a child, as a thread of this process sees it: at most one at a time.

    Args:
        child: Whose it is.
        line: Leads to it.
    """

    def __init__(self, child: _Child, line: Line) -> None:
        self.line = line
        self._child = child
        self._refusal: str | None = ""  # not ready yet

    @property
    def is_ready(self) -> bool:
        """Whether it is known to do items."""
        return self._refusal is None

    def refusal(self) -> str | None:
        """Why it does no item, in words; nothing where it is not ready yet, None if it does."""
        if self._refusal == "":
            try:
                if self.line.has_message(_START_SECONDS):
                    said, reason, records = self.line.receive()
                    _log(records)
                    self._refusal = None if said is Said.READY else reason
            except LineLostError:
                self._refusal = self._child.end_in_words()
        return self._refusal

    def result(self, item: object) -> Any:  # noqa: ANN401
        """What it makes of an item."""
        try:
            return self._result(item)
        except LineLostError:
            raise ImageDedupError(f"at work on {item}, {self._child.end_in_words()}") from None

    def _result(self, item: object) -> Any:  # noqa: ANN401
        self.line.send(item)
        with ExitStack() as entered:
            while True:
                said, value, records = self.line.receive()
                _log(records)
                match said:
                    case Said.RESULT:
                        return value
                    case Said.ERROR:
                        raise linked(value)
                    case Said.ENTER:
                        self.line.send(_refusal(entered, value))
                    case Said.LEAVE:
                        entered.close()


def _refusal(
    entered: ExitStack, context: Callable[[], AbstractContextManager[object]]
) -> Exception | None:
    """What entering a context raises."""
    try:
        entered.enter_context(context())
    except Exception as error:  # the child raises it
        return error
    return None


def _set_up(work: object) -> SetUp:
    levels = {"": logging.WARNING, logger.name: logger.getEffectiveLevel()}
    return SetUp(PACKAGE, pickle.dumps(work), levels)


def _interpreter_options() -> list[str]:
    """The options that this interpreter was started with, as `multiprocessing` hands them on."""
    return subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined, no-any-return]


def _log(records: Iterable[logging.LogRecord]) -> None:
    """Hand on what children have logged."""
    for record in records:
        target = logging.getLogger(record.name)
        if target.isEnabledFor(record.levelno):
            target.handle(record)
