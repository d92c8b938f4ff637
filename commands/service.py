"""What all commands have in common: the settings of the service, the form of what they print, and being misused."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

ROOT = Path(__file__).resolve().parent.parent

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


class Misused(click.ClickException):
    """An argument names something that is not there, or cannot be. Ends with 2."""

    exit_code = 2


class OnService(click.Command):
    """A command that needs the settings of the service."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises EnvError for settings that are missing or wrong."""
        _prepare()
        return super().invoke(ctx)


class OnDatabase(click.Command):
    """A command that needs the database as well, with the schema of this code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises EnvError, DatabaseUnavailable."""
        _prepare()
        from db.schema_version import require_current  # here: the help of a command shall not wait for it
        from db.session import read

        read(require_current)
        return super().invoke(ctx)


def say(as_json: bool, facts: Mapping[str, Any], *lines: str) -> None:
    """Print an object for programs, or lines for people."""
    for line in [orjson.dumps(facts).decode()] if as_json else lines:
        click.echo(line)


def _prepare() -> None:
    """Take the settings from the environment, or, where it names no database, from the embedded service beside us.

    Paths of settings are relative to the directory of the code, as those of the service are.
    """
    from infra import logs  # here: the help of a command shall not wait for it

    os.chdir(ROOT)
    var = Path(os.environ.get("EMBEDDED_VAR") or ROOT / "var")
    if not os.environ.get("DATABASE_URL") and (var / "secrets.env").exists():
        from embedded.access import access  # here: no other deployment has it
        from embedded.place import NotStarted, chosen

        try:
            os.environ.update(access(chosen()))
        except NotStarted as error:
            raise Misused(str(error)) from error
    logs.configure()
