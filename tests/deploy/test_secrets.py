"""Tests of the secrets that secrets.sh makes."""

import re
import stat
import subprocess
from pathlib import Path

import pytest

from infra.weak_secrets import is_weak_key
from tests.deploy.files import DEPLOY, make_secrets


def test_they_are_all_that_compose_asks_for(tmp_path: Path) -> None:
    made = make_secrets(tmp_path / "secrets")
    assert set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text())) == set(made)
    assert len(set(made.values())) == len(made)
    assert not [name for name, value in made.items() if is_weak_key(value.rpartition(":")[2])]
    mounted = re.findall(r"\./secrets/([\w./]+)", (DEPLOY / "compose.yaml").read_text())
    assert mounted
    assert all((tmp_path / "secrets" / name).exists() for name in mounted)


def test_nobody_else_on_this_machine_can_read_them(tmp_path: Path) -> None:
    make_secrets(tmp_path / "secrets")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_secrets_that_are_there_are_not_replaced(tmp_path: Path) -> None:
    made = make_secrets(tmp_path / "secrets")
    with pytest.raises(subprocess.CalledProcessError):
        make_secrets(tmp_path / "secrets")
    assert made["JWT_SECRET_KEY"] in (tmp_path / "secrets/.env").read_text()
