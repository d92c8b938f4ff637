"""What the alerts and the dashboard ask Prometheus for."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from tests.processes import ROOT

PROMETHEUS = ROOT / "deploy/prometheus"
BOARD = ROOT / "deploy/grafana/dashboards/im.json"
ADDED = {"job", "instance", "le"}  # labels that Prometheus adds, and the one of buckets
_NAME = re.compile(r"\b(im_\w+|up)\b(?!\w*-)")
_LABELS = re.compile(r"\b(im_\w+)\{([^}]*)\}")
_GROUPED = re.compile(r"\b(?:by|without) \(([^)]*)\)")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')


class Matcher(NamedTuple):
    """A condition of a query: the metric, its label, and the values between which the label's is chosen."""

    name: str
    label: str
    values: tuple[str, ...]


def alerts() -> list[dict[str, Any]]:
    """Returns the rules of all alerts."""
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """Yields each query of the alerts and of the dashboard, with who asks it."""
    yield from ((rule["alert"], rule["expr"]) for rule in alerts())
    for panel in json.loads(BOARD.read_text())["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))


def names(query: str) -> set[str]:
    """Returns the metrics that a query names."""
    return set(_NAME.findall(query))


def matchers(query: str) -> list[Matcher]:
    """Returns the conditions of a query."""
    return [
        Matcher(name, label, tuple(values.split("|")))
        for name, conditions in _LABELS.findall(query)
        for label, values in _MATCHER.findall(conditions)
    ]


def grouped(query: str) -> set[str]:
    """Returns the labels by which a query groups."""
    return {label for labels in _GROUPED.findall(query) for label in re.findall(r"\w+", labels)}
