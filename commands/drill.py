"""`im drill`: the command; what it does is in the package drill."""

import signal
import ssl
from collections.abc import Sequence

from commands.service import Misused, Unavailable, say
from drill.blows import NotAllowed, Victim
from drill.door import Away, Denied
from drill.run import Plan, drill
from infra.settings import settings


def run(
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
    """Run a drill, and print its report."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what stands still goes on, however this ends
    if not settings().drill:
        raise Misused("this deployment does not say DRILL=1, so that nothing is done to it")
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
        raise Misused(str(error)) from error
    except Away as error:
        raise Unavailable(f"the deployment does not answer: {error}") from error
    say(as_json, report.as_json(), *report.lines())
    raise SystemExit(1 if report.wrong else 0)


def _victims(named: Sequence[str]) -> list[Victim]:
    found = [Victim.parse(each) for each in named]
    for victim in found:
        victim.pid()  # now, before anything is done
    return found
