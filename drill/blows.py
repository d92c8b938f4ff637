"""What a drill does to a deployment: it kills and stops processes that are named to it, and empties Redis.

It does so only to a process whose own environment says DRILL=1. Process managers start again what was killed.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra.redis import RedisError, client

STILL_SECONDS = 3.0
_YES = {b"DRILL=1", b"DRILL=true", b"DRILL=yes", b"DRILL=on"}


class NotAllowed(Exception):
    """A process may not be touched, and why."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A process that may be touched: its id, or the file that has it, which is read each time."""

    name: str
    where: str

    @classmethod
    def parse(cls, named: str) -> "Victim":
        """Returns the victim of an option like `worker=123` or `worker=/run/im/worker.pid`. Raises NotAllowed."""
        name, equals, where = named.partition("=")
        if not (name and equals and where):
            raise NotAllowed(f"{named!r} is not like worker=123 or worker=/run/im/worker.pid")
        return cls(name, where)

    def pid(self) -> int:
        """Returns the id of the process now. Raises NotAllowed, also for one that does not say DRILL=1."""
        try:
            number = int(self.where if self.where.isdecimal() else Path(self.where).read_text())
            said = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
        except (OSError, ValueError) as error:
            raise NotAllowed(f"{self.name}: there is no process of {self.where}") from error
        if not _YES & set(said):
            raise NotAllowed(f"{self.name}: the environment of process {number} does not say DRILL=1")
        return number


@dataclass(frozen=True, slots=True)
class Blow:
    """Something that a drill does, and its words for the report. `strike` raises NotAllowed and RedisError."""

    told: str
    strike: Callable[[], None]


def allowed(kill: Sequence[Victim], stop: Sequence[Victim], *, flush: bool) -> list[Blow]:
    """Returns the blows that are allowed, each once."""
    return [
        *(Blow(f"killed {each.name}", partial(_kill, each)) for each in kill),
        *(Blow(f"stopped {each.name} for {STILL_SECONDS:.0f} s", partial(_stop, each)) for each in stop),
        *([Blow("emptied Redis", empty)] if flush else []),
    ]


def strike(blow: Blow) -> str:
    """Strike a blow. Returns what to say of it, also when it was not possible."""
    try:
        blow.strike()
    except (NotAllowed, RedisError) as error:
        return f"{blow.told}: not done, {error}"
    return blow.told


def empty() -> None:
    """Empty Redis. Raises RedisError."""
    client().flushall()


class Stopped:
    """A block in which some processes stand still. Those that are not there are left out."""

    def __init__(self, victims: Sequence[Victim]) -> None:
        self._victims = victims
        self._stopped: list[int] = []

    def __enter__(self) -> "Stopped":
        for each in self._victims:
            with suppress(NotAllowed):
                pid = each.pid()
                _send(pid, signal.SIGSTOP)
                self._stopped.append(pid)
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._stopped:
            with suppress(NotAllowed):  # it has ended meanwhile
                _send(pid, signal.SIGCONT)


def _stop(victim: Victim) -> None:
    victim.pid()  # raises when it is not there
    with Stopped([victim]):
        time.sleep(STILL_SECONDS)


def _kill(victim: Victim) -> None:
    _send(victim.pid(), signal.SIGKILL)


def _send(pid: int, number: signal.Signals) -> None:
    """Signal a process, with its whole group when it leads one, as a process manager does. Raises NotAllowed."""
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError as error:
        raise NotAllowed(f"process {pid} has ended") from error
    except PermissionError as error:
        raise NotAllowed(f"process {pid} belongs to somebody else") from error
