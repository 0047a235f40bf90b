"""The command `imagededup`, also `python -m imagededup`."""

import os
import sys


def main() -> None:
    """Run the command and end the process with its exit code.

    An interrupt ends the process at once with code 130, without waiting for worker threads.
    """
    try:
        from imagededup.cli import run

        code = run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\nimagededup: interrupted", file=sys.stderr, flush=True)
        os._exit(130)
    except BrokenPipeError:
        os._exit(0)
    sys.exit(code)


if __name__ == "__main__":
    main()
