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
_NOT_OTHERS = "not sqlite and not embedded"


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
            url = server.url.render_as_string(hide_password=False)
            command = [sys.executable, "-m", "pytest", *_TESTS, "-k", _NOT_OTHERS, *sys.argv[1:]]
            code = subprocess.run(
                command, cwd=ROOT, env=os.environ | {"TEST_DATABASE_URL": url}, check=False
            ).returncode
        finally:
            server.kill()
    sys.exit(code)


if __name__ == "__main__":
    main()
