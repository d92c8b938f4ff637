"""`im` and the list of its commands. A command is a line of COMMANDS and `command` of the module of its name."""

import os
import sys
from collections.abc import Iterator
from importlib import import_module

import click

# Told here, so that no command is imported for the help of all: what they import takes longer than what they do.
COMMANDS = {
    "audit": "Check that the tables agree, and repair them.",
    "canary": "Send a message as the canary does, and measure each step.",
    "drill": "Load this deployment, strike it, and tell what went wrong.",
    "export": "Write all that is a user's into a directory.",
    "friends import": "Make the pairs of users of a file friends.",
    "outbox drop": "Give up parked events for good.",
    "outbox list": "List the parked events, which could not be applied or published.",
    "outbox retry": "Have parked events told again.",
    "purge": "Remove old messages, and the texts of withdrawn ones.",
    "relays": "List the relays that are there.",
    "trace": "Show how far a message has come on its way to each recipient.",
    "user create": "Make an account.",
    "user disable": "Let a user in no more, until they get a new password.",
    "user password": "Give a user a new password.",
    "user revoke": "End all logins of a user.",
    "user token": "Print an access token of a user.",
}

_INTERRUPTED = 130


class Commands(click.Group):
    """A group that imports a command when it is called. The names of its commands begin with `words`."""

    def __init__(self, words: str = "") -> None:
        about = f"The commands `{words}`." if words else "Look at this deployment of the message service, and mend it."
        super().__init__(words or "im", help=about)
        self._before = f"{words} " if words else ""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Returns the words that may follow."""
        return sorted({name.split()[0] for name, _ in self._told()})

    def get_command(self, _ctx: click.Context, word: str) -> click.Command | None:
        """Returns the command of this word, imported now, or the group of those that begin with it."""
        name = self._before + word
        if name in COMMANDS:
            command: click.Command = import_module(f"commands.{name.replace(' ', '_')}").command
            return command
        return Commands(name) if any(each.startswith(f"{name} ") for each in COMMANDS) else None

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._told()))

    def _told(self) -> Iterator[tuple[str, str]]:
        return (
            (name.removeprefix(self._before), told) for name, told in COMMANDS.items() if name.startswith(self._before)
        )


def main() -> None:
    """Run a command. What is wrong is said in one line; docs/operations.md tells the exit statuses."""
    try:
        status = Commands()(prog_name="im", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        status = error.exit_code
    except click.ClickException as error:
        click.echo(f"Error: {' '.join(error.format_message().split())}", err=True)
        status = error.exit_code
    except click.Abort:
        status = _INTERRUPTED
    except BrokenPipeError:  # nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except Exception as error:  # noqa: BLE001 - told, or raised again
        from commands.failures import told  # here: it knows the errors of all parts

        status = told(error)
    sys.exit(status)


if __name__ == "__main__":
    main()
