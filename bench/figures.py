"""The rows of the table, and how they are made from rounds of measurements."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from bench.reaches import REACHES

ROUNDS = 3
Measure = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Row:
    """A row. `value` and `baseline` are medians over the rounds, `ratio` is the median of the rounds' ratios.

    `measured` and `compared` describe the two in words; `spread` is the least and the greatest ratio.
    """

    name: str
    value: float | None
    unit: str
    baseline: float | None
    ratio: float | None
    reach: str
    holds: bool | None
    measured: str
    compared: str
    spread: tuple[float, float] | None = None
    rounds: list[tuple[float, float]] = field(default_factory=list)
    parts: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def plain(self) -> dict[str, Any]:
        """Returns the row as a dict for JSON."""
        return asdict(self)


def interleaved(measure: Measure, baseline: Measure) -> list[tuple[float, float]]:
    """Measure both in turn. Returns (value, baseline) rounds: a machine that grows slower meanwhile slows both."""
    return [(measure(), baseline()) for _ in range(ROUNDS)]


def row(
    name: str,
    unit: str,
    rounds: Sequence[tuple[float, float]],
    *,
    measured: str,
    compared: str,
    parts: dict[str, Any] | None = None,
    note: str = "",
) -> Row:
    """Returns the row of (value, baseline) rounds."""
    ratios = [value / baseline for value, baseline in rounds]
    return Row(
        name=name,
        value=median(value for value, _ in rounds),
        unit=unit,
        baseline=median(baseline for _, baseline in rounds),
        ratio=median(ratios),
        reach=REACHES[name].text,
        holds=REACHES[name].holds(median(ratios)),
        measured=measured,
        compared=compared,
        spread=(min(ratios), max(ratios)),
        rounds=list(rounds),
        parts=parts or {},
        note=note,
    )


def told(name: str, unit: str, values: Sequence[float], *, measured: str, parts: dict[str, Any] | None = None) -> Row:
    """Returns a row without a baseline and without a bound to reach."""
    return Row(
        name=name,
        value=median(values),
        unit=unit,
        baseline=None,
        ratio=None,
        reach=REACHES[name].text,
        holds=None,
        measured=measured,
        compared="",
        rounds=[(value, 0.0) for value in values],
        parts=parts or {},
    )


def missing(name: str, reason: str) -> Row:
    """Returns a row that was not measured, with the reason."""
    return Row(name, None, "", None, None, REACHES[name].text, None, "", "", note=f"not measured: {reason}")
