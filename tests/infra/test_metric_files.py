"""Tests that a process keeps the files in which it counts, also when it starts Python again, as Celery does."""

import subprocess
import sys

from tests.processes import ROOT

_BEGIN = "from infra import metric_files as files; files.begin()"
_OTHER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_BEGIN!r}], check=True)"
_AGAIN = f"{_BEGIN}; {_OTHER}; print(files.directory(), files.directory().exists())"
_FIRST = f"{_BEGIN}; print(files.directory(), flush=True); import os, sys; " + (
    f"os.execv(sys.executable, [sys.executable, '-c', {_AGAIN!r}])"
)


def test_no_other_server_removes_the_files_of_one_that_has_started_again() -> None:
    run = [sys.executable, "-c", _FIRST]
    done = subprocess.run(run, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    first, again, exists = done.stdout.split()
    assert exists == "True"
    assert again != first, "nobody holds those of the first any more"
