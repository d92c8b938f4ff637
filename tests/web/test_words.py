"""Tests that the demo client's two tables of texts have the same keys, and that it shows no text outside them."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from messaging.errors import Code

STATIC = Path(__file__).resolve().parents[2] / "web" / "static"
TABLES = {"en": STATIC / "words-en.js", "zh": STATIC / "words-zh.js"}
SCRIPTS = sorted(set(STATIC.glob("*.js")) - set(TABLES.values()))

ENTRY = re.compile(r'^  ("[\w.]+"): (".*"),$')
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`')
COMMENT = re.compile(r"(^|\s)//.*$", re.MULTILINE)
KEY = re.compile(r"[a-z][a-zA-Z]*\.\w+")
# Literals that begin like a sentence, but are names of a protocol or of the browser.
NOT_SAID = {
    "Content-Type",
    "Authorization",
    "Bearer ${token}",
    "Retry-After",
    "Enter",
    "Escape",
    "ArrowLeft",
    "ArrowRight",
    "Files",
}
SHOWN = re.compile(
    r"""\b(?:text|title|placeholder|textContent)\s*[:=]\s*["`]"""
    r"""|"aria-label"[:,]\s*["`]|\b(?:setText\([^,]*,|announce\(|confirm\()[^;]*?["`]"""
)
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")


def table(language: str) -> dict[str, str]:
    lines = [line for line in TABLES[language].read_text().splitlines() if line.startswith("  ")]
    entries = [match.groups() for line in lines if (match := ENTRY.match(line))]
    assert len(entries) == len(lines), "one entry a line"
    found = {json.loads(key): json.loads(text) for key, text in entries}
    assert len(found) == len(entries), "no key twice"
    return found


def literals(script: Path) -> Iterator[str]:
    return (literal[1:-1] for literal in LITERAL.findall(COMMENT.sub("", script.read_text())))


class Page(HTMLParser):
    """A parser that collects the keys that index.html names, and the text that it holds itself."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()
        self.said: list[str] = []
        self.feed((STATIC / "index.html").read_text())

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("data-say"):
                self.keys.add(str(value))
            elif name in {"aria-label", "alt", "placeholder", "title"}:
                self.said.append(str(value))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.said.append(data.strip())


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    assert list(table("en")) == list(table("zh"))


def test_both_languages_fill_in_the_same_values() -> None:
    english, chinese = table("en"), table("zh")
    differing = [key for key in english if placeholders(english[key]) != placeholders(chinese[key])]
    assert differing == []


def test_each_table_is_in_its_language() -> None:
    names = {"language.other": ("中文", "English")}  # each language by its own name
    english, chinese = table("en"), table("zh")
    assert {key: (english.pop(key), chinese.pop(key)) for key in names} == names
    assert [key for key, text in english.items() if CHINESE.search(text)] == []
    assert [key for key, text in chinese.items() if not CHINESE.search(text)] == []


def test_every_key_is_used_and_every_used_key_is_there() -> None:
    named = Page().keys | {text for script in SCRIPTS for text in literals(script) if KEY.fullmatch(text)}
    errors = {f"error.{code}" for code in Code}
    assert named | errors == set(table("en"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_no_script_says_anything_itself(script: Path) -> None:
    assert [text for text in literals(script) if re.match("[A-Z][a-z]", text) and text not in NOT_SAID] == []
    assert [text for text in shown(script) if re.search("[A-Za-z]", re.sub(r"\$\{.*?\}", "", text))] == []
    assert not CHINESE.search(script.read_text())


def shown(script: Path) -> Iterator[str]:
    """Returns the literals that a script writes where a user reads them. Such text has to come from a table."""
    source = COMMENT.sub("", script.read_text())
    found = (LITERAL.match(source, match.end() - 1) for match in SHOWN.finditer(source))
    return (literal[0][1:-1] for literal in found if literal and not KEY.fullmatch(literal[0][1:-1]))


def test_the_page_says_nothing_itself() -> None:
    assert Page().said == ["im-message"], "the name of the project alone, until the language is known"
