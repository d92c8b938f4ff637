"""What deploy/ says of each kind of process."""

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.processes import ROOT
from tests.stack import commands

DEPLOY = ROOT / "deploy"
KINDS = tuple(commands())


def compose() -> dict[str, Any]:
    """Returns the services of compose.yaml, by their names."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return found


@cache
def manifests() -> list[dict[str, Any]]:
    """Returns every object that the manifests of Kubernetes name, each as it stands in its file."""
    files = [path for path in DEPLOY.glob("kubernetes/**/*.yaml") if path.name != "kustomization.yaml"]
    return [found for path in sorted(files) for found in yaml.safe_load_all(path.read_text())]


def manifest(kind: str, name: str) -> dict[str, Any]:
    """Returns one object of the manifests."""
    return next(each for each in manifests() if (each["kind"], each["metadata"]["name"]) == (kind, name))


def pod(kind: str) -> dict[str, Any]:
    """Returns the container of a kind's pods, with what all have in common."""
    own, common = (
        manifest("Deployment", name)["spec"]["template"]["spec"]["containers"][0]
        for name in (f"im-{kind}", "every-process")
    )
    return {**common, **own}


def unit(kind: str) -> dict[str, list[str]]:
    """Returns what the lines of a kind's systemd unit say, by the words before the `=`."""
    path = next(DEPLOY.glob(f"systemd/im-{kind}*.service"))
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def programs(kind: str) -> dict[str, list[str]]:
    """Returns the words with which each way to deploy starts a kind of process."""
    start = unit(kind)["ExecStart"][0].removeprefix("/srv/im/.venv/bin/")
    return {"compose": compose()[kind]["command"], "kubernetes": pod(kind)["command"], "systemd": shlex.split(start)}


def make_secrets(directory: Path) -> dict[str, str]:
    """Have secrets.sh make a new directory of secrets. Returns those of its .env."""
    subprocess.run(["sh", str(DEPLOY / "secrets.sh"), str(directory)], check=True)
    return dict(line.split("=", 1) for line in (directory / ".env").read_text().splitlines())
