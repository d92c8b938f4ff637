"""Tests that each way to deploy starts every kind of process as the Procfile does."""

import re
import shlex
from typing import Any

import pytest

from infra.exposition import PORTS
from tests import documents
from tests.deploy.files import DEPLOY, KINDS, compose, pod, programs, unit
from tests.stack import commands

NOT_SETTINGS = {"TMPDIR"}
SETTINGS = frozenset(documents.settings())


def _essence(words: list[str]) -> list[str]:
    """Returns a command without what depends on the machine: addresses, numbers of workers, a worker's name."""
    return re.sub(r" --(bind|workers|hostname) \S+", "", " ".join(words)).split()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_started_as_by_the_procfile(kind: str) -> None:
    wanted = _essence(shlex.split(commands()[kind]))
    assert {way: _essence(words) for way, words in programs(kind).items()} == dict.fromkeys(programs(kind), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_health_is_asked_where_metrics_are_served(kind: str) -> None:
    service, container = compose()[kind], pod(kind)
    port = str(PORTS[kind])
    assert service["environment"]["METRICS_BIND"].endswith(f":{port}")
    assert "/readyz" in service["healthcheck"]["test"][-1]
    assert _environment(container)["METRICS_BIND"]["value"].endswith(f":{port}")
    assert {"name": "metrics", "containerPort": int(port)} in container["ports"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    assert f"port: {port}" in (DEPLOY / "prometheus/prometheus.yml").read_text()


def _environment(container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in container.get("env", [])}


@pytest.mark.parametrize("kind", KINDS)
def test_every_variable_is_a_setting(kind: str) -> None:
    named = {*compose()[kind]["environment"], *_environment(pod(kind))}
    named |= {each.partition("=")[0] for each in unit(kind).get("Environment", [])}
    literals = re.findall(r"^ +- ([A-Z_]+)=", (DEPLOY / "kustomization.yaml").read_text(), re.MULTILINE)
    assert literals
    assert {*named, *literals} - NOT_SETTINGS <= SETTINGS


@pytest.mark.parametrize("kind", KINDS)
def test_no_process_may_more_than_it_needs(kind: str) -> None:
    service, security = compose()[kind], pod(kind)["securityContext"]
    assert service["read_only"]
    assert service["cap_drop"] == security["capabilities"]["drop"] == ["ALL"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert unit(kind)["User"] == ["im"]
    assert re.search(r"^USER 10001", (DEPLOY / "Dockerfile").read_text().rpartition("FROM")[2], re.MULTILINE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_has_time_to_end(kind: str) -> None:
    needed = 65 if kind in {"worker", "media"} else 5  # a task may take a minute; every other process ends within 4 s
    assert int(unit(kind)["TimeoutStopSec"][0]) >= needed
    assert int(compose()[kind].get("stop_grace_period", "10s").removesuffix("s")) >= needed


def test_every_secret_must_be_given() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    asked = set(re.findall(r"\$\{(\w+)([^}]*)\}", text))
    assert len(asked) > 10
    assert {rest for _, rest in asked} == {":?run secrets.sh"}
    assert set(re.findall(r"^(?:services|  [a-z]+):", text, re.MULTILINE)) >= {f"  {kind}:" for kind in KINDS}
