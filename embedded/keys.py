"""The secrets of the embedded service: made at first start, kept ever after, readable by their owner alone."""

import os
import secrets
from pathlib import Path

from embedded.place import NotStarted

_NAMES = ("JWT_SECRET_KEY", "VALKEY_PASSWORD")


def keys(var: Path) -> dict[str, str]:
    """Returns the secrets in `var`/secrets.env, by name. Makes the file when it is missing.

    Raises NotStarted when the file is damaged.
    """
    path = var / "secrets.env"
    if not path.exists():
        _make(path)
    path.chmod(0o600)
    found = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    if any(len(found.get(name, "")) < 32 for name in _NAMES):
        raise NotStarted(f"{path} is damaged: remove it, and new secrets are made (everyone signs in again)")
    return {name: found[name] for name in _NAMES}


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read from its first byte on. Raises FileExistsError if it is there."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _make(path: Path) -> None:
    write_private(path, "".join(f"{name}={secrets.token_urlsafe(32)}\n" for name in _NAMES))
