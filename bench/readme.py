"""`python -m bench.readme ONE.json TWO.json THREE.json`: the README's table, in Markdown, of separate runs."""

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

from bench.reaches import REACHES
from bench.table import number

_HEAD = ("", "here", "compared with", "ratio of each run", "must be", "")


def main(files: list[str]) -> None:
    """Print it."""
    print("\n".join(lines([json.loads(Path(file).read_text())["rows"] for file in files])))


def lines(runs: list[list[dict[str, Any]]]) -> list[str]:
    """One line a row; values are medians of the runs, and a row holds when it held in every run."""
    cells = [_HEAD, ("---",) * len(_HEAD), *(_cells([_row(run, name) for run in runs]) for name in REACHES)]
    return [f"| {' | '.join(line)} |" for line in cells]


def _row(run: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(row for row in run if row["name"] == name)


def _cells(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    first = rows[0]
    value, baseline = (_middle([row[which] for row in rows]) for which in ("value", "baseline"))
    ratios = " / ".join(number(row["ratio"]) for row in rows)
    verdicts = {row["holds"] for row in rows}
    verdict = "" if verdicts == {None} else "holds" if verdicts == {True} else "**missed**"
    name = f"**{first['name']}**: {first['measured']}"
    compared = f"{number(baseline)}: {first['compared']}" if first["compared"] else ""
    return (name, f"{number(value)} {first['unit']}", compared, ratios, first["reach"], verdict)


def _middle(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


if __name__ == "__main__":
    main(sys.argv[1:])
