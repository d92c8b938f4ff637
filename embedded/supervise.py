"""The supervisor: runs Procfile.embedded until Ctrl-C, SIGTERM, a closed terminal, or the end of any process."""

import multiprocessing
import os
import signal
import subprocess
import sys

from honcho.command import main as honcho

from embedded import leftovers
from embedded.place import MARK, ROOT

_INTERRUPTED = 130  # honcho's code for SIGINT


def main() -> None:
    """Run honcho. Exits with honcho's code, 0 after Ctrl-C, and leaves no process behind however honcho ends."""
    multiprocessing.set_start_method("fork")  # other methods start helper processes, which would outlive honcho
    # honcho handles SIGINT and SIGTERM; a closed terminal would end honcho, but not its processes.
    signal.signal(signal.SIGHUP, lambda _number, _frame: os.kill(os.getpid(), signal.SIGTERM))
    # By a shell that ends at once: nothing here would wait for the greeting's end.
    subprocess.run(["/bin/sh", "-c", '"$0" -m embedded.greeting &', sys.executable], check=True)
    try:
        honcho(["start", "-d", str(ROOT), "-f", "Procfile.embedded", "-e", os.devnull])
    except SystemExit as ended:
        sys.exit(0 if ended.code == _INTERRUPTED else ended.code)
    finally:
        leftovers.end(f"{MARK}={os.environ[MARK]}")


if __name__ == "__main__":
    main()
