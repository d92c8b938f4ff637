"""Tests that what an image holds is whole: nothing outside of it is there for a process to use."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests import databases
from tests.deploy.files import DEPLOY, KINDS, programs
from tests.processes import ROOT, Process, free_port, wait_until

SCRIPT = (DEPLOY / "image.sh").read_text()
MODULES = {"wsgi:web": "web.app", "wsgi:realtime": "realtime.app"}
NO_PRODUCT = {"tests", "bench", "docs", "embedded"}


def _parts() -> list[str]:
    """Returns the files and directories that the script copies."""
    found = re.search(r"^cp -R (.*) \"\$target/\"$", SCRIPT, re.MULTILINE)
    assert found
    return found[1].split()


def _module(kind: str) -> str:
    words = programs(kind)["compose"]
    return words[2] if words[0] == "python" else MODULES[words[-1]]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns an empty directory with nothing but what an image gets."""
    directory = tmp_path_factory.mktemp("image")
    subprocess.run(["cp", "-R", *_parts(), str(directory)], cwd=ROOT, check=True)
    return directory


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_finds_all_that_it_imports(kind: str, copied: Path) -> None:
    source = (
        f"import celeryconfig, importlib as i; list(map(i.import_module, ({_module(kind)!r}, *celeryconfig.imports)))"
    )
    env = databases.environment("sqlite://") | {"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=copied, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_builder_is_given_what_the_script_copies() -> None:
    given = re.findall(r"^!(.*)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert {*_parts(), "deploy/image.sh", "requirements/base.txt"} == set(given)
    assert not set(_parts()) & NO_PRODUCT
    assert "sh deploy/image.sh /srv/im" in (DEPLOY / "Dockerfile").read_text()


@pytest.mark.skipif(not os.environ.get("LONG"), reason="installs every requirement: LONG=1")
@pytest.mark.timeout(900)
def test_the_script_builds_an_image_from_which_a_process_runs(tmp_path: Path) -> None:
    target = tmp_path / "im"
    command = ["sh", "deploy/image.sh", str(target)]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHON": sys.executable}, check=True)
    assert not list(target.glob(".venv/bin/pip*"))
    database = f"sqlite:///{tmp_path}/im.db"
    address = f"127.0.0.1:{free_port()}"
    env = databases.environment(database) | {
        "BIND": address,
        "METRICS_BIND": "off",
        "PATH": f"{target}/.venv/bin:/usr/bin:/bin",
    }
    subprocess.run(
        ["alembic", "upgrade", "head"], cwd=target, env=env, check=True, executable=target / ".venv/bin/alembic"
    )
    words = shlex.join(programs("web")["compose"])
    process = Process("image", f"cd {target} && exec {words}", log=tmp_path / "log", env=env)
    process.launch()
    try:
        wait_until(lambda: _ready(f"http://{address}/readyz"), process.tail())
    finally:
        process.kill()


def _ready(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
