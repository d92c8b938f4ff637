"""What a row of the table is, and how it comes from rounds."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from bench.reaches import REACHES

ROUNDS = 3
Measure = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Row:
    """`value` and `baseline` are medians over the rounds, `ratio` is the median of the rounds' ratios.

    `measured` and `compared` say in words what the two are; `spread` is the least and the greatest ratio.
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
        """As JSON takes it."""
        return asdict(self)


def interleaved(measure: Measure, baseline: Measure) -> list[tuple[float, float]]:
    """Measure, baseline, measure, baseline …: a machine that grows slower meanwhile slows both."""
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
    """The row of (value, baseline) rounds."""
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
    """A row without a baseline: nothing must be reached."""
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
    """A row that was not measured."""
    return Row(name, None, "", None, None, REACHES[name].text, None, "", "", note=f"not measured: {reason}")
