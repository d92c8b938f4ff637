"""Runs the tests of the database, the rules and one journey on a real MySQL server: `python -m tests.mysql`.

On a machine that cannot have such a server the last line says so, and the run counts as passed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.processes import ROOT
from tests.servers import MySQL

_CACHE = ROOT / ".cache" / "mysql"
_TESTS = ("tests/db", "tests/messaging", "tests/journeys/test_message.py", "tests/deploy/test_grants.py")
# The last one is about a variable that MySQL does not have.
_CHOSEN = "not sqlite and not embedded and not test_a_transaction_that_nobody_goes_on_with"
# The first tests MariaDB's optimizer, on tables filled from its sequences; the second knows no server.
_NOT_HERE = ("test_plans*.py", "test_life.py")


def main() -> None:
    """Run the tests on the server, and exit with pytest's code."""
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
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-k", default="")
    asked, rest = parser.parse_known_args()
    paths = () if any(word.startswith("tests/") for word in rest) else _TESTS
    only = f"({asked.k}) and {_CHOSEN}" if asked.k else _CHOSEN
    ignored = [f"--ignore-glob=*/{name}" for name in _NOT_HERE]
    command = [sys.executable, "-m", "pytest", *rest, *paths, *ignored, "-k", only]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"TEST_DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    main()
