"""Runs Procfile.embedded until Ctrl-C, SIGTERM, a closed terminal, or the end of any of its processes."""

import multiprocessing
import os
import signal

from honcho.command import main as honcho

from embedded import leftovers
from embedded.place import MARK, ROOT


def main() -> None:
    """Exits with honcho's code, and leaves no process behind whichever way honcho ends."""
    multiprocessing.set_start_method("fork")  # the others keep helper processes, which would outlive honcho
    # honcho knows SIGINT and SIGTERM; a closed terminal would end it alone.
    signal.signal(signal.SIGHUP, lambda _number, _frame: os.kill(os.getpid(), signal.SIGTERM))
    try:
        honcho(["start", "-d", str(ROOT), "-f", "Procfile.embedded", "-e", os.devnull])
    finally:
        leftovers.end(f"{MARK}={os.environ[MARK]}")


if __name__ == "__main__":
    main()
