"""Tests that the check of the lock files finds each fault that it looks for."""

from pathlib import Path

import pytest

from requirements import check

_HASH = " \\\n    --hash=sha256:" + "0" * 64
_GOOD = {
    "base.in": "flask>=3  # the doors\n",
    "base.txt": f"flask==3.1.3{_HASH}{_HASH}\n",
    "otel.in": "-r base.txt\nopentelemetry-sdk\n",
    "otel.txt": f"flask==3.1.3{_HASH}\nopentelemetry-sdk==1.45.2{_HASH}\n",
    "test.in": "-r base.txt\npytest\n",
    "test.txt": f"flask==3.1.3 ; python_version >= '3.11'{_HASH}\npytest==9.2.0{_HASH}\n"
    f"opentelemetry-sdk==1.45.2{_HASH}\n",
}


def _faults(directory: Path, **changed: str) -> list[str]:
    for name, text in (_GOOD | changed).items():
        (directory / name).write_text(text)
    of_each = (fault for lock in ("base", "otel", "test") for fault in check.faults(lock, directory))
    return [*of_each, *check.disagreements(directory)]


def test_locks_in_step(tmp_path: Path) -> None:
    assert _faults(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("base.in", "flask>=4\n", "base.txt: flask 3.1.3 is not >=4"),
        ("base.in", "flask\ngevent\n", "base.in: gevent is not in base.txt"),
        ("base.txt", "flask==3.1.3\n", "base.txt: flask has no hash"),
        ("base.txt", f"flask==3.1.2{_HASH}\n", "test.txt: lacks flask==3.1.2 of base.txt"),
        ("otel.txt", f"opentelemetry-sdk==1.0{_HASH}\n", "test.txt: lacks opentelemetry-sdk==1.0 of otel.txt"),
    ],
)
def test_faults(name: str, text: str, fault: str, tmp_path: Path) -> None:
    assert _faults(tmp_path, **{name: text}) == [fault]
