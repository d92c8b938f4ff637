"""A drill from its first account to its report."""

import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from db.errors import DatabaseUnavailable
from drill import blows, findings, report, tables
from drill.blows import Blow, Stopped, Victim
from drill.door import Away, Denied
from drill.load import Load
from drill.report import Report

_LOOK_SECONDS = 0.5
_REST_SECONDS = 2.0
_LAST_SECONDS = 1.0
_UNDER_WAY_SECONDS = 1.0  # in which all hints of the last sends have come to Redis


@dataclass(frozen=True, slots=True)
class Plan:
    """What a drill does. `quiet` is how many seconds everything may take to become right after the last send."""

    web: str
    realtime: str
    trusted: ssl.SSLContext | None
    seconds: float
    sends: float
    quiet: float
    kill: Sequence[Victim] = ()
    stop: Sequence[Victim] = ()
    flush: bool = False


def drill(plan: Plan) -> Report:
    """Run a drill. Raises Away and Denied when no load can be made."""
    load = Load(plan.web, plan.realtime, sends=plan.sends, trusted=plan.trusted)
    try:
        with load.running():
            done = _strike(plan, load)
        whole_after, wrong = _wait_whole(load, plan.quiet)
        return report.of(load, done, whole_after, wrong)
    finally:
        load.leave()
        load.close_accounts()


def _strike(plan: Plan, load: Load) -> list[tuple[float, str]]:
    """Spread the blows over the load. Returns what was done, and when."""
    began = time.monotonic()
    done = []
    each = blows.allowed(plan.kill, plan.stop, flush=plan.flush)
    for place, blow in enumerate(each, 1):
        _sleep_until(began + plan.seconds * place / (len(each) + 1))
        at = time.monotonic() - began
        done.append((round(at, 1), blows.strike(blow)))
    _sleep_until(began + plan.seconds - _REST_SECONDS - _LAST_SECONDS)
    if plan.stop and plan.flush:
        at = time.monotonic() - began
        done.append((round(at, 1), _finale(plan.stop, load)))
    _sleep_until(began + plan.seconds)
    return done


def _finale(stop: Sequence[Victim], load: Load) -> str:
    """Have the load end while these stand still, and lose with Redis what is under way: no later send makes it good."""
    with ExitStack() as until_lost:
        with load.resting():
            time.sleep(_REST_SECONDS)  # a drain that stood still in its midst would take the later events with it
            until_lost.enter_context(Stopped(stop))
        time.sleep(_LAST_SECONDS)
        load.cease()
        time.sleep(_UNDER_WAY_SECONDS)
        told = blows.strike(Blow("emptied Redis", blows.empty))
    return f"{told} while {', '.join(each.name for each in stop)} stood still, and the load ended"


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _wait_whole(load: Load, patience: float) -> tuple[float | None, list[str]]:
    """Wait until nothing is wrong. Returns after how many seconds that was, or None and what is still wrong."""
    began = time.monotonic()
    while True:
        late = time.monotonic() - began > patience
        if late or not _unfinished(load):
            at = round(time.monotonic() - began, 1)
            wrong = _wrong(load)
            if late or not wrong:
                return None if wrong else at, wrong
        time.sleep(_LOOK_SECONDS)


def _unfinished(load: Load) -> bool:
    """Returns whether something is still under way, by what is cheap to ask."""
    try:
        return bool(load.missing() or tables.waiting(_names(load)).events)
    except DatabaseUnavailable:
        return True


def _wrong(load: Load) -> list[str]:
    try:
        return [*_of_tables(_names(load)), *findings.of_load(load)]
    except DatabaseUnavailable as error:
        return [f"the database does not answer: {error}"]
    except (Away, Denied) as error:
        return [f"the REST door does not answer: {error}"]


def _of_tables(names: list[str]) -> Iterator[str]:
    waits = tables.waiting(names)
    if waits.events:
        lie = f"{waits.events} events lie in the outbox, the oldest for {waits.seconds} s"
        yield f"{lie}: is beat running, and a worker?"
    if waits.parked:
        yield f"{waits.parked} events were put aside: see the command `parked`"
    yield from tables.drift(names)


def _names(load: Load) -> list[str]:
    return [pair.conversation_id for pair in load.pairs]
