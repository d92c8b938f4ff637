"""The tests of the database, the rules and one journey, on a real MySQL server: `python -m tests.mysql`.

A machine that cannot have one is told so in the last line, and the run counts as passed.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.processes import ROOT
from tests.servers import MySQL

_CACHE = ROOT / ".cache" / "mysql"
_TESTS = ("tests/db", "tests/messaging", "tests/journeys/test_message.py")
# test_plans is about MariaDB's optimizer, and fills its tables from MariaDB's sequences.
_CHOSEN = ("--ignore=tests/messaging/test_plans.py", "-k", "not sqlite and not embedded")


def main() -> None:
    """Exits with pytest's code."""
    fetched = subprocess.run(["sh", ROOT / "tests/mysql.sh", _CACHE], capture_output=True, text=True, check=False)
    if fetched.returncode:
        print(f"not run on MySQL, which is not to be had here: {fetched.stderr.strip()}")
        return
    with tempfile.TemporaryDirectory() as directory:
        server = MySQL(_CACHE / "root", Path(directory))
        server.start()
        try:
            code = _pytest(server.url.render_as_string(hide_password=False))
        finally:
            server.kill()
    sys.exit(code)


def _pytest(url: str) -> int:
    command = [sys.executable, "-m", "pytest", *(sys.argv[1:] or _TESTS), *_CHOSEN]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"TEST_DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    main()
