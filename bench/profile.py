"""`--profile ROW`: shows where the processes of the stack spend their time while a row is measured.

With py-spy it writes a flame graph of every process to var/bench-profiles; without it, the processes sample themselves
(bench/hook).
"""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.site import Site, family

_HERE = Path(__file__).parent
_DIRECTORY = _HERE.parent / "var" / "bench-profiles"
_SHOWN = 25


def environment(*, wanted: bool) -> dict[str, str]:
    """Returns the environment for the processes of the stack in which they sample themselves; empty with py-spy."""
    if not wanted or shutil.which("py-spy"):
        return {}
    shutil.rmtree(_DIRECTORY, ignore_errors=True)
    _DIRECTORY.mkdir(parents=True)
    return {"PYTHONPATH": str(_HERE / "hook"), "BENCH_SAMPLES": str(_DIRECTORY)}


@contextmanager
def during(site: Site, *, wanted: bool) -> Iterator[None]:
    """Record with py-spy while the block runs, if it is wanted and installed."""
    program = shutil.which("py-spy") if wanted else None
    if program is None:
        yield
        return
    _DIRECTORY.mkdir(parents=True, exist_ok=True)
    watched = [(process.name, each.pid) for process in site.stack.processes for each in family(process)]
    recorders = [_record(program, *each) for each in watched]
    try:
        yield
    finally:
        for recorder in recorders:
            recorder.send_signal(signal.SIGINT)  # py-spy writes its file then
        for recorder in recorders:
            recorder.wait(30)


def lines() -> list[str]:
    """Returns the samples as lines of text, of the six busiest processes, the busiest first."""
    found = [(json.loads(path.read_text()), path.stem) for path in _DIRECTORY.glob("*.json")]
    found.sort(key=lambda each: -each[0]["samples"])
    return [line for counted, name in found[:6] for line in _told(name, counted)]


def _told(name: str, counted: dict[str, list[tuple[str, int]]]) -> list[str]:
    samples = int(str(counted["samples"]))
    own, within = (
        [f"    {count / samples:5.1%}  {where}" for where, count in counted[kind][:_SHOWN]]
        for kind in ("own", "within")
    )
    return [f"--- {name}: {samples} samples", "  in the function itself:", *own, "  in it or below:", *within]


def _record(program: str, name: str, pid: int) -> "subprocess.Popen[bytes]":
    output = _DIRECTORY / f"{name}.{pid}.svg"
    return subprocess.Popen([program, "record", "--idle", "--pid", str(pid), "--output", str(output)])
