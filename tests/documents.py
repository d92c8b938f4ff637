"""Reads what the documents say and what the code has, so that tests can compare the two."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.processes import ROOT

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_NOT_OURS = {"PATH", "HONCHO_PROCESS_NAME"}  # the system sets one, honcho the other
_NO_PRODUCT = {"tests", "bench", "docs", "requirements"}


def text(name: str) -> str:
    """Returns the text of a document, named by its path in the repository."""
    return (ROOT / name).read_text()


def blocks(document: str, language: str | None = None) -> list[str]:
    """Returns the code blocks of a document, or only those of one language."""
    return [code for found, code in _FENCE.findall(document) if language is None or found == language]


def names(document: str) -> list[str]:
    """Returns the words in backticks outside code blocks, in the order of the text."""
    return _CODE.findall(_FENCE.sub("", document))


def table(document: str, first: str) -> list[dict[str, str]]:
    """Returns the rows of all tables whose first heading is `first`, by their headings."""
    rows: list[dict[str, str]] = []
    heads: list[str] = []
    for line in document.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            heads = []
        elif not heads:
            heads = cells
        elif heads[0] == first and not set(cells[0]) <= set("-|"):
            rows.append(dict(zip(heads, cells, strict=True)))
    return rows


def python_files() -> list[Path]:
    """Returns the modules of the product, without tests, benchmarks and generated code."""
    found = (path for path in ROOT.rglob("*.py") if not path.relative_to(ROOT).parts[0].startswith("."))
    return sorted(
        path for path in found if not {*path.relative_to(ROOT).parts} & (_NO_PRODUCT | {"generated", "versions"})
    )


@cache
def tree(path: Path) -> ast.Module:
    """Returns a module's syntax tree."""
    return ast.parse(path.read_text())


def calls(path: Path) -> Iterator[ast.Call]:
    """Yields every call in a module."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


def strings(path: Path) -> set[str]:
    """Returns every string constant in a module."""
    return {
        node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable that the product reads: `default` as settings.md writes it, `span` like "0 to 5" if it has bounds."""

    name: str
    default: str
    span: str


def settings() -> dict[str, Setting]:
    """Returns every variable of the environment that the product reads."""
    found = [setting for path in python_files() for call in calls(path) if (setting := _setting(call))]
    defaults = re.findall(r"\$\{(\w+):-([^}]*)\}", text("Procfile"))
    found += [Setting(name, default, "") for name, default in defaults if name not in _NOT_OURS]
    return {each.name: each for each in found}


def _setting(call: ast.Call) -> Setting | None:
    source = ast.unparse(call.func)
    if not re.fullmatch(r"env\.\w+|os\.environ\.get", source) or not isinstance(call.args[0], ast.Constant):
        return None
    name = call.args[0].value
    if name in _NOT_OURS:
        return None
    optional = len(call.args) > 1 or source == "os.environ.get"
    span = next(
        (_span(node) for each in call.keywords for node in ast.walk(each.value) if isinstance(node, ast.Call)), ""
    )
    return Setting(name, _default(call.args[1] if len(call.args) > 1 else None) if optional else "required", span)


def _default(node: ast.expr | None) -> str:
    value = eval(compile(ast.Expression(node), "", "eval")) if node else None  # a constant, or a product of constants
    return str(int(value)) if isinstance(value, bool) else str(value) if value or value == 0 else "-"


def _span(call: ast.Call) -> str:
    if not ast.unparse(call.func).endswith(".Range"):
        return ""
    least, most = (ast.literal_eval(node) for node in (*call.args, *(each.value for each in call.keywords)))
    return f"{least:,} to {most:,}"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, by the name under which it is scraped."""

    name: str
    kind: str
    labels: tuple[str, ...]


def metrics() -> list[Metric]:
    """Returns every metric that the product makes."""
    return [metric for path in python_files() for call in calls(path) if (metric := _metric(call))]


def _metric(call: ast.Call) -> Metric | None:
    kind = ast.unparse(call.func)
    kind = kind.removesuffix("MetricFamily")  # made anew at each scrape
    if kind not in {"Counter", "Gauge", "Histogram"} or not (call.args and isinstance(call.args[0], ast.Constant)):
        return None
    named = [keyword.value for keyword in call.keywords if keyword.arg == "labels"]
    labels = next((ast.literal_eval(each) for each in (*call.args[2:], *named)), [])
    return Metric(call.args[0].value + ("_total" if kind == "Counter" else ""), kind.lower(), tuple(labels))


def logged() -> set[tuple[str, str]]:
    """Returns the event and level of each log line at "warning" or above whose event and level the code names."""
    levels = {"warning": "warning", "error": "error", "exception": "error", "critical": "error"}
    return {
        (call.args[0].value, levels[call.func.attr])
        for path in python_files()
        for call in calls(path)
        if isinstance(call.func, ast.Attribute) and call.func.attr in levels
        if call.args and isinstance(call.args[0], ast.Constant)
    }


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame from the server: the fields that its content must have, and those that it may have."""

    always: frozenset[str]
    sometimes: frozenset[str]


@cache
def frames() -> dict[str, Frame]:
    """Returns the frames from the server that protocol.md lists, by their type."""
    document = text("docs/protocol.md")
    section = document.partition("### Frames from the server")[2].partition("### Frames from the client")[0]
    message = frozenset(json.loads(blocks(document, "json")[0]))
    return {row["type"].strip("`"): _frame(row["content"], message) for row in table(section, "type")}


def _frame(content: str, message: frozenset[str]) -> Frame:
    if content.startswith("a Message"):
        return Frame(message, frozenset())
    fields = [name for part in _CODE.findall(content) for name in part.split(", ")]
    optional = re.search(r"(\w+)`\?", content)
    sometimes = frozenset(optional.groups()) if optional else frozenset()
    return Frame(frozenset(fields) - sometimes, sometimes)


def require_described(frame: dict[str, Any]) -> None:
    """Fails unless protocol.md lists a frame of this type with exactly these fields."""
    assert frame.keys() == {"type", "content"}, frame
    known = frames().get(frame["type"])
    assert known, f"protocol.md has no frame {frame['type']}"
    missing, more = known.always - frame["content"].keys(), frame["content"].keys() - known.always - known.sometimes
    assert not missing | more, f"{frame['type']}: without {sorted(missing)}, beyond protocol.md {sorted(more)}"
