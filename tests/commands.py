"""Runs the operator's commands on a deployment."""

import json
import subprocess
from typing import Any

from tests import databases
from tests.processes import ROOT
from tests.stack import Stack, with_programs

IM = str(ROOT / "im")


def im(stack: Stack, *arguments: str, stdin: str = "", **environment: str) -> tuple[int, str]:
    """Run `im …` with the deployment's settings, overridden by `environment`. Returns its exit code and output."""
    return program(stack, IM, *arguments, stdin=stdin, **environment)


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
    return [json.loads(line) for line in im(stack, *arguments, "--json", **options)[1].splitlines()]
