"""Runs every test: `python -m tests.everything`, in two lanes side by side, on two cores in half the time.

The journeys, and then what also runs on MySQL, run beside all others. What they print comes last.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from tests.processes import ROOT

_PYTEST = [sys.executable, "-m", "pytest"]
_JOURNEYS = "tests/journeys"
_ONE = [[*_PYTEST, f"--ignore={_JOURNEYS}"]]
_OTHER = [[*_PYTEST, _JOURNEYS], [sys.executable, "-m", "tests.mysql"]]


def main() -> None:
    """Run the tests. Exits with 1 if any failed."""
    with tempfile.TemporaryFile() as printed, ThreadPoolExecutor(1) as beside:
        other = beside.submit(_run, _OTHER, printed)
        codes = _run(_ONE) + other.result()
        printed.seek(0)
        sys.stdout.buffer.write(printed.read())
    sys.exit(any(codes))


def _run(commands: Sequence[Sequence[str]], printed: IO[bytes] | None = None) -> list[int]:
    """Run commands one after the other, whether they fail or not. Returns their exit codes."""
    return [subprocess.run(each, cwd=ROOT, stdout=printed, stderr=printed, check=False).returncode for each in commands]


if __name__ == "__main__":
    main()
