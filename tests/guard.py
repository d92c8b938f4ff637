"""Waits for the tests to end, in whatever way, and kills the processes that they leave behind."""

import signal
import sys
import time

from embedded.leftovers import marked, send


def main() -> None:
    """Kill all that carries the mark "NAME=value", the only argument, once standard input ends with the tests."""
    sys.stdin.read()
    deadline = time.monotonic() + 10
    while (left := marked(sys.argv[1])) and time.monotonic() < deadline:
        for pid in left:
            send(pid, signal.SIGKILL)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
