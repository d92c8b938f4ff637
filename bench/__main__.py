"""`python -m bench`: measures, prints the table, writes bench/results.json."""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pymysql
import redis

from bench import profile, rows, table
from bench.disk import NotOnDisk
from bench.figures import Row, missing
from bench.reaches import REACHES
from bench.site import Site

RESULTS = Path(__file__).parent / "results.json"
_MOST_SECONDS = 18 * 60
_END_SECONDS = 20  # reserved for the table and for ending all processes
_TOO_LATE = 3
_ROW_FAILED = (
    *(RuntimeError, AssertionError, OSError, ValueError, LookupError, ArithmeticError, subprocess.SubprocessError),
    *(psutil.Error, pymysql.MySQLError, redis.RedisError),
)


def main() -> int:
    """Run the benchmark. Returns the exit status: 0 when every row wanted was measured, whatever it reached.

    Otherwise it is 1, 2 when the data would not be on a disk, and 3 when the time was up.
    """
    options = _options()
    bench = Bench(options.only, options.output)
    try:
        site = Site(options.seconds, before=options.before, **profile.environment(wanted=bool(options.profile)))
    except NotOnDisk as error:
        print(error, file=sys.stderr)
        return 2
    watchdog = threading.Timer(options.most_seconds - _END_SECONDS / 2, bench.give_up, (site,))
    watchdog.daemon = True
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TOO_LATE))  # ends all processes, as Ctrl-C does
    watchdog.start()
    try:
        site.start()
        bench.run(site, ends=time.monotonic() + options.most_seconds - _END_SECONDS, profiled=options.profile)
    finally:
        site.stop()
        watchdog.cancel()
        bench.tell()
    print("\n".join(bench.profile))
    return 0 if all(row.value is not None for row in bench.found.values()) else 1


class Bench:
    """One run of the benchmark: the rows wanted, and those found so far."""

    def __init__(self, wanted: Sequence[str], output: Path) -> None:
        self._wanted = wanted
        self._output = output
        self.profile: list[str] = []  # lines of text
        self.found: dict[str, Row] = {name: missing(name, "not reached") for name in REACHES if name in wanted}

    def run(self, site: Site, *, ends: float, profiled: str | None) -> None:
        """Measure one group of rows after the other until `ends`. A failure is noted and does not stop the others."""
        for names, measure in rows.GROUPS.items():
            wanted = [name for name in names if name in self._wanted]
            if not wanted:
                continue
            if time.monotonic() > ends:
                self._keep([missing(name, "the time was up") for name in wanted])
                continue
            print(f"{', '.join(wanted)} …", end=" ", file=sys.stderr, flush=True)
            began = time.monotonic()
            with self._recording(site, wanted=profiled in names):
                self._keep(_attempt(site, measure, wanted))
            print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)

    def give_up(self, site: Site) -> None:
        """End all processes, print what was found and exit with 3, because the time is up."""
        site.stop()
        self.tell()
        print("the time was up", file=sys.stderr, flush=True)
        os._exit(_TOO_LATE)

    def tell(self) -> None:
        """Print the table, and write the rows to the output file."""
        found = list(self.found.values())
        print("\n".join(table.lines(found)))
        self._output.write_text(json.dumps({"rows": [row.plain() for row in found]}, indent=1, ensure_ascii=False))

    @contextmanager
    def _recording(self, site: Site, *, wanted: bool) -> Iterator[None]:
        if wanted:
            site.recording = profile.Recording(site.stack.processes)
        yield
        if site.recording:
            self.profile = site.recording.end()
            site.recording = None

    def _keep(self, new: Sequence[Row]) -> None:
        self.found.update({row.name: row for row in new if row.name in self.found})


def _attempt(site: Site, measure: Callable[[Site], list[Row]], names: Sequence[str]) -> list[Row]:
    try:
        return measure(site)
    except _ROW_FAILED as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        return [missing(name, reason) for name in names]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", type=_names, default=list(REACHES), help="rows, by commas: send,relay_frames")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (5)")
    parser.add_argument("--most-seconds", type=float, default=_MOST_SECONDS, help="of the whole run (1,080)")
    parser.add_argument("--before", type=Path, metavar="DIR", help="checkout of an older release, for memory")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the json goes")
    parser.add_argument("--profile", metavar="ROW", type=_name, help="show where this row's time goes")
    options = parser.parse_args()
    if options.profile and options.profile not in options.only:
        parser.error(f"--only leaves {options.profile} out")
    return options


def _names(text: str) -> list[str]:
    return [_name(each) for each in text.split(",")]


def _name(text: str) -> str:
    name = text.strip().replace("_", " ")  # a shell splits at a space
    if name not in REACHES:
        raise argparse.ArgumentTypeError(f"no such row: {name}; there are {', '.join(REACHES)}")
    return name


if __name__ == "__main__":
    sys.exit(main())
