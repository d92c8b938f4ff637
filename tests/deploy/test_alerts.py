"""Tests that alerts and the dashboard ask for what there is, that each alert fires, and that each is explained."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import documents
from tests.deploy.queries import ADDED, BOARD, PROMETHEUS, alerts, grouped, matchers, names, queries
from tests.processes import ROOT

QUESTIONS = ["Is it right?", "Is it fast?", "Is it full?", "Is it failing?"]


def known() -> dict[str, tuple[str, ...]]:
    """Returns the labels of each metric that the product makes, by each name under which it is scraped."""
    found: dict[str, tuple[str, ...]] = {"up": ()}
    for metric in documents.metrics():
        endings = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        found |= {f"{metric.name}{ending}": metric.labels for ending in endings}
    return found


@pytest.mark.parametrize(("who", "query"), queries())
def test_a_query_asks_for_what_there_is(who: str, query: str) -> None:
    asked = names(query)
    assert asked
    assert asked <= known().keys(), who
    for name, label, _ in matchers(query):
        assert label in {*known()[name]} | ADDED, who
    assert grouped(query) <= {label for name in asked for label in known()[name]} | ADDED, who


def test_the_dashboard_shows_every_metric() -> None:
    shown = {name for _, query in queries() for name in names(query)}
    endings = re.compile(r"_(?:bucket|sum|count)$")
    assert {endings.sub("", name) for name in known()} == {endings.sub("", name) for name in shown}


def test_the_dashboard_has_a_row_for_each_question() -> None:
    panels = json.loads(BOARD.read_text())["panels"]
    assert [panel["title"] for panel in panels if panel["type"] == "row"] == QUESTIONS
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "do"}
    assert "\n" not in rule["annotations"]["do"]
    tested = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    assert rule["alert"] in {each["name"] for each in tested}
    chapter = (ROOT / "docs/runbook.md").read_text().partition(f"\n### {rule['alert']}\n")[2].partition("\n### ")[0]
    assert all(f"**{word}:**" in chapter for word in ("Means", "Look", "Do")), chapter


def test_the_runbook_knows_no_other_alert() -> None:
    told = re.findall(r"^### (Im\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert told == [rule["alert"] for rule in alerts()]


def test_prometheus_accepts_the_rules_and_each_fires() -> None:
    for arguments in (["check", "rules", "alerts.yml"], ["check", "config", "prometheus.yml"]):
        assert promtool(PROMETHEUS, *arguments)[0] == 0
    code, said = promtool(PROMETHEUS, "test", "rules", "alerts_test.yml")
    assert code == 0, said


def test_a_rule_that_does_not_fire_is_noticed(tmp_path: Path) -> None:
    rules = (PROMETHEUS / "alerts.yml").read_text()
    for name in ("alerts_test.yml", "alerts.yml"):
        text = (PROMETHEUS / name).read_text() if name != "alerts.yml" else rules.replace("> 10000", "> 90000")
        (tmp_path / name).write_text(text)
    code, said = promtool(tmp_path, "test", "rules", "alerts_test.yml")
    assert code != 0
    assert "ImSocketsFull" in said


def promtool(directory: Path, *arguments: str) -> tuple[int, str]:
    """Run Debian's promtool there. Returns its exit code and what it said."""
    done = subprocess.run(["promtool", *arguments], cwd=directory, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
