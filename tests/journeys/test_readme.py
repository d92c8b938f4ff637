"""Tests that the commands in the README get the answers that the README shows."""

import re
import subprocess
from pathlib import Path

from tests.documents import blocks, text
from tests.embedded_run import EmbeddedRun


def test_the_session_with_curl_is_answered_as_it_stands_there(tmp_path: Path) -> None:
    (session,) = (block for block in blocks(text("README.md"), "sh") if "curl" in block)
    run = EmbeddedRun(tmp_path)  # a fresh database, because the README shows ids
    try:
        run.start()
        script = session.replace("http://localhost:8080", run.url)
        done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, timeout=60, check=True)
    finally:
        run.stop()
    told = re.findall(r"^# (\{.*)$", session, re.MULTILINE)
    answers = done.stdout.splitlines()
    assert len(answers) == len(told) == 8
    for answer, pattern in zip(answers, told, strict=True):
        assert re.fullmatch(re.escape(pattern).replace("…", ".+"), answer), f"{answer} is not {pattern}"
