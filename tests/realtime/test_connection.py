"""Tests of one connection: what it pushes live, and what it holds until then."""

import re
import time
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent import socket

from infra import notes
from infra.tokens import Claims
from messaging.delivered import Proof
from messaging.frame import frame
from realtime import frames
from realtime.connection import Connection
from realtime.delivered import Proofs
from tests.processes import PATIENCE

ME, PEER = 7, 8
GROUP = "group_5"


class Connected:
    """A connection that has sent `hello`, and the serials of the pages that it asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        claims = Claims(ME, int(time.time()) + 3600, None, None)
        pages: Any = SimpleNamespace(ask=lambda request: self.asked.append(request[1]), answered=lambda *_: None)
        self.connection = Connection(claims, Proofs("relay"), pages)
        self.connection.welcome(int(time.time()), 0, None)

    def live(self, seq: int, size: int) -> int:
        """Take a live message. Returns the size of its frame, in bytes."""
        text = frame("new_message", {"conversation_id": "7_8", "seq": seq, "content": "x" * size})
        self.connection.take(notes.Message("7_8", seq, PEER, text), frames.text(text))
        return len(frames.text(text))

    def fast(self, seq: int, *, sender: int = PEER) -> None:
        """Take a fast note, whose text says so."""
        text = frame("new_message", {"conversation_id": "7_8", "seq": seq, "content": "fast"})
        self.connection.take(notes.FastMessage("7_8", seq, sender, text), frames.text(text))

    def last_page(self, *tops: notes.Place) -> None:
        """Let a worker answer the last request with an empty page, which names the last seqs `tops`."""
        self.connection.take_own(notes.BacklogPage(self.connection.id, self.asked[-1], tops=tops))

    def of_group(self, seq: int) -> None:
        """Take a live message of a group."""
        text = frame("new_message", {"conversation_id": GROUP, "seq": seq})
        self.connection.take(notes.Message(GROUP, seq, PEER, text), frames.text(text))

    def page(self, serial: int) -> None:
        """Let a worker answer the request with that serial by an empty page."""
        self.connection.take_own(notes.BacklogPage(self.connection.id, serial))

    def written(self) -> bytes:
        """Returns all bytes that wait to be written, as the reader gets them."""
        ours, theirs = socket.socketpair()
        writer = gevent.spawn(self.connection.outbound.write_all, ours, bytes)
        reader = gevent.spawn(lambda: b"".join(iter(lambda: theirs.recv(65_536), b"")))
        self.connection.outbound.end()
        writer.join(PATIENCE)
        ours.close()
        found: bytes = reader.get(timeout=PATIENCE)
        theirs.close()
        return found


@pytest.mark.parametrize(("count", "size"), [(1_990, 1), (1_500, 1_251), (70, 28_000)])
def test_what_was_held_is_pushed_whatever_comes_after_it(count: int, size: int) -> None:
    """Held frames were bounded while they were held. Their release must not close a reader who is not slow."""
    connected = Connected()
    for seq in range(1, count + 1):
        connected.live(seq, size)
    connected.last_page()
    for seq in range(count + 1, count * 2):
        connected.live(seq, size)
    assert connected.connection.outbound.closing is None
    written = connected.written()
    assert [f'"seq":{seq},'.encode() in written for seq in (1, count, count * 2 - 1)] == [True] * 3


def test_what_comes_live_is_bounded_and_the_rest_is_asked_for_when_the_reader_has_caught_up() -> None:
    connected = Connected()
    connected.last_page()
    for seq in range(1, 80):
        connected.live(seq, 28_000)
    asked = len(connected.asked)
    connected.connection.tick(time.monotonic())
    assert len(connected.asked) == asked, "the reader is still at what it has"
    assert connected.connection.outbound.closing is None
    written = connected.written()
    assert len(written) < 2 * 1024 * 1024 + 2 * 28_100
    connected.connection.tick(time.monotonic())
    assert len(connected.asked) == asked + 1


def test_what_is_held_is_bounded_in_bytes_and_the_backlog_begins_anew_for_the_rest() -> None:
    connected = Connected()
    first = connected.asked[-1]
    for seq in range(1, 80):
        connected.live(seq, 28_000)
    assert connected.connection.outbound.closing is None
    assert len(connected.asked) == 2
    connected.page(first)
    connected.last_page()
    written = connected.written()
    assert written.count(b"backlog_end") == 1, "a page of before is no answer any more"
    assert written.index(b"backlog_end") < written.index(b"resync")


def test_what_is_held_a_second_time_is_not_lost() -> None:
    """A gap among the held frames restarts the backlog before the rest of them is released."""
    connected = Connected()
    for seq in (1, 3):
        connected.live(seq, 1)
    receipt = frame("read_receipt", {"conversation_id": "7_8"})
    connected.connection.take(notes.Frame(receipt), frames.text(receipt))
    connected.last_page()
    connected.last_page()
    assert b"read_receipt" in connected.written()


def test_a_frame_is_not_pushed_to_the_connection_that_it_is_from() -> None:
    connected = Connected()
    connected.last_page()
    for name, origin in (("read_receipt", connected.connection.id), ("message_deleted", "another socket")):
        text = frame(name, {})
        connected.connection.take(notes.Frame(text, origin), frames.text(text))
    written = connected.written()
    assert b"message_deleted" in written
    assert b"read_receipt" not in written


def test_a_greeting_is_pushed_at_once() -> None:
    connected = Connected()
    online = [frame("presence", {"user_id": user_id}) for user_id in (8, 9)]
    connected.connection.take_own(notes.Greeting(connected.connection.id, tuple(online)))
    written = connected.written()
    assert [text in written for text in online] == [True, True]


def seqs(written: bytes) -> list[tuple[int, bool]]:
    """Returns the seq of each message that was written, and whether it came by a fast note."""
    found = re.findall(rb'"seq":(\d+),"content":"(\w+)"', written)
    return [(int(seq), content == b"fast") for seq, content in found]


def test_a_fast_note_is_pushed_and_the_worker_s_is_its_repeat() -> None:
    connected = Connected()
    connected.last_page(("7_8", 4))
    connected.fast(5)
    connected.live(5, 1)
    connected.live(6, 1)
    connected.fast(6)
    connected.fast(7, sender=ME)
    assert seqs(connected.written()) == [(5, True), (6, False), (7, True)]


def test_a_fast_note_that_is_not_the_next_is_left_to_the_worker_and_asks_for_nothing() -> None:
    connected = Connected()
    connected.last_page()
    connected.fast(1)
    connected.live(1, 1)
    connected.fast(3)
    connected.fast(1)
    connected.live(2, 1)
    connected.live(3, 1)
    assert seqs(connected.written()) == [(1, False), (2, False), (3, False)]
    assert len(connected.asked) == 1


def test_a_fast_note_is_neither_pushed_nor_held_while_a_backlog_runs_or_is_to_run_again() -> None:
    connected = Connected()
    connected.fast(5)
    connected.last_page(("7_8", 4))
    connected.connection.pause()
    connected.fast(5)
    connected.connection.rerun_backlog()
    connected.fast(5)
    connected.last_page(("7_8", 4))
    written = connected.written()
    assert b"resync" in written
    assert seqs(written) == []


def test_a_fast_note_for_which_there_is_no_room_is_left_to_the_worker() -> None:
    connected = Connected()
    connected.last_page()
    seq = 0
    while not connected.connection.outbound.full:
        seq += 1
        connected.live(seq, 28_000)
    connected.fast(seq + 1)
    assert connected.connection.outbound.closing is None
    connected.written()
    connected.connection.tick(time.monotonic())
    assert len(connected.asked) == 1


def test_a_late_fast_note_brings_no_text_back_after_its_recall() -> None:
    for tops in ((), (("7_8", 4),), (("7_8", 5),)):  # unknown, known before the message, and joined after it
        connected = Connected()
        connected.last_page(*tops)
        if tops != (("7_8", 5),):
            connected.live(5, 1)
        recalled = frame("message_recalled", {"conversation_id": "7_8", "id": 5, "seq": 5, "status": 4, "content": ""})
        connected.connection.take(notes.Frame(recalled), frames.text(recalled))
        connected.fast(5)
        assert (5, True) not in seqs(connected.written())


def test_typing_is_not_held() -> None:
    connected = Connected()
    text = frame("typing", {})
    connected.connection.take(notes.Typing(text), frames.text(text))
    connected.last_page()
    assert b"typing" not in connected.written()


@pytest.mark.parametrize(("name", "proven"), [("7_8", []), ("group_5", [Proof(ME, "group_5", 2, 3)])])
@pytest.mark.parametrize("kind", [notes.Message, notes.FastMessage])
def test_ones_own_message_proves_how_far_one_is_in_a_group_and_nothing_in_a_pair(
    kind: type[notes.Message | notes.FastMessage], name: str, proven: list[Proof]
) -> None:
    proofs: list[Proof] = []
    pages: Any = SimpleNamespace()
    sink: Any = SimpleNamespace(add=lambda found, _told: proofs.extend(found))
    connection = Connection(Claims(ME, int(time.time()) + 3600, None, None), sink, pages)
    connection.welcome(int(time.time()), 0, [(name, 2)])
    text = frame("new_message", {"conversation_id": name, "seq": 3})
    connection.take(kind(name, 3, ME, text), frames.text(text))
    if ping := connection.due_ping():
        connection.pong(ping[2:])
    assert proofs == proven


def test_who_comes_back_into_a_group_runs_their_backlog_once() -> None:
    """The message of their coming is far behind what they saw before."""
    connected = Connected()
    connected.last_page()
    connected.of_group(3)
    connected.connection.joining(GROUP)
    for _ in range(2):  # workers may publish it twice
        connected.of_group(20)
    assert len(connected.asked) == 1
    connected.connection.rerun_backlog()
    connected.last_page()
    assert len(connected.asked) == 2
    written = connected.written()
    assert [written.count(f'"seq":{seq}}}'.encode()) for seq in (3, 20)] == [1, 1]
    assert written.count(b'"resync"') == 1


@pytest.mark.parametrize("then", [20, 4])
def test_a_loss_after_a_coming_is_a_loss_all_the_same(then: int) -> None:
    """So it is where the user has come into the group for the first time."""
    connected = Connected()
    connected.last_page()
    connected.of_group(3)
    connected.connection.joining(GROUP)
    connected.of_group(then)
    connected.of_group(then + 2)
    assert len(connected.asked) == 2


def test_once_the_backlog_is_run_a_coming_hides_no_loss() -> None:
    connected = Connected()
    connected.connection.joining(GROUP)
    connected.connection.rerun_backlog()
    connected.last_page((GROUP, 3))
    connected.of_group(5)
    assert len(connected.asked) == 3


def test_what_proves_a_new_stay_begins_with_it() -> None:
    proofs: list[Proof] = []
    sink: Any = SimpleNamespace(add=lambda found, _told: proofs.extend(found))
    pages: Any = SimpleNamespace(ask=lambda _request: None, answered=lambda *_: None)
    connection = Connection(Claims(ME, int(time.time()) + 3600, None, None), sink, pages)
    connection.welcome(int(time.time()), 0, ((GROUP, 3),))
    connection.joining(GROUP)
    connection.take(notes.Message(GROUP, 20, PEER, b"{}"), frames.text(b"{}"))
    ping = connection.due_ping()
    connection.pong(ping[2:])
    assert proofs == [Proof(ME, GROUP, 19, 20)]
