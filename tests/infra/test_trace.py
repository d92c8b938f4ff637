"""Tests of which messages' way is told, and in which lines."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra import trace
from infra.settings import settings
from infra.trace import Traced
from tests import databases

PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"


class Log:
    """Remembers lines."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def info(self, event: str, **line: Any) -> None:
        self.lines.append({"event": event, **line})


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[float]:
    """Yields LOG_SAMPLE as the test has chosen it."""
    with databases.configured("sqlite:////nowhere.db"):
        monkeypatch.setenv("LOG_SAMPLE", str(request.param))
        settings.cache_clear()
        yield request.param
    settings.cache_clear()


@pytest.mark.parametrize("share", [0, 0.01, 0.25, 1], indirect=True)
def test_a_share_of_messages_that_follow_each_other_is_told(share: float) -> None:
    told = [id_ for id_ in range(1_000_000, 1_020_000) if trace.traced(id_, None)]
    assert abs(len(told) - share * 20_000) <= 0.02 * share * 20_000
    assert told == [id_ for id_ in range(1_000_000, 1_020_000) if trace.traced(id_, PARENT)], "whoever asks"


@pytest.mark.parametrize("share", [1], indirect=True)
def test_many_messages_are_told_in_lines_of_a_hundred(share: float) -> None:
    log: Any = Log()
    trace.tell(log, "published", [Traced(id_, PARENT) for id_ in range(250)], frame="new_message")
    assert [len(line["message_ids"]) for line in log.lines] == [100, 100, 50]
    assert {(line["event"], line["log"], line["frame"]) for line in log.lines} == {("published", "send", "new_message")}
    assert all(line["request_ids"] == ["a" * 32] for line in log.lines), "each request once"


@pytest.mark.parametrize("share", [1], indirect=True)
def test_nothing_to_tell_is_no_line(share: float) -> None:
    log: Any = Log()
    trace.tell(log, "published", [])
    assert log.lines == []


def test_a_request_forgets_the_one_before() -> None:
    first = trace.enter("")
    parent = trace.current()
    assert parent
    assert parent[3:35] == first
    assert trace.enter("") != first
    trace.work(task_id="t")
    assert trace.current() is None
