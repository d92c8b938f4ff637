"""Tests of a connection's backlog: it asks for each page until it comes, and holds live frames meanwhile."""

from typing import Any

import orjson
import pytest

from infra import notes
from messaging.delivered import Proof
from messaging.frame import frame
from realtime.backlog import Backlog
from realtime.outbound import MAX_FRAMES
from realtime.pages import ASK_AGAIN_SECONDS
from realtime.runs import Runs
from workers.backlog import Request

ME, PEER = 7, 8
SOCKET = "a socket"
Span = tuple[str, int, int] | tuple[str, int, int, bool]  # conversation, after, upto, and whole, True by default


def message(name: str, seq: int, content: str = "text") -> dict[str, Any]:
    return {"conversation_id": name, "seq": seq, "content": content}


class Recorder:
    """Replaces Outbound, and records in short what was pushed, and the close code."""

    def __init__(self) -> None:
        self.pushed: list[Any] = []
        self.contents: list[str] = []
        self.closed: int | None = None
        self.woken = 0

    def push(self, raw: bytes, *, bounded: bool = True) -> bool:
        content = orjson.loads(raw[raw.index(b"{") :])
        if content["type"] == "new_message":
            assert not bounded, "a page may exceed the queue"
            self.pushed.append((content["content"]["conversation_id"], content["content"]["seq"]))
            self.contents.append(content["content"]["content"])
        elif content["type"] == "backlog_end":
            self.pushed.append(f"end, truncated={content['content']['truncated']}")
        else:
            self.pushed.append(content["type"])
        return True

    def close(self, code: int, _reason: str) -> None:
        self.closed = code

    def wake(self) -> None:
        self.woken += 1


class Asked:
    """Replaces Pages, and records each request's serial and cursor, the answers, and the connections that left."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, notes.Place | None]] = []
        self.answers: list[tuple[int, str, int]] = []
        self.left: list[tuple[int, str]] = []

    def ask(self, request: Request) -> None:
        connection_id, serial, user_id, cursor = request
        assert (connection_id, user_id) == (SOCKET, ME)
        self.asked.append((serial, cursor))

    def answered(self, *answer: Any) -> None:
        self.answers.append(answer)

    def gone(self, *connection: Any) -> None:
        self.left.append(connection)


class Connected:
    """A backlog whose worker answers when the test says so, and whose clock the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.pages = Asked()
        self.asked = self.pages.asked
        self.runs = Runs(ME)
        self.outbound = Recorder()
        stand_ins: Any = (self.runs, self.outbound, self.pages, self._take)
        self.backlog = Backlog(*stand_ins, user_id=ME, connection_id=SOCKET, clock=lambda: self.now)

    def page(
        self,
        *spans: Span,
        cursor: notes.Place | None = None,
        serial: int | None = None,
        tops: tuple[notes.Place, ...] = (),
    ) -> None:
        """Let a worker answer the last request, or the one with the given serial."""
        serial = self.asked[-1][0] if serial is None else serial
        runs = tuple((name, after, upto, whole[0] if whole else True) for name, after, upto, *whole in spans)
        places = tuple((name, seq) for name, after, upto, *_ in spans for seq in range(after + 1, upto + 1))
        frames = tuple(frame("new_message", message(name, seq)) for name, seq in places)
        self.backlog.take(notes.BacklogPage(SOCKET, serial, runs, places, cursor, frames, tops))

    def pong(self) -> list[Proof]:
        """Let the device answer the ping that is due. Returns the proofs."""
        serial = self.runs.due_ping()
        assert serial is not None
        proofs = self.runs.pong(serial)
        self.backlog.answered()
        return proofs

    def live(self, name: str, seq: int) -> None:
        """Take a live message as Connection does."""
        text = frame("new_message", message(name, seq))
        self._take(notes.Message(name, seq, PEER, text), text)

    def withdrawn(self, kind: str, name: str, seq: int) -> None:
        """Take the note of a message that was recalled or deleted."""
        text = frame(kind, message(name, seq, "") | {"id": seq, "status": 4})
        self._take(notes.Frame(text), text)

    def _take(self, note: notes.Live, raw: bytes) -> None:
        if self.backlog.running:
            self.backlog.hold(note, raw)
        elif isinstance(note, notes.Message):
            name, seq = note.conversation_id, note.seq
            self.outbound.pushed.append((self.runs.take(name, seq, own=False).name, name, seq))
            self.outbound.contents.append(orjson.loads(raw[raw.index(b"{") :])["content"]["content"])
        else:
            self.outbound.push(raw)

    def wait(self, seconds: float) -> None:
        """Move the clock, and tick."""
        self.now += seconds
        self.backlog.tick(self.now)


@pytest.fixture
def new() -> Connected:
    """Returns a backlog that has not begun."""
    return Connected()


@pytest.fixture
def begun(new: Connected) -> Connected:
    new.backlog.begin(None)
    return new


def test_it_asks_for_the_first_page(begun: Connected) -> None:
    assert begun.asked == [(1, None)]
    assert begun.backlog.running
    assert begun.outbound.pushed == []


def test_an_empty_backlog_is_over_at_once(begun: Connected) -> None:
    begun.page()
    assert begun.outbound.pushed == ["end, truncated=False"]
    assert not begun.backlog.running


def test_the_last_page_is_pushed_and_asked_about(begun: Connected) -> None:
    begun.page(("a", 0, 2), ("b", 5, 6))
    assert begun.outbound.pushed == [("a", 1), ("a", 2), ("b", 6), "end, truncated=False"]
    assert begun.outbound.woken
    assert begun.pong() == [Proof(ME, "a", 0, 2), Proof(ME, "b", 5, 6)]
    assert len(begun.asked) == 1


def test_the_next_page_is_asked_for_when_this_one_is_answered(begun: Connected) -> None:
    begun.page(("a", 0, 2), cursor=("a", 2))
    assert len(begun.asked) == 1
    begun.wait(3600)
    assert len(begun.asked) == 1, "it is the device's turn"
    begun.pong()
    assert begun.asked == [(1, None), (2, ("a", 2))]
    begun.page(("a", 2, 3))
    assert begun.outbound.pushed == [("a", 1), ("a", 2), ("a", 3), "end, truncated=False"]
    assert begun.pong() == [Proof(ME, "a", 0, 3)]


def test_a_page_of_repeats_is_answered_already(begun: Connected) -> None:
    begun.page(("a", 0, 2))
    begun.pong()
    begun.backlog.rerun()
    begun.page(("a", 0, 2), cursor=("a", 2))
    assert begun.asked[-1] == (3, ("a", 2))
    begun.page()
    assert begun.outbound.pushed[3:] == ["end, truncated=False", "resync"]


def test_what_was_left_out_is_said_at_the_end(begun: Connected) -> None:
    begun.page(("a", 100, 102, False), cursor=("a", 102))
    assert begun.pong() == [], "and proves nothing"
    begun.page(("b", 0, 1))
    assert begun.outbound.pushed[-1] == "end, truncated=True"


def test_a_lost_request_is_made_again(begun: Connected) -> None:
    begun.wait(ASK_AGAIN_SECONDS)
    assert len(begun.asked) == 1
    begun.wait(0.1)
    assert begun.asked == [(1, None), (1, None)]
    begun.page(("a", 0, 1), cursor=("a", 1))
    begun.pong()
    begun.wait(ASK_AGAIN_SECONDS * 2 + 0.1)
    assert begun.asked[2:] == [(2, ("a", 1)), (2, ("a", 1))], "the page that was lost"


def test_it_asks_less_and_less_often(begun: Connected) -> None:
    waited = []
    for _ in range(5):
        asked, since = len(begun.asked), begun.now
        while len(begun.asked) == asked:
            begun.wait(1)
        waited.append(begun.now - since)
    assert waited == [6, 11, 21, 31, 31]


def test_after_the_end_nothing_is_asked(begun: Connected) -> None:
    begun.page()
    begun.wait(3600)
    begun.backlog.answered()
    assert len(begun.asked) == 1


def test_when_nothing_waits_it_is_over_at_once(new: Connected) -> None:
    new.backlog.begin([("a", 3), ("b", 7)])
    assert new.outbound.pushed == ["end, truncated=False"]
    assert new.asked == []
    for name, seq in (("a", 4), ("b", 9)):
        new.live(name, seq)
    assert new.outbound.pushed[1:] == [("NEXT", "a", 4), ("GAP", "b", 9)], "and what is missing shows"
    assert new.pong() == [Proof(ME, "a", 3, 4)]
    new.wait(3600)
    assert new.asked == []


def test_when_nothing_waits_what_came_before_hello_comes_after_it(new: Connected) -> None:
    """It was published before the tops were read, or after: it comes in both cases, and once."""
    for name, seq in (("a", 4), ("b", 7), ("a", 4)):
        new.live(name, seq)
    new.backlog.begin([("a", 3), ("b", 7)])
    assert new.outbound.pushed == ["end, truncated=False", ("NEXT", "a", 4), ("NEXT", "b", 7), ("REPEAT", "a", 4)]


def test_when_nothing_waited_but_frames_were_lost_since_the_pages_are_asked_for(new: Connected) -> None:
    new.backlog.pause()
    new.backlog.rerun()
    assert new.asked == []
    new.backlog.begin([("a", 3)])
    assert new.asked == [(1, None)]
    assert new.outbound.pushed == []
    new.page(("a", 3, 4))
    assert new.outbound.pushed == [("a", 4), "end, truncated=False"]


def test_when_nothing_waited_but_too_much_was_held_since_the_pages_are_asked_for(new: Connected) -> None:
    for seq in range(1, MAX_FRAMES + 2):
        new.live("a", seq)
    new.backlog.begin([])
    assert new.asked == [(1, None)]
    new.page(("a", 0, 2))
    assert new.outbound.pushed == [("a", 1), ("a", 2), "end, truncated=False", "resync"]


def test_after_a_backlog_that_was_over_at_once_a_lost_link_is_made_good(new: Connected) -> None:
    new.backlog.begin([("a", 3)])
    new.backlog.pause()
    new.live("a", 5)
    new.backlog.rerun()
    assert new.asked == [(1, None)]
    new.page(("a", 3, 4))
    assert new.outbound.pushed[1:] == [("a", 4), "end, truncated=False", "resync", ("NEXT", "a", 5)]


def test_an_answer_that_comes_late_is_taken_once(begun: Connected) -> None:
    begun.wait(ASK_AGAIN_SECONDS + 1)
    begun.page(("a", 0, 1), cursor=("a", 1), serial=1)
    begun.page(("a", 0, 1), cursor=("a", 1), serial=1)
    assert begun.outbound.pushed == [("a", 1)], "workers that are always late are heard all the same"
    begun.pong()
    assert begun.asked[-1] == (2, ("a", 1))


def test_an_answer_to_what_was_asked_before_a_lost_link_is_ignored(begun: Connected) -> None:
    begun.backlog.rerun()
    begun.page(("a", 0, 2), serial=1)
    assert begun.outbound.pushed == []
    begun.page(("a", 0, 1), serial=2)
    assert begun.outbound.pushed == [("a", 1), "end, truncated=False", "resync"]


def test_an_answer_that_comes_twice_is_ignored(begun: Connected) -> None:
    begun.page(("a", 0, 1), cursor=("a", 1))
    begun.page(("b", 0, 1))
    assert begun.outbound.pushed == [("a", 1)]
    begun.pong()
    begun.page(("a", 1, 2))
    begun.page(("b", 0, 1))
    assert begun.outbound.pushed == [("a", 1), ("a", 2), "end, truncated=False"]


def test_live_frames_wait_for_the_end_in_their_order(begun: Connected) -> None:
    begun.live("a", 2)
    begun.live("b", 9)
    assert begun.outbound.pushed == []
    begun.page(("a", 0, 1))
    assert begun.outbound.pushed == [("a", 1), "end, truncated=False", ("NEXT", "a", 2), ("NEXT", "b", 9)]
    begun.live("a", 3)
    assert begun.outbound.pushed[-1] == ("NEXT", "a", 3)


def test_a_live_frame_that_came_with_the_backlog_is_a_repeat(begun: Connected) -> None:
    for seq in (1, 2, 3):
        begun.live("a", seq)
    begun.page(("a", 0, 2))
    assert begun.outbound.pushed[3:] == [("REPEAT", "a", 1), ("REPEAT", "a", 2), ("NEXT", "a", 3)]


def test_the_last_seqs_that_a_page_names_show_what_was_lost(begun: Connected) -> None:
    begun.live("a", 6)
    begun.live("b", 9)
    begun.page(("c", 0, 1), tops=(("a", 5), ("b", 7), ("c", 1)))
    assert begun.outbound.pushed[2:] == [("NEXT", "a", 6), ("GAP", "b", 9)]
    begun.live("c", 3)
    assert begun.outbound.pushed[-1] == ("GAP", "c", 3)


def test_what_was_published_after_it_came_to_a_page_is_pushed_if_the_page_does_not_bring_it(begun: Connected) -> None:
    """Another device has answered for it before the page was read."""
    begun.live("a", 5)
    begun.page(tops=(("a", 5), ("b", 5)))
    begun.live("b", 5)
    assert begun.outbound.pushed[1:] == [("NEXT", "a", 5), ("NEXT", "b", 5)]


def test_the_last_seqs_of_before_a_rerun_are_forgotten(begun: Connected) -> None:
    """What was missed while the link was down may have been answered for by another device."""
    begun.page(tops=(("a", 5), ("b", 5)))
    begun.backlog.rerun()
    begun.page(tops=(("b", 8),))
    begun.live("a", 9)
    begun.live("b", 9)
    assert begun.outbound.pushed[-2:] == [("NEXT", "a", 9), ("NEXT", "b", 9)]


def test_before_it_is_begun_live_frames_wait(new: Connected) -> None:
    new.live("a", 1)
    assert new.outbound.pushed == []
    new.backlog.begin(None)
    new.page()
    assert new.outbound.pushed == ["end, truncated=False", ("NEXT", "a", 1)]


def test_a_link_restored_before_it_is_begun_asks_for_nothing(new: Connected) -> None:
    """A page must not come before `hello`, which has not been sent yet."""
    new.backlog.rerun()
    assert new.asked == []
    new.backlog.begin(None)
    new.page()
    assert new.outbound.pushed == ["end, truncated=False"], "and nothing was lost"


def test_too_much_held_is_left_out_and_the_backlog_begins_anew(begun: Connected) -> None:
    for seq in range(1, MAX_FRAMES + 1):
        begun.live("a", seq)
    assert begun.asked == [(1, None)]
    begun.live("a", MAX_FRAMES + 1)
    assert begun.asked == [(1, None), (2, None)]
    begun.page(("a", 0, 3), serial=1)
    assert begun.outbound.pushed == [], "what it holds may have been withdrawn by what was left out"
    begun.page(("a", 0, 3))
    assert begun.outbound.pushed == [("a", 1), ("a", 2), ("a", 3), "end, truncated=False", "resync"]
    assert begun.outbound.closed is None


def test_too_much_while_paused_asks_for_nothing_yet(begun: Connected) -> None:
    begun.page()
    begun.backlog.pause()
    for seq in range(1, MAX_FRAMES + 10):
        begun.live("a", seq)
    assert begun.asked == [(1, None)]
    begun.backlog.rerun()
    assert begun.asked == [(1, None), (2, None)]


@pytest.mark.parametrize("kind", ["message_recalled", "message_deleted"])
def test_what_is_withdrawn_while_its_page_is_under_way_is_not_told(begun: Connected, kind: str) -> None:
    begun.withdrawn(kind, "a", 2)
    begun.page(("a", 0, 3))
    assert begun.outbound.pushed == [("a", 1), ("a", 2), ("a", 3), "end, truncated=False", kind]
    assert begun.outbound.contents == ["text", "", "text"]
    assert begun.pong() == [Proof(ME, "a", 0, 3)], "nothing of it looks like a gap"


@pytest.mark.parametrize("kind", ["message_recalled", "message_deleted"])
def test_what_is_withdrawn_while_it_is_held_is_not_told(begun: Connected, kind: str) -> None:
    begun.live("a", 1)
    begun.live("a", 2)
    begun.withdrawn(kind, "a", 1)
    begun.page()
    assert begun.outbound.pushed == ["end, truncated=False", ("NEXT", "a", 1), ("NEXT", "a", 2), kind]
    assert begun.outbound.contents == ["", "text"]


def test_a_paused_one_holds_live_frames_and_asks_for_nothing(begun: Connected) -> None:
    begun.page(("a", 0, 1))
    begun.backlog.pause()
    begun.live("a", 3)
    begun.pong()
    begun.wait(3600)
    assert begun.asked == [(1, None)], "its turn is still to come"
    begun.backlog.rerun()
    begun.page(("a", 1, 2))
    assert begun.outbound.pushed[2:] == [("a", 2), "end, truncated=False", "resync", ("NEXT", "a", 3)]


def test_a_page_that_was_under_way_when_it_was_paused_is_not_taken(begun: Connected) -> None:
    begun.backlog.pause()
    begun.page(("a", 0, 1))
    assert begun.outbound.pushed == []
    begun.backlog.rerun()
    begun.page(("a", 0, 1))
    assert begun.outbound.pushed == [("a", 1), "end, truncated=False", "resync"]


def test_a_backlog_run_again_says_resync_once(begun: Connected) -> None:
    begun.page()
    begun.backlog.rerun()
    begun.backlog.rerun()
    begun.page()
    begun.backlog.rerun()
    begun.page()
    assert begun.outbound.pushed == ["end, truncated=False", *("end, truncated=False", "resync") * 2]


def test_a_backlog_interrupted_by_a_lost_link_begins_anew(begun: Connected) -> None:
    begun.page(("a", 100, 102, False), cursor=("a", 102))
    begun.backlog.rerun()
    assert begun.asked[-1] == (2, None)
    begun.page(("a", 100, 103, False), serial=1)
    begun.page(("a", 102, 103), cursor=None)
    assert begun.outbound.pushed == [("a", 101), ("a", 102), ("a", 103), "end, truncated=False", "resync"]


def test_live_frames_wait_again_while_it_runs_again(begun: Connected) -> None:
    begun.page(("a", 0, 1))
    begun.backlog.rerun()
    begun.live("a", 3)
    begun.page(("a", 1, 2))
    assert begun.outbound.pushed[2:] == [("a", 2), "end, truncated=False", "resync", ("NEXT", "a", 3)]


def test_a_hole_that_the_backlog_does_not_fill_is_passed_over(begun: Connected) -> None:
    """Another device has meanwhile answered for the messages missed while the link was down."""
    begun.page(("a", 0, 1))
    begun.pong()
    begun.backlog.rerun()
    begun.live("a", 5)
    begun.page()
    assert begun.outbound.pushed[2:] == ["end, truncated=False", "resync", ("NEXT", "a", 5)]
    assert begun.pong() == [Proof(ME, "a", 4, 5)]


def test_a_device_that_never_answers_gets_no_next_page(begun: Connected) -> None:
    begun.page(("a", 0, 2), cursor=("a", 2))
    for _ in range(10):
        begun.backlog.answered()
        begun.wait(100)
    assert len(begun.asked) == 1
    assert begun.backlog.running


def test_every_page_that_comes_ends_a_turn(begun: Connected) -> None:
    """A page that the backlog does not take ends a turn too, because other connections wait for theirs."""
    begun.backlog.rerun()
    begun.page(serial=1)
    begun.page()
    assert begun.pages.answers == [(ME, SOCKET, 1), (ME, SOCKET, 2)]


def test_who_has_gone_asks_for_nothing(begun: Connected) -> None:
    begun.backlog.leave()
    assert begun.pages.left == [(ME, SOCKET)]
    begun.wait(3600)
    begun.backlog.rerun()
    assert begun.asked == [(1, None)]
