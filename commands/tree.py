"""How `im` finds a command by its words, and runs it.

A command is `run` of a module of its own, which is imported when the command runs, and not for a help: what a command
imports takes longer than what it does.
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import click

from commands.service import prepare, require_schema

_SENTENCE = 100  # characters of a help that a list shows: its first sentence


class Command(click.Command):
    """A command that its `words` call: `run` of the module of their name, which gets the params, and `as_json`.

    `about` is its help, and its first sentence stands in lists. `schema` says that it needs the tables of this code.
    """

    def __init__(self, words: str, about: str, *params: click.Parameter, schema: bool = True) -> None:
        as_json = click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object a line.")
        super().__init__(words.split()[-1], help=about, params=[*params, as_json])
        self.words = words
        self.module = f"commands.{words.replace(' ', '_')}"
        self._schema = schema

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises EnvError for settings that are missing or wrong, NotMigrated, DatabaseUnavailable."""
        prepare()
        if self._schema:
            require_schema()
        return ctx.invoke(import_module(self.module).run, **ctx.params)


class Commands(click.Group):
    """Those of the commands that begin with these words, all in one list."""

    def __init__(self, name: str, about: str, commands: Sequence[Command], words: str = "") -> None:
        super().__init__(name, help=about)
        self._all = commands
        self._before = words

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Returns the words that may follow."""
        return list(dict.fromkeys(rest.split()[0] for rest, _ in self._following()))

    def get_command(self, _ctx: click.Context, word: str) -> click.Command | None:
        """Returns the command of this word, or the group of those that begin with it."""
        following = dict(self._following())
        if any(rest.startswith(f"{word} ") for rest in following):
            words = self._before + word
            return Commands(word, f"The commands `{words}`.", self._all, f"{words} ")
        return following.get(word)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(rest, each.get_short_help_str(_SENTENCE)) for rest, each in self._following()])

    def _following(self) -> Iterator[tuple[str, Command]]:
        before = self._before
        return ((each.words.removeprefix(before), each) for each in self._all if each.words.startswith(before))
