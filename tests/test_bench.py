"""Tests of the benchmark itself: a tiny run of one row, and the chart."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import disk
from bench.chart import draw, margin
from bench.figures import Row, row
from bench.reaches import REACHES
from bench.speed import lines, replaced
from tests.processes import ROOT

FIELDS = {"name", "value", "unit", "baseline", "ratio", "reach", "holds"}


def a_row(name: str, value: float, baseline: float = 1.0) -> Row:
    return row(name, "x", [(value, baseline)] * 3, measured="a", compared="b")


def test_a_tiny_run_writes_the_rows_it_was_asked_for(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    command = [sys.executable, "-m", "bench", "--only", "send", "--seconds", "0.3", "--output", str(output)]
    environment = {name: value for name, value in os.environ.items() if name != "BENCH_DIR"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(output.read_text())["rows"]
    assert found.keys() >= FIELDS
    assert (found["name"], found["reach"], len(found["rounds"])) == ("send", "≥ 0.40", 3)
    assert found["value"] > 0
    assert found["baseline"] > 0
    assert found["spread"][0] <= found["ratio"] <= found["spread"][1]
    assert "send" in done.stdout


def test_a_row_holds_by_the_median_of_its_rounds() -> None:
    found = row("drain", "events/s", [(10, 1), (5, 1), (1, 1)], measured="a", compared="b")
    assert (found.ratio, found.spread, found.holds) == (5, (1, 10), True)
    assert a_row("drain", 3.9).holds is False
    assert a_row("send alone", 3.1).holds is False
    assert a_row("memory", 2).holds is None


def test_data_in_memory_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(disk, "filesystem", lambda _: "tmpfs")
    with pytest.raises(disk.NotOnDisk):
        disk.require(tmp_path)


def test_the_chart_shows_every_row_with_a_reach() -> None:
    rows = [a_row(name, 1.0).plain() for name in REACHES]
    drawn = draw(rows)
    assert all(f">{name}<" in drawn for name, reach in REACHES.items() if reach.least or reach.most)
    assert ">memory<" not in drawn


def test_a_line_of_the_table_holds_when_every_run_did() -> None:
    runs = [[a_row(name, value).plain() for name in REACHES] for value in (5, 6, 3.5)]
    drain = next(line for line in lines(runs) if "**drain**" in line)
    assert [cell.strip() for cell in drain.split("|")[2:-1]] == ["5 x", "1: b", "5 / 6 / 3.5", "≥ 4 ×", "**missed**"]
    assert "holds" in next(line for line in lines(runs[:2]) if "**drain**" in line)


def test_the_table_takes_the_place_of_the_one_in_the_document() -> None:
    document = (ROOT / "docs/speed.md").read_text()
    written = replaced(document, ["| a table |"])
    assert "| a table |" in written
    assert "**drain**" in document
    assert "**drain**" not in written
    assert written.splitlines()[-1] == document.splitlines()[-1]
    with pytest.raises(ValueError, match="substring"):
        replaced("no marks", [])


def test_twice_as_good_is_one_step_to_the_right() -> None:
    assert margin("drain", 8) == 1
    assert margin("send alone", 1.5) == 1
    assert margin("send alone", 6) == -1
