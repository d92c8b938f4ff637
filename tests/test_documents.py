"""Tests that the documents say what the code does, in both languages."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from infra.settings import Settings
from infra.tasks import app
from messaging.errors import Code
from tests import documents
from tests.documents import blocks, names, table, text
from tests.processes import ROOT

IN_TWO_LANGUAGES = [("README.md", "README.zh-CN.md"), ("docs/protocol.md", "docs/protocol.zh-CN.md")]
OF_TODAY = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))
OF_ALL_TIMES = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
SETTINGS = table(text("docs/settings.md"), "Variable")
# The name of each process in settings.md, by the module that it starts with.
PROCESSES = {
    "web": ["web.app", "infra.exposition"],  # the second by gunicorn.conf.py
    "realtime": ["realtime.app", "infra.exposition"],
    "worker": [
        "workers.run",
        "workers.outbox",
        "workers.delivered",
        "workers.backlog",
        "workers.presence",
        "workers.friends",
        "workers.upkeep",
        "workers.retention",
    ],
    "media": ["workers.run", "workers.media", "workers.media_upkeep"],
    "beat": ["workers.app", "workers.beat"],
    "rpc": ["rpc.server"],
}
# Others have the variable's name.
FIELDS = {"JWT_SECRET_KEY": "jwt_secret", "IM_EMBEDDED": "embedded", "IM_LANGUAGE": "language"}
ELSEWHERE = {
    "drill": ["commands/drill.py"],
    "gunicorn": ["gunicorn.conf.py"],
    "Procfile": ["Procfile"],
    "make run": ["embedded/place.py"],
}
_PATH = re.compile(r"(?:[\w.-]+/)+[\w.-]*\.(?:py|md|js|css|html|proto|json|svg|png|sh|in|txt|yml)|(?:[\w-]+/)+")
_MADE_AT_RUN = {"var/", ".cache/"}
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_STATED_CODE = re.compile(r"(?<!\d)(?:10[0-4]0\d\d|10[01]\d|4001)(?![\d,])")


def test_settings_lists_what_the_processes_read() -> None:
    found = documents.settings()
    assert len(found) > 35
    assert [row["Variable"] for row in SETTINGS] == list(dict.fromkeys(row["Variable"] for row in SETTINGS))
    assert {row["Variable"].strip("`") for row in SETTINGS} == set(found)


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row["Variable"].strip("`"))
def test_a_setting_is_told_as_it_is(row: dict[str, str]) -> None:
    setting = documents.settings()[row["Variable"].strip("`")]
    assert row["Default"].strip("`") == setting.default
    assert setting.span in row["Unit"]
    assert row["Meaning"]
    assert re.search(r"[\u4e00-\u9fff]", row["含义"])


def test_a_process_that_reads_a_setting_reaches_the_code_that_does() -> None:
    """Only one way is checked: a process may import a reader without using it."""
    packages = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["root_packages"]
    graph = grimp.build_graph(*packages)
    reached = {
        process: {*starts, *(module for start in starts for module in graph.find_upstream_modules(start))}
        for process, starts in PROCESSES.items()
    }
    for row in SETTINGS:
        name = row["Variable"].strip("`")
        readers = row["Read by"].split(", ")
        if readers[0] in ELSEWHERE:
            assert all(name in text(file) for file in ELSEWHERE[readers[0]]), name
            continue
        reading = set(_readers(name))
        assert reading, f"nobody reads {name}"
        for process in PROCESSES if readers == ["all"] else readers:
            assert reached[process] & reading, f"{process} does not read {name}"


def _readers(variable: str) -> Iterator[str]:
    """Yields the modules that read a setting, by its field or from the environment itself."""
    field = FIELDS.get(variable, variable.lower())
    known = field in Settings.__dataclass_fields__
    wanted = rf"(?:settings\(\)|chosen|found)(?:\.\w+, settings\(\))?\.{field}\b" if known else f'"{variable}"'
    for path in documents.python_files():
        if re.search(wanted, path.read_text()) and path.name != "settings.py":
            yield path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")


def test_the_example_of_an_environment_names_every_setting_of_a_deployment() -> None:
    lines = re.findall(r"^(#?)([A-Z0-9_]+)=(.*)$", text(".env.example"), re.MULTILINE)
    told = {name: (bool(hidden), value.strip("'")) for hidden, name, value in lines}
    of_make_run = {row["Variable"].strip("`") for row in SETTINGS if row["Read by"] == "make run"} | {"IM_EMBEDDED"}
    assert len(told) == len(lines)
    assert told == {
        name: (setting.default != "required", "" if setting.default in ("required", "-") else setting.default)
        for name, setting in documents.settings().items()
        if name not in of_make_run
    }


def test_metrics_lists_every_metric() -> None:
    rows = table(text("docs/metrics.md"), "Metric")
    told = {(row["Metric"].strip("`"), row["Kind"], tuple(names(row["Labels"].partition(":")[0]))) for row in rows}
    # A label's values stand behind a colon; labels without values are separated by commas.
    found = {(metric.name, metric.kind, metric.labels) for metric in documents.metrics()}
    assert len(found) == len(rows) > 15
    assert told == found


def test_metrics_lists_every_event_that_is_logged_as_a_warning_or_an_error() -> None:
    told = {(row["Event"].strip("`"), row["Level"]) for row in table(text("docs/metrics.md"), "Event")}
    assert len(documents.logged()) > 20
    assert not documents.logged() - told
    texts = set().union(*map(documents.strings, documents.python_files()))
    assert not {event for event, _ in told} - texts, "nobody logs these"


@pytest.mark.usefixtures("database")
def test_operations_lists_every_job_of_beat_with_its_period() -> None:
    told = {row["Job"].strip("`"): row for row in table(text("docs/operations.md"), "Job")}
    schedule = app.conf.beat_schedule
    assert list(told) == list(schedule)
    for name, row in told.items():
        period = f"{schedule[name]['schedule'].run_every.total_seconds():g} s"
        assert (row["Task"].strip("`"), row["Every"]) == (schedule[name]["task"], period)
        assert all(row.values()), name


def test_the_protocol_lists_the_codes_of_all_refusals() -> None:
    told = {int(row["code"]) for row in table(text("docs/protocol.md"), "code")}
    assert told == {int(code) for code in Code}


def test_the_protocol_lists_frames_that_exist() -> None:
    """The reverse is checked by every Device of the journeys: each frame that is sent is listed, with its fields."""
    texts = set().union(*map(documents.strings, documents.python_files()))
    assert len(documents.frames()) > 12
    assert not documents.frames().keys() - texts


@pytest.mark.parametrize("document", OF_TODAY)
def test_every_path_that_a_document_names_exists(document: str) -> None:
    paths = [name for name in names(text(document)) if _PATH.fullmatch(name) and name not in _MADE_AT_RUN]
    assert not [name for name in paths if not (ROOT / name).exists()]


@pytest.mark.parametrize("document", OF_ALL_TIMES)
def test_every_link_leads_somewhere(document: str) -> None:
    folder = (ROOT / document).parent
    for link in _LINK.findall(text(document)):
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = folder / path if path else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def _anchors(document: Path) -> set[str]:
    """Returns the anchors of a document's headings: lower case, hyphens for spaces, other signs left out."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("english", "chinese"), IN_TWO_LANGUAGES, ids=lambda name: name)
class TestBothLanguages:
    def test_have_the_same_chapters(self, english: str, chinese: str) -> None:
        one, other = (
            [len(marks) for marks in re.findall(r"^(#+) ", text(name), re.MULTILINE)] for name in (english, chinese)
        )
        assert one == other

    def test_name_the_same_calls_frames_fields_and_settings(self, english: str, chinese: str) -> None:
        one, other = set(names(text(english))), set(names(text(chinese)))
        assert len(one) > 10
        assert (one - other, other - one) == (set(), set())

    def test_name_the_same_codes(self, english: str, chinese: str) -> None:
        one, other = (set(_STATED_CODE.findall(text(name))) for name in (english, chinese))
        assert one == other

    def test_have_the_same_tables(self, english: str, chinese: str) -> None:
        one, other = (_rows(text(name)) for name in (english, chinese))
        assert one == other

    def test_show_the_same_commands_and_fields(self, english: str, chinese: str) -> None:
        one, other = text(english), text(chinese)
        assert len(blocks(one)) == len(blocks(other))
        for language in ("sh", "python"):
            assert blocks(one, language) == blocks(other, language)
        for here, there in zip(blocks(one), blocks(other), strict=True):
            assert _fields(here) == _fields(there)

    def test_link_to_the_same_places(self, english: str, chinese: str) -> None:
        one, other = ({_place(link) for link in _LINK.findall(text(name))} for name in (english, chinese))
        assert one == other


def _rows(document: str) -> list[tuple[int, str]]:
    """Returns, for each line of a table, its number of cells and the names in its first cell."""
    lines = [line.strip("|").split(" | ") for line in document.splitlines() if line.startswith("|")]
    return [(len(cells), "".join(re.findall(r"`[^`]+`|\d{3,}", cells[0]))) for cells in lines]


def _fields(block: str) -> list[str]:
    return re.findall(r'"(\w+)":', block)


def _place(link: str) -> str:
    """Returns a link without its language and its anchor, because an anchor is a heading in that language."""
    return re.sub(r"\.zh(-CN)?(?=\.)", "", link.partition("#")[0])
