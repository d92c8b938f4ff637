"""The command `python -m drill`."""

import signal
import ssl
from collections.abc import Sequence

import click
import orjson

from drill.blows import NotAllowed, Victim
from drill.door import Away, Denied
from drill.load import MOST_SENDS
from drill.run import Plan, drill
from infra.settings import settings

_UNAVAILABLE = 3


class _Refused(click.ClickException):
    """The drill may not do that, or is asked for what cannot be. Ends with 2."""

    exit_code = 2


class _Unavailable(click.ClickException):
    """The deployment does not answer. Ends with 3."""

    exit_code = _UNAVAILABLE


@click.command("drill")
@click.option("--web", default="http://127.0.0.1:8080", show_default=True, help="URL of the REST door.")
@click.option("--realtime", default="http://127.0.0.1:8090", show_default=True, help="URL of the WebSocket door.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="A certificate to trust, for https.")
@click.option("--seconds", type=click.FloatRange(5, 600), default=60, show_default=True, help="How long to send.")
@click.option("--sends", type=click.FloatRange(1, MOST_SENDS), default=20, show_default=True, help="Sends a second.")
@click.option("--quiet", type=click.FloatRange(1, 120), default=20, show_default=True, help="Seconds to become right.")
@click.option("--kill", multiple=True, metavar="NAME=PID|FILE", help="A process to kill, or the file with its id.")
@click.option("--stop", multiple=True, metavar="NAME=PID|FILE", help="A process to stop for a while.")
@click.option("--flush", is_flag=True, help="Empty Redis.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    web: str,
    realtime: str,
    ca: str | None,
    seconds: float,
    sends: float,
    quiet: float,
    kill: Sequence[str],
    stop: Sequence[str],
    flush: bool,
    as_json: bool,
) -> None:
    """Load this deployment by accounts of the drill's own, strike it as the options allow, and tell what went wrong.

    Only where DRILL=1. Ends with 0 when all is right, 1 when something is wrong, 2 when refused, and 3 when the
    deployment does not answer.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what stands still goes on, however this ends
    if not settings().drill:
        raise _Refused("this deployment does not say DRILL=1, so that nothing is done to it")
    try:
        plan = Plan(
            web,
            realtime,
            ssl.create_default_context(cafile=ca),
            seconds,
            sends,
            quiet,
            kill=_victims(kill),
            stop=_victims(stop),
            flush=flush,
        )
        report = drill(plan)
    except (NotAllowed, Denied) as error:
        raise _Refused(str(error)) from error
    except Away as error:
        raise _Unavailable(f"the deployment does not answer: {error}") from error
    for line in [orjson.dumps(report.as_json()).decode()] if as_json else report.lines():
        click.echo(line)
    raise SystemExit(1 if report.wrong else 0)


def _victims(named: Sequence[str]) -> list[Victim]:
    found = [Victim.parse(each) for each in named]
    for victim in found:
        victim.pid()  # now, before anything is done
    return found


if __name__ == "__main__":
    command(prog_name="python -m drill")
