"""Lines reach stderr whole, and a stderr that takes none stops nobody."""

import json
import os
import subprocess
import sys
from typing import IO, Any

from tests import databases
from tests.processes import ROOT

_SAYS = "from infra import logs; logs.configure(); logs.get('x').warning('full', room=0); print('on')"


def said(stderr: int | IO[Any]) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | databases.environment("sqlite:////nowhere.db", "redis://127.0.0.1:1/0")
    run = [sys.executable, "-c", _SAYS]
    return subprocess.run(
        run, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=60, check=True
    )


def test_a_line_is_json_with_its_log() -> None:
    line = json.loads(said(subprocess.PIPE).stderr)
    assert {name: line[name] for name in ("event", "level", "logger", "log", "room")} == {
        **{"event": "full", "level": "warning", "logger": "x"},
        **{"log": "error", "room": 0},
    }


def test_a_full_disk_behind_stderr_stops_nobody() -> None:
    with open("/dev/full", "w") as full:
        assert said(full).stdout == "on\n"
