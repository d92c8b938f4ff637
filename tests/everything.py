"""Runs every test: `python -m tests.everything`. The journeys run beside all others, on two cores in half the time.

What the journeys print comes last, after what the others printed as they ran.
"""

import subprocess
import sys
import tempfile

from tests.processes import ROOT

_PYTEST = [sys.executable, "-m", "pytest"]
_JOURNEYS = "tests/journeys"


def main() -> None:
    """Run the tests, then those that also run on MySQL. Exits with 1 if any failed."""
    with tempfile.TemporaryFile() as printed:
        journeys = subprocess.Popen([*_PYTEST, _JOURNEYS], cwd=ROOT, stdout=printed, stderr=subprocess.STDOUT)
        try:
            codes = [_run(*_PYTEST, f"--ignore={_JOURNEYS}"), _run(sys.executable, "-m", "tests.mysql")]
            codes.append(journeys.wait())
        finally:
            journeys.kill()  # it has ended, unless this run was interrupted
        printed.seek(0)
        sys.stdout.buffer.write(printed.read())
    sys.exit(any(codes))


def _run(*command: str) -> int:
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    main()
