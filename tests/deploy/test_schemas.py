"""Tests that the files are what Compose, Kubernetes and systemd take."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.files import DEPLOY, KINDS, manifests
from tests.processes import ROOT

KUBERNETES = "1.33"
SYSTEMD = shutil.which("systemd-analyze")


def test_compose_takes_its_file() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, "compose.yaml"], cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def _name(found: dict[str, Any]) -> str:
    return f"{found['kind']} {found['metadata']['name']}"


@pytest.mark.parametrize(
    "found", [each for each in manifests() if each["metadata"]["name"] != "every-process"], ids=_name
)
def test_kubernetes_takes_each_manifest(found: dict[str, Any]) -> None:
    kubernetes_validate.validate(found, KUBERNETES, strict=True)


def test_the_list_of_manifests_is_whole() -> None:
    listed = [name for file in _kustomizations() for name in _resources(file)]
    there = {path for path in DEPLOY.glob("kubernetes/**/*.yaml") if path.name != "kustomization.yaml"}
    assert {*listed, DEPLOY / "kubernetes/every-process.yaml"} == there


def _kustomizations() -> list[Path]:
    return list(DEPLOY.rglob("kustomization.yaml"))


def _resources(file: Path) -> Iterator[Path]:
    return (file.parent / name for name in yaml.safe_load(file.read_text())["resources"])


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not there")
def test_what_kustomize_makes_of_them() -> None:
    built = [each for file in _kustomizations() for each in _built(file.parent)]
    for each in built:
        kubernetes_validate.validate(each, KUBERNETES, strict=True)
    pods = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in built if each["kind"] == "Deployment"
    }
    assert pods.keys() == {f"im-{kind}" for kind in (*KINDS, "nginx")}
    for kind in KINDS:
        container = pods[f"im-{kind}"]["containers"][0]
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert {"METRICS_BIND", "REDIS_URL"} <= {each["name"] for each in container["env"]}
        places = {each["mountPath"] for each in container["volumeMounts"]}
        assert places == ({"/tmp", "/srv/media"} if kind in {"web", "media"} else {"/tmp"})
        assert {each["name"] for each in container["volumeMounts"]} == {
            each["name"] for each in pods[f"im-{kind}"]["volumes"]
        }


def _built(directory: Path) -> list[dict[str, Any]]:
    done = subprocess.run(["kubectl", "kustomize", str(directory)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def test_every_service_and_policy_finds_pods_and_ports() -> None:
    pods = {
        each["spec"]["template"]["metadata"]["labels"]["app"]: {
            port["name"] for port in each["spec"]["template"]["spec"]["containers"][0]["ports"]
        }
        for each in manifests()
        if each["kind"] == "Deployment" and each["metadata"]["name"] != "every-process"
    }
    for each in manifests():
        if each["kind"] == "Service":
            wanted = {port["targetPort"] for port in each["spec"]["ports"]}
            assert wanted <= pods[each["spec"]["selector"]["app"]], _name(each)
        if each["kind"] == "HorizontalPodAutoscaler":
            assert each["spec"]["scaleTargetRef"]["name"] in pods
        if each["kind"] == "PodDisruptionBudget":
            assert each["spec"]["selector"]["matchLabels"]["app"] in pods


@pytest.mark.skipif(not SYSTEMD, reason="systemd-analyze is not there")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    units = _units(tmp_path)
    done = _analyze(
        tmp_path, "verify", "--man=no", *(str(tmp_path / each) for each in units), str(tmp_path / "im.target")
    )
    told = [line for line in done.splitlines() if str(tmp_path) in line or "im-" in line]
    assert told == []


@pytest.mark.skipif(not SYSTEMD, reason="systemd-analyze is not there")
def test_the_units_are_hardened(tmp_path: Path) -> None:
    for each in _units(tmp_path):
        done = _analyze(tmp_path, "security", "--offline=yes", "--no-pager", each.replace("@", "@1"))
        level = float(done.rpartition(": ")[2].split()[0])
        assert 0 < level < 2, done


def _units(directory: Path) -> list[str]:
    """Write the units into a directory, with the programs of this repository, and return their names."""
    shutil.copytree(DEPLOY / "systemd", directory, dirs_exist_ok=True)
    found = sorted(path.name for path in directory.glob("*.service"))
    for name in found:
        text = (directory / name).read_text()
        programs = text.replace("/srv/im/.venv/bin", str(Path(sys.executable).parent))
        (directory / name).write_text(programs.replace("/srv/im", str(ROOT)))
    assert len(found) == len(KINDS) + 1
    return found


def _analyze(directory: Path, *words: str) -> str:
    assert SYSTEMD
    path = {"SYSTEMD_UNIT_PATH": f"{directory}:", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([SYSTEMD, *words], env=path, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
