"""`--profile ROW`: shows where web, worker and relay spend their time while a row is measured.

With py-spy the processes are sampled from outside; without it they sample themselves (bench/hook). Either way only
what uses a CPU is counted, and each process leaves its stacks in var/bench-profiles: a line for each, with a count.
"""

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from bench import layers
from bench.family import family
from tests.processes import Process, wait_until

_HERE = Path(__file__).parent
_DIRECTORY = _HERE.parent / "var" / "bench-profiles"
_RATE = 100  # samples a second
_LEAST = 0.005  # share of a layer that is shown
_SHOWN = 7  # functions of each kind of process
_PATIENCE = 30  # seconds
_MAINS = {"worker": "celery main"}  # the first process of a worker only hands tasks on
_KINDS = {"web": "web", "worker": "worker", "celery main": "celery main", "realtime": "relay"}
# gunicorn and Celery have meanings of their own for the usual signals.
_FORGET, _WRITE = signal.SIGRTMIN + 5, signal.SIGRTMIN + 6


def environment(*, wanted: bool) -> dict[str, str]:
    """Returns the environment for the processes of the stack in which they sample themselves; empty with py-spy."""
    if not wanted or shutil.which("py-spy"):
        return {}
    return {"PYTHONPATH": str(_HERE / "hook"), "BENCH_SAMPLES": str(_DIRECTORY)}


class Recording:
    """The sampling of the processes of a stack, from its making, or from the last `restart`, to `end`."""

    def __init__(self, processes: Sequence[Process]) -> None:
        shutil.rmtree(_DIRECTORY, ignore_errors=True)
        _DIRECTORY.mkdir(parents=True)
        self._kinds = dict(watched for process in processes for watched in _watched(process))
        self._program = shutil.which("py-spy")
        self._recorders: list[subprocess.Popen[bytes]] = []
        self.restart()

    def restart(self) -> None:
        """Forget what was sampled so far."""
        for recorder in self._recorders:
            recorder.kill()
            recorder.wait()
        self._recorders.clear()
        for pid in self._kinds:
            if self._program:
                self._recorders.append(_record(self._program, pid))
            else:
                os.kill(pid, _FORGET)

    def end(self) -> list[str]:
        """Returns the shares as text: of the layers in each kind of process, and of its busiest functions."""
        if self._program:
            self._interrupt()
        else:
            self._have_written()
        found: dict[str, layers.Stacks] = {kind: Counter() for kind in _KINDS.values()}
        for pid, kind in self._kinds.items():
            if _file(pid).exists():
                found[kind].update(_stacks(_file(pid)))
        shown = {kind: stacks for kind, stacks in found.items() if stacks}
        return ["", *_table(shown), *(line for kind, stacks in shown.items() for line in _functions(kind, stacks))]

    def _interrupt(self) -> None:
        for recorder in self._recorders:
            recorder.send_signal(signal.SIGINT)  # py-spy writes its file then
        for recorder in self._recorders:
            try:
                recorder.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                recorder.kill()

    def _have_written(self) -> None:
        asked = [pid for pid in self._kinds if psutil.pid_exists(pid)]
        for pid in asked:
            os.kill(pid, _WRITE)
        wait_until(lambda: all(_file(pid).exists() for pid in asked), "the samples", seconds=_PATIENCE)


def _table(shown: dict[str, layers.Stacks]) -> list[str]:
    shares = [layers.shares(stacks) for stacks in shown.values()]
    most = {name: max(each.get(name, 0) for each in shares) for share in shares for name in share}
    names = sorted((name for name in most if most[name] >= _LEAST), key=lambda name: -most[name])
    return [
        _line("share of the CPU that a kind of process used", shown),
        *(_line(name, [f"{each.get(name, 0):.1%}" for each in shares]) for name in names),
        _line("samples", [f"{stacks.total():,}" for stacks in shown.values()]),
    ]


def _line(name: str, cells: Iterable[str]) -> str:
    return f"{name:46}" + "".join(f"{cell:>13}" for cell in cells)


def _functions(kind: str, stacks: layers.Stacks) -> list[str]:
    busiest = layers.functions(stacks).most_common(_SHOWN)
    return ["", f"{kind}, by function:", *(f"  {count / stacks.total():6.1%}  {name}" for name, count in busiest)]


def _stacks(path: Path) -> layers.Stacks:
    found: layers.Stacks = Counter()
    for line in path.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        found[tuple(stack.split(";"))] += int(count)
    return found


def _watched(process: Process) -> list[tuple[int, str]]:
    """Returns the processes of a program that are sampled, each with its kind."""
    kind = process.name.rpartition(".")[0]
    if kind not in _KINDS:
        return []
    main, *others = family(process)
    mains = [(main.pid, _MAINS[kind])] if kind in _MAINS else []  # gunicorn's only waits
    return [*mains, *((each.pid, _KINDS[kind]) for each in others)]


def _file(pid: int) -> Path:
    return _DIRECTORY / f"{pid}.txt"


def _record(program: str, pid: int) -> "subprocess.Popen[bytes]":
    command = [program, "record", "--format", "raw", "--full-filenames", "--nolineno", "--rate", str(_RATE)]
    return subprocess.Popen(
        [*command, "--pid", str(pid), "--output", str(_file(pid))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
