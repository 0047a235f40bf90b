"""The command `imagededup`, also `python -m imagededup`."""

import os
import sys

from imagededup.commands.streams import PatientStream, open_standard_streams

_FAILURE = 1
_INTERRUPTED = 130


def main() -> None:
    """Run the command and end the process with its exit code.

    An interrupt ends the process at once with code 130, without waiting for worker threads.
    """
    output = open_standard_streams()
    try:
        code = _finish(_run(), output)
    except KeyboardInterrupt:
        print("\nimagededup: interrupted", file=sys.stderr, flush=True)
        os._exit(_INTERRUPTED)
    sys.exit(code)


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
