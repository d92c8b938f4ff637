"""Tests that the committed code matches the .proto files, and that the check would find a difference."""

import subprocess
import sys
from pathlib import Path

from rpc import generate
from tests.processes import ROOT


def test_the_committed_code_is_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "rpc.generate", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr


def test_a_drift_is_found(tmp_path: Path) -> None:
    generate.generate(tmp_path)
    assert generate.stale(tmp_path) == []
    (tmp_path / "rpc/generated/message_pb2.py").write_text("changed")
    (tmp_path / "infra/generated/friend_pb2.pyi").unlink()
    (tmp_path / "infra/generated/other_pb2.py").write_text("")
    assert generate.stale(tmp_path) == [
        "infra/generated/friend_pb2.pyi",
        "infra/generated/other_pb2.py",
        "rpc/generated/message_pb2.py",
    ]
