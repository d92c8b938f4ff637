"""`python -m bench.speed ONE.json TWO.json THREE.json`: writes the table of separate runs into docs/speed.md."""

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

from bench.figures import missing
from bench.reaches import REACHES
from bench.table import number

_DOCUMENT = Path(__file__).parent.parent / "docs" / "speed.md"
_BEGIN, _END = "<!-- written by bench.speed -->\n", "<!-- end -->\n"
_HEAD = ("", "here", "compared with", "ratio of each run", "must be", "")


def main(files: list[str]) -> None:
    """Replace the table in docs/speed.md by that of these results files."""
    table = lines([json.loads(Path(file).read_text())["rows"] for file in files])
    _DOCUMENT.write_text(replaced(_DOCUMENT.read_text(), table))


def replaced(document: str, table: list[str]) -> str:
    """Returns the document with that table between its two marks. Raises ValueError when a mark is missing."""
    before, after = document.index(_BEGIN) + len(_BEGIN), document.index(_END)
    return document[:before] + "".join(f"{line}\n" for line in table) + document[after:]


def lines(runs: list[list[dict[str, Any]]]) -> list[str]:
    """Returns the table's lines, one for each row. Values are medians; a row holds when it held in every run."""
    cells = [_HEAD, ("---",) * len(_HEAD), *(_cells([_row(run, name) for run in runs]) for name in REACHES)]
    return [f"| {' | '.join(line)} |" for line in cells]


def _row(run: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next((row for row in run if row["name"] == name), missing(name, "not asked for").plain())


def _cells(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    first = next((row for row in rows if row["value"] is not None), rows[0])
    value, baseline = (_middle([row[which] for row in rows]) for which in ("value", "baseline"))
    ratios = " / ".join(number(row["ratio"]) for row in rows)
    name = f"**{first['name']}**: {first['measured'] or first['note']}"
    compared = f"{number(baseline)}: {first['compared']}" if first["compared"] else ""
    return (name, f"{number(value)} {first['unit']}".strip(), compared, ratios, first["reach"], _verdict(rows))


def _verdict(rows: list[dict[str, Any]]) -> str:
    if any(row["value"] is None for row in rows):
        return "not measured"
    verdicts = {row["holds"] for row in rows}
    return "" if verdicts == {None} else "holds" if verdicts == {True} else "**missed**"


def _middle(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


if __name__ == "__main__":
    main(sys.argv[1:])
