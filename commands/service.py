"""What all commands have in common: the settings of the service, the form of what they print, and being misused."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

ROOT = Path(__file__).resolve().parent.parent


class Misused(click.ClickException):
    """An argument names something that is not there, or cannot be. Ends with 2."""

    exit_code = 2


class Unavailable(click.ClickException):
    """What the command asks does not answer. Ends with 3."""

    exit_code = 3


def say(as_json: bool, facts: Mapping[str, Any], *lines: str) -> None:
    """Print an object for programs, or lines for people."""
    for line in [orjson.dumps(facts).decode()] if as_json else lines:
        click.echo(line)


# The imports are inside the functions below: the help of a command shall not wait for them.


def prepare() -> None:
    """Take the settings from the environment, or, where it names no database, from the embedded service beside us.

    Paths of settings are relative to the directory of the code, as those of the service are. Raises EnvError.
    """
    from infra import logs

    os.chdir(ROOT)
    var = Path(os.environ.get("EMBEDDED_VAR") or ROOT / "var")
    if not os.environ.get("DATABASE_URL") and (var / "secrets.env").exists():
        from embedded.access import access
        from embedded.place import NotStarted, chosen

        try:
            os.environ.update(access(chosen()))
        except NotStarted as error:
            raise Misused(str(error)) from error
    logs.configure()


def require_schema() -> None:
    """Raises NotMigrated unless the database has the schema of this code, and DatabaseUnavailable."""
    from db.schema_version import require_current
    from db.session import read

    read(require_current)
