"""The command `imagededup`, also `python -m imagededup`."""

import os
import signal
import sys
from _thread import interrupt_main
from collections.abc import Callable
from functools import partial
from threading import Timer, main_thread
from types import FrameType
from typing import Any

from imagededup.commands.streams import PatientStream, open_standard_streams

_FAILURE = 1
_OF_SIGNALS = 128
_SOON = 0.01  # seconds
_ENDING = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}
"""The signals that end the command, and what it says then."""


def main() -> None:
    """Run the command and end the process with its exit code.

    A signal that asks it to end does so at once, without waiting for worker threads, with 128 and
    its number: 130 after an interrupt, 143 when the process is to terminate.
    """
    came: list[int] = []
    try:
        _listen(came)
        output = open_standard_streams()
        code = _finish(_run(), output)
        _let_go()
    except KeyboardInterrupt:
        number = came[0] if came else int(signal.SIGINT)
        print(f"\nimagededup: {_ENDING[signal.Signals(number).name]}", file=sys.stderr, flush=True)
        os._exit(_OF_SIGNALS + number)
    sys.exit(code)


def _listen(came: list[int]) -> None:
    """Let signals unwind what is under way, which cleans up behind itself, and note them."""

    def unwind(number: int, _: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    for number in _signals():
        signal.signal(number, unwind)
    sys.unraisablehook = partial(_come_again, came, sys.unraisablehook)


def _come_again(
    came: list[int], other: Callable[[Any], object], lost: "sys.UnraisableHookArgs"
) -> None:
    """Have a signal come again that came where nothing can be raised, as in a finalizer."""
    if not isinstance(lost.exc_value, KeyboardInterrupt):
        other(lost)
        return
    again = Timer(_SOON, _wake_up, [came[-1] if came else signal.SIGINT])
    again.daemon = True
    again.start()


def _wake_up(number: int) -> None:
    """Send the main thread a signal, which also ends what it waits for where the system can."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main_thread().ident or 0, number)
    else:
        interrupt_main(signal.Signals(number))


def _let_go() -> None:
    """Let signals end the process as any other, now that its work is done."""
    for number in _signals():
        signal.signal(number, signal.SIG_DFL)


def _signals() -> list[signal.Signals]:
    """Those that end the command; not what `nohup` or a shell has it ignore."""
    known = [signal.Signals[name] for name in _ENDING if hasattr(signal, name)]
    return [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]


def _run() -> int:
    try:
        from imagededup.cli import run

        return run(sys.argv[1:])
    except MemoryError:  # of an import, for instance
        print("imagededup: out of memory", file=sys.stderr)
        return _FAILURE


def _finish(code: int, output: PatientStream) -> int:
    """The exit code, once everything is written or known to be lost."""
    sys.stdout.flush()
    loss = output.loss()
    if loss is not None:
        print(f"imagededup: cannot write to standard output: {loss.lower()}", file=sys.stderr)
        return code or _FAILURE
    return code


if __name__ == "__main__":
    main()
