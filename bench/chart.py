"""`python -m bench.chart`: draws docs/bench.svg from bench/results.json.

It has a bar for each ratio, on a scale with the bound that must be reached in the middle: a bar to the right of it
holds, a bar to the left does not, whether the bound is a least or a most.
"""

import json
import math
import re
from html import escape
from pathlib import Path
from typing import Any

from bench.reaches import REACHES

_RESULTS = Path(__file__).parent / "results.json"
_CHART = Path(__file__).parent.parent / "docs" / "bench.svg"
_WIDTH, _LINE, _TOP = 860, 34, 56
_LEFT, _RIGHT = 150, 590  # of the bars
_MIDDLE = (_LEFT + _RIGHT) / 2
_OCTAVES = 3.0  # the scale ends at 8 times better or worse than the bound
_GOOD, _BAD, _INK, _PALE = "#2a7f62", "#b5483a", "#333333", "#d5d9dd"


def main() -> None:
    """Read the results, draw the chart, and write it."""
    _CHART.write_text(draw(json.loads(_RESULTS.read_text())["rows"]))


def draw(rows: list[dict[str, Any]]) -> str:
    """Returns the chart, as SVG, of the rows that have a bound."""
    shown = [row for row in rows if row["ratio"] is not None and row["holds"] is not None]
    height = _TOP + _LINE * len(shown) + 16
    bars = "".join(_bar(row, _TOP + place * _LINE) for place, row in enumerate(shown))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="13" fill="{_INK}">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n'
        f"{_text(16, 22, 'How far each figure is from what it must reach (doubling a step)')}"
        f"{_text(_LEFT, 44, 'worse')}{_text(_MIDDLE, 44, 'must be', 'middle')}{_text(_RIGHT, 44, 'better', 'end')}"
        f"{bars}"
        f'<line x1="{_MIDDLE:.1f}" y1="50" x2="{_MIDDLE:.1f}" y2="{height - 12}" stroke="{_INK}"/>\n'
        "</svg>\n"
    )


def margin(name: str, ratio: float) -> float:
    """Returns how many doublings a ratio is better than its bound, below zero when it is worse.

    A ratio of times may be below zero, when a frame comes before its answer.
    """
    reach = REACHES[name]
    if ratio <= 0:
        return math.inf if reach.least is None else -math.inf
    if reach.least is not None:
        return math.log2(ratio / reach.least)
    assert reach.most is not None, f"{name} has nothing to reach"
    return math.log2(reach.most / ratio)


def _bar(row: dict[str, Any], top: int) -> str:
    octaves = max(-_OCTAVES, min(_OCTAVES, margin(row["name"], row["ratio"])))
    end = _MIDDLE + octaves / _OCTAVES * (_RIGHT - _MIDDLE)
    colour = _GOOD if row["holds"] else _BAD
    told = f"{row['ratio']:.3g} ×, must be {re.sub(' ×.*', ' ×', row['reach'])}"
    return (
        f'<rect x="{_LEFT}" y="{top}" width="{_RIGHT - _LEFT}" height="22" fill="{_PALE}" opacity="0.35"/>\n'
        f'<rect x="{min(_MIDDLE, end):.1f}" y="{top}" width="{abs(end - _MIDDLE):.1f}" height="22" fill="{colour}"/>\n'
        f"{_text(_LEFT - 10, top + 16, row['name'], 'end')}"
        f"{_text(_RIGHT + 12, top + 16, told)}"
    )


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>\n'


if __name__ == "__main__":
    main()
