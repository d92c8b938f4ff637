"""Runs the operator's commands on a deployment."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from tests import databases
from tests.processes import ROOT
from tests.stack import Stack, with_programs

IM = str(ROOT / "im")
# A process of its own for each takes a second, most of it for imports.
_SEVERAL = """
import contextlib, io, json, sys
from commands.__main__ import main
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        try: main()
        except SystemExit as end: status = end.code or 0
    print(json.dumps([status, said.getvalue()]))
"""


def im(stack: Stack, *arguments: str, stdin: str = "", **environment: str) -> tuple[int, str]:
    """Run `im …` with the deployment's settings, overridden by `environment`. Returns its exit code and output."""
    return program(stack, IM, *arguments, stdin=stdin, **environment)


def several(stack: Stack, *lines: Sequence[str], **environment: str) -> list[tuple[int, str]]:
    """Run the commands of these lines in one process, one after another. Returns what `im` does for each."""
    code, told = program(stack, sys.executable, "-c", _SEVERAL, json.dumps(lines), **environment)
    assert code == 0, told
    return [(status, said) for status, said in map(json.loads, told.splitlines())]


def program(stack: Stack, *command: str, stdin: str = "", **environment: str) -> tuple[int, str]:
    """Run a program as `im` does. Returns its exit code and output."""
    settings = databases.environment(stack.database_url, stack.redis_url) | stack.media_settings
    env = with_programs(settings | environment)
    done = subprocess.run(
        command, cwd=ROOT, env=env, input=stdin, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def objects(stack: Stack, *arguments: str, **options: str) -> list[dict[str, Any]]:
    """Returns the objects that `im … --json` prints, one a line."""
    return parsed(im(stack, *arguments, "--json", **options)[1])


def parsed(told: str) -> list[dict[str, Any]]:
    """Returns the objects that a command has printed, one a line."""
    return [json.loads(line) for line in told.splitlines()]
