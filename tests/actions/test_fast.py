"""Tests that the fast path publishes what it gets at once, and drops what it cannot publish in good time."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from actions.fast import FastPath, Published
from infra.metrics import fast_messages
from infra.notes import FastGroupMessage, FastMessage, Note, decode, encode
from infra.redis import RedisError
from messaging.frame import frame
from messaging.replies import Quote
from tests.processes import PATIENCE, wait_until


def message(seq: int, content: str = "text") -> dict[str, Any]:
    return {"conversation_id": "1_2", "seq": seq, "from_user_id": 1, "to_user_id": 2, "content": content, "reply": None}


class Redis:
    """Replaces `bus.publish`: waits until `answering` is set, and then raises the next of the given errors, if any."""

    def __init__(self, *errors: Exception) -> None:
        self.answering = threading.Event()
        self.begun = threading.Semaphore(0)
        self.published: list[Published] = []
        self._errors = list(errors)

    def __call__(self, notes: Published) -> None:
        self.begun.release()
        assert self.answering.wait(PATIENCE)
        if self._errors:
            raise self._errors.pop(0)
        self.published.append(notes)

    def seqs(self) -> list[list[int]]:
        """Returns the seqs published to the recipient, for each trip."""
        return [
            [note.seq for channel, note in notes if channel == "im:user:2" and isinstance(note, FastMessage)]
            for notes in self.published
        ]

    def wait_begun(self) -> None:
        assert self.begun.acquire(timeout=PATIENCE)


class Counts:
    """How many messages came to each end since it was made."""

    def __init__(self) -> None:
        self._before = {outcome: self._now(outcome) for outcome in ("published", "full", "late", "failed")}

    def since(self) -> dict[str, int]:
        """Returns the outcomes that were counted, and how often."""
        found = {outcome: int(self._now(outcome) - before) for outcome, before in self._before.items()}
        return {outcome: count for outcome, count in found.items() if count}

    def _now(self, outcome: str) -> float:
        fast_messages.labels(outcome)
        return REGISTRY.get_sample_value("im_fast_messages_total", {"outcome": outcome}) or 0.0


@pytest.fixture
def redis() -> Iterator[Redis]:
    made = Redis()
    yield made
    made.answering.set()


def test_a_message_is_published_to_its_sender_and_its_recipient() -> None:
    redis = Redis()
    redis.answering.set()
    FastPath(redis).hand_over(message(5, "line\nline"))
    wait_until(lambda: redis.published, "the notes")
    ((mine, first), (theirs, second)) = redis.published[0]
    assert (mine, theirs) == ("im:user:1", "im:user:2")
    assert first is second, "encoded once"
    note = decode(encode(first))
    assert isinstance(note, FastMessage)
    assert (note.conversation_id, note.seq, note.from_user_id) == ("1_2", 5, 1)
    assert orjson.loads(note.frame) == {"type": "new_message", "content": message(5, "line\nline")}


def test_a_groups_message_is_published_once_to_the_group() -> None:
    redis = Redis()
    redis.answering.set()
    sent = message(5) | {"conversation_id": "group_7", "to_user_id": 0}
    before = time.time()
    FastPath(redis).hand_over(sent, 3)
    wait_until(lambda: redis.published, "the note")
    (((channel, note),),) = redis.published
    assert channel == "im:group:7"
    assert isinstance(note, FastGroupMessage)
    assert decode(encode(note)) == note
    assert replace(note, at=None) == FastGroupMessage("group_7", 5, 1, 3, frame("new_message", sent))
    assert note.at
    assert before <= note.at <= time.time()


REPLY = {"id": 4, "seq": 4, "from_user_id": 2, "message_type": 1, "status": 1, "content": "one"}


def replies(note: Note) -> tuple[Any, Any]:
    """Returns the replies of a note's own frame and of the one that quotes, None where there is none."""
    assert isinstance(note, FastMessage | FastGroupMessage)
    quoting = note.quoting.frame if isinstance(note, FastGroupMessage) and note.quoting else b'{"content":{}}'
    own, quoted = (orjson.loads(each)["content"].get("reply") for each in (note.frame, quoting))
    return own, quoted


@pytest.mark.parametrize(
    ("blind", "theirs"),
    [((), REPLY), ((1,), REPLY), ((2,), {"id": 4, "status": 5}), (None, {"id": 4, "status": 5})],
    ids=["both", "sender", "peer", "unknown"],
)
def test_a_recipient_who_has_hidden_what_is_answered_gets_a_note_of_their_own(
    blind: tuple[int, ...] | None, theirs: dict[str, Any]
) -> None:
    redis = Redis()
    redis.answering.set()
    quote = None if blind is None else Quote(REPLY, 4, blind)
    FastPath(redis).hand_over(message(5) | {"reply": REPLY}, 0, quote)
    wait_until(lambda: redis.published, "the notes")
    assert [(channel, replies(note)[0]) for channel, note in redis.published[0]] == [
        ("im:user:1", REPLY),
        ("im:user:2", theirs),
    ]


@pytest.mark.parametrize("quote", [Quote(REPLY, 4, (3,)), None], ids=["some see it", "nobody"])
def test_a_groups_note_tells_what_is_answered_beside_who_sees_it(quote: Quote | None) -> None:
    redis = Redis()
    redis.answering.set()
    FastPath(redis).hand_over(message(5) | {"conversation_id": "group_7", "to_user_id": 0, "reply": REPLY}, 3, quote)
    wait_until(lambda: redis.published, "the note")
    (((_, note),),) = redis.published
    assert isinstance(note, FastGroupMessage)
    assert replies(note) == ({"id": 4, "status": 5}, REPLY if quote else None)
    assert (note.quoting.seq, note.quoting.blind) == (4, {3}) if note.quoting else quote is None


def test_nobody_waits_and_what_comes_meanwhile_goes_together(redis: Redis) -> None:
    counts, path = Counts(), FastPath(redis)
    path.hand_over(message(1))
    redis.wait_begun()
    for seq in (2, 3, 4):
        path.hand_over(message(seq))
    redis.answering.set()
    wait_until(lambda: redis.seqs() == [[1], [2, 3, 4]], "the others together")
    wait_until(lambda: counts.since() == {"published": 4}, "all to be counted")


@pytest.mark.parametrize("bounds", [{"most": 2}, {"most_bytes": 440}], ids=str)
def test_what_finds_the_queue_full_is_dropped(redis: Redis, bounds: dict[str, int]) -> None:
    counts, path = Counts(), FastPath(redis, **bounds)
    path.hand_over(message(1, "x" * 80))
    redis.wait_begun()
    for seq in (2, 3, 4, 5):
        path.hand_over(message(seq, "x" * 80))
    redis.answering.set()
    wait_until(lambda: redis.seqs() == [[1], [2, 3]], "what had room")
    path.hand_over(message(6, "x" * 80))
    wait_until(lambda: redis.seqs() == [[1], [2, 3], [6]], "what comes when there is room again")
    wait_until(lambda: counts.since() == {"published": 4, "full": 2}, "all to be counted")


def test_what_has_waited_too_long_is_dropped(redis: Redis) -> None:
    now = [100.0]
    counts, path = Counts(), FastPath(redis, clock=lambda: now[0])
    path.hand_over(message(1))
    redis.wait_begun()
    path.hand_over(message(2))
    now[0] += 0.6
    path.hand_over(message(3))
    now[0] += 0.6
    redis.answering.set()
    wait_until(lambda: redis.seqs() == [[1], [3]], "what is not too old")
    wait_until(lambda: counts.since() == {"published": 2, "late": 1}, "all to be counted")


@pytest.mark.parametrize("error", [RedisError("away"), OSError("away")], ids=repr)
def test_after_a_failure_what_waits_is_dropped_and_a_pause_made(error: Exception) -> None:
    redis, pausing, go_on = Redis(error), threading.Event(), threading.Event()
    counts = Counts()

    def pause(_seconds: float) -> None:
        pausing.set()
        assert go_on.wait(PATIENCE)

    path = FastPath(redis, sleep=pause)
    path.hand_over(message(1))
    redis.wait_begun()
    path.hand_over(message(2))
    redis.answering.set()
    assert pausing.wait(PATIENCE)
    assert counts.since() == {"failed": 2}
    path.hand_over(message(3))
    assert redis.published == [], "Redis gets a rest"
    go_on.set()
    wait_until(lambda: redis.seqs() == [[3]], "what came in the pause, and is not old")
