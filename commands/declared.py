"""The commands of `im`, and what each of them takes."""

from collections.abc import Sequence
from pathlib import Path

import click

from commands.tree import Command, Commands
from drill import MOST_SENDS
from infra.ids import MAX_ID

_MOST_SAMPLED = 1_000_000
_DAYS = click.FloatRange(1, 36_500)
_VICTIM = "NAME=PID|FILE"


def _flag(*names: str, told: str) -> click.Option:
    return click.Option(names, is_flag=True, help=told)


def _absolute(_ctx: click.Context, _param: click.Parameter, named: Sequence[str]) -> list[str]:
    """Returns victims with the files of their ids from the root: a command moves to the directory of the code."""
    parts = [each.partition("=") for each in named]
    return [name + sign + (str(Path(it).absolute()) if it and not it.isdecimal() else it) for name, sign, it in parts]


def _victims(option: str, told: str) -> click.Option:
    return click.Option([option], multiple=True, callback=_absolute, metavar=_VICTIM, help=told)


def _user() -> click.Argument:
    return click.Argument(["user"])


def _event_ids(*, required: bool) -> click.Argument:
    metavar = "EVENT_ID..." if required else "[EVENT_ID]..."
    return click.Argument(["ids"], type=int, nargs=-1, required=required, metavar=metavar)


def _password_stdin() -> click.Option:
    return _flag("--password-stdin", told="Take the password from the first line of stdin, instead of making one.")


def _url(option: str, default: str, door: str) -> click.Option:
    return click.Option([option], default=default, show_default=True, help=f"URL of the {door} door.")


def _number(option: str, least: float, most: float, default: float, told: str) -> click.Option:
    limits = click.FloatRange(least, most)
    return click.Option([option], type=limits, default=default, show_default=True, help=told)


COMMANDS = (
    Command(
        "audit",
        "Check that the tables agree, and repair them. One conversation, or all. "
        "Ends with 1 when something has drifted and was not repaired.",
        _flag("--repair", told="Put right what drifted."),
        click.Option(
            ["--sample"], type=click.IntRange(1, _MOST_SAMPLED), metavar="N", help="Only those of N random messages."
        ),
        _flag("--media", told="Check the storage of uploads instead, and repair nothing."),
        click.Argument(["conversation_id"], required=False),
    ),
    Command(
        "canary",
        "Send a message as the canary does, and measure each step. Ends with 1 when a step failed.",
        schema=False,
    ),
    Command(
        "drill",
        "Load this deployment, strike it, and tell what went wrong. Only where DRILL=1. "
        "Ends with 0 when all is right, 1 when something is wrong, 2 when refused, and 3 when the deployment does not "
        "answer.",
        _url("--web", "http://127.0.0.1:8080", "REST"),
        _url("--realtime", "http://127.0.0.1:8090", "WebSocket"),
        click.Option(
            ["--ca"],
            type=click.Path(exists=True, dir_okay=False, resolve_path=True),
            help="A certificate to trust, for https.",
        ),
        _number("--seconds", 5, 600, 60, "How long to send."),
        _number("--sends", 1, MOST_SENDS, 20, "Sends a second."),
        _number("--quiet", 1, 120, 20, "Seconds to become right."),
        _victims("--kill", "A process to kill, or its id's file."),
        _victims("--stop", "A process to stop for a while."),
        _flag("--flush", told="Empty Redis."),
        schema=False,
    ),
    Command(
        "export",
        "Write all that a user sees into a directory. USER is an id or a username. The new DIRECTORY gets export.jsonl "
        "when all of it is written, and media/. Ends with 1 when bytes were missing.",
        _user(),
        click.Argument(["directory"], type=click.Path(file_okay=False, resolve_path=True, path_type=Path)),
    ),
    Command(
        "friends import",
        "Make the pairs of users of a CSV file friends. A line of FILE (- is stdin) has two ids or usernames. "
        "Lines that are wrong are told and passed over: it ends with 1 then. It may be done twice.",
        click.Argument(["file"], type=click.File("rb")),
    ),
    Command(
        "outbox drop",
        "Give up parked events for good. Clients are never told of them. Without --yes they are only shown.",
        _flag("--yes", told="Do it."),
        _event_ids(required=True),
    ),
    Command(
        "outbox list",
        "List the parked events. They could not be applied or published. Those named, or all.",
        _event_ids(required=False),
    ),
    Command(
        "outbox retry",
        "Have parked events told again. Those named, or with --all all of them.",
        _flag("--all", "everything", told="All of them."),
        _event_ids(required=False),
    ),
    Command(
        "purge",
        "Remove old messages, and the texts of withdrawn ones. It does what the retention does, now and to the end, "
        "and only counts without --yes. It may be done twice.",
        click.Option(["--older-than"], type=_DAYS, metavar="DAYS", help="Instead of RETENTION_SECONDS."),
        click.Option(["--withdrawn"], type=_DAYS, metavar="DAYS", help="Instead of RETENTION_DELETED_SECONDS."),
        _flag("--yes", told="Do it."),
    ),
    Command("relays", "List the relays that are there. Ends with 1 when there is none.", schema=False),
    Command(
        "trace",
        "Show how far a message has come on its way. Ends with 1 when there is no such message.",
        click.Argument(["message_id"], type=click.IntRange(1, MAX_ID)),
    ),
    Command(
        "user create",
        "Make an account. Prints its id, and its password when that is made here.",
        click.Option(["--nickname"], help="The user name, if not given."),
        _password_stdin(),
        click.Argument(["username"]),
    ),
    Command(
        "user disable",
        "Let a user in no more, until they get a new password. USER is an id or a username. All that is theirs stays.",
        _user(),
    ),
    Command(
        "user password",
        "Give a user a new password. USER is an id or a username. Ends all their logins, and lets in again who was "
        "disabled.",
        _password_stdin(),
        _user(),
    ),
    Command(
        "user revoke",
        "End all logins of a user. Every token issued before now is revoked, whoever issued it.",
        click.Argument(["user_id"], type=click.IntRange(1, MAX_ID)),
    ),
    Command(
        "user token",
        "Print an access token of a user. USER is an id or a username. Whoever holds it is that user.",
        click.Option(
            ["--seconds"], type=click.IntRange(1), default=600, show_default=True, help="How long it is good for."
        ),
        _user(),
    ),
)


def im() -> Commands:
    """Returns the command `im` itself."""
    return Commands("im", "Look at this deployment of the message service, and mend it.", COMMANDS)
