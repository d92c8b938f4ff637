"""The table that is printed."""

from collections.abc import Sequence

from bench.figures import Row

_HEAD = ("", "here", "baseline", "ratio", "over three rounds", "must be", "")


def lines(rows: Sequence[Row]) -> list[str]:
    """Returns the lines of the table, and then those that explain each figure."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(_HEAD))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return [table[0], "-" * len(max(table, key=len)), *table[1:], "", *(line for row in rows for line in _meaning(row))]


def number(value: float | None) -> str:
    """Returns a number with about three digits, because the rest is noise, or "-" for None."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _cells(row: Row) -> tuple[str, ...]:
    spread = f"{number(row.spread[0])} - {number(row.spread[1])}" if row.spread else ""
    verdict = {True: "holds", False: "MISSED", None: ""}[row.holds]
    if row.value is None:
        verdict = "not measured"
    here = f"{number(row.value)} {row.unit}".strip()
    return (row.name, here, number(row.baseline), number(row.ratio), spread, row.reach, verdict)


def _meaning(row: Row) -> list[str]:
    told = [f"{row.name}: {row.measured}"] if row.measured else [f"{row.name}:"]
    if row.compared:
        told.append(f"    against: {row.compared}")
    if row.note:
        told.append(f"    {row.note}")
    told.extend(f"    {name}: {_part(value)}" for name, value in row.parts.items())
    return told


def _part(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_part(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_part(each) for each in value)
    return str(value)
