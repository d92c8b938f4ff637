"""Waits for the tests to end, in whatever way, and kills what they leave behind."""

import signal
import sys
import time

from embedded.leftovers import marked, send


def main() -> None:
    """The only argument is the mark, "NAME=value"; the end of standard input says that the tests are gone."""
    sys.stdin.read()
    deadline = time.monotonic() + 10
    while (left := marked(sys.argv[1])) and time.monotonic() < deadline:
        for pid in left:
            send(pid, signal.SIGKILL)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
