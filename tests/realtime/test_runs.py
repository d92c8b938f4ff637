"""Tests that only an unbroken run of messages, pushed here and answered for by the device, is a proof."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.delivered import Proof
from realtime.runs import Place, Runs

ME = 7


def pushed(upto: int, after: int = 0, *, whole: bool = True) -> Runs:
    """Returns Runs after a page of the conversation "c" was pushed."""
    runs = Runs(ME)
    runs.begin("c", after, whole=whole)
    for seq in range(after + 1, upto + 1):
        assert runs.take("c", seq, own=False) is Place.NEXT
    return runs


def answer(runs: Runs) -> list[Proof]:
    """Let the device answer the ping that is due. Returns the proofs."""
    serial = runs.due_ping()
    assert serial is not None
    return runs.pong(serial)


def test_what_was_pushed_and_answered_for_is_proven() -> None:
    assert answer(pushed(3)) == [Proof(ME, "c", 0, 3)]


def test_a_live_message_continues_from_the_one_before_it() -> None:
    runs = Runs(ME)
    assert runs.take("c", 9, own=False) is Place.NEXT
    assert answer(runs) == [Proof(ME, "c", 8, 9)]


def test_one_pong_answers_for_every_conversation() -> None:
    runs = Runs(ME)
    for name in ("a", "b"):
        runs.take(name, 1, own=False)
    assert sorted(answer(runs), key=lambda proof: proof.conversation_id) == [Proof(ME, "a", 0, 1), Proof(ME, "b", 0, 1)]


def test_nothing_pushed_needs_no_ping() -> None:
    assert Runs(ME).due_ping() is None
    assert Runs(ME).all_answered


def test_one_ping_is_outstanding_at_a_time() -> None:
    runs = pushed(1)
    serial = runs.due_ping()
    assert serial is not None
    runs.take("c", 2, own=False)
    assert runs.due_ping() is None
    assert not runs.all_answered
    assert runs.pong(serial) == [Proof(ME, "c", 0, 1)], "not what was pushed after the ping"
    assert not runs.all_answered
    assert answer(runs) == [Proof(ME, "c", 0, 2)]
    assert runs.all_answered


def test_a_pong_counts_once() -> None:
    runs = pushed(1)
    serial = runs.due_ping()
    assert serial is not None
    assert runs.pong(serial)
    assert runs.pong(serial) == []


def test_a_pong_that_nobody_asked_for_proves_nothing() -> None:
    runs = pushed(1)
    for serial in (0, 1, 2**64 - 1):
        assert runs.pong(serial) == []
    runs.due_ping()
    assert runs.pong(0) == runs.pong(2) == []
    assert not runs.all_answered


def test_a_repeat_is_not_pushed() -> None:
    runs = pushed(3)
    assert [runs.take("c", seq, own=False) for seq in (1, 3)] == [Place.REPEAT, Place.REPEAT]


def test_a_gap_is_told_and_nothing_moves() -> None:
    runs = pushed(3)
    assert runs.take("c", 5, own=False) is Place.GAP
    assert runs.take("c", 4, own=False) is Place.NEXT
    assert answer(runs) == [Proof(ME, "c", 0, 4)]


def test_own_messages_need_no_answer_and_break_no_run() -> None:
    runs = Runs(ME)
    assert runs.take("c", 1, own=True) is Place.NEXT
    assert runs.due_ping() is None
    runs.take("c", 2, own=False)
    assert answer(runs) == [Proof(ME, "c", 0, 2)]


def test_a_page_that_comes_again_changes_nothing() -> None:
    runs = pushed(3)
    runs.begin("c", 0, whole=True)
    runs.begin("c", 2, whole=False)
    assert runs.take("c", 2, own=False) is Place.REPEAT
    assert runs.take("c", 4, own=False) is Place.NEXT
    assert answer(runs) == [Proof(ME, "c", 0, 4)]


def test_a_page_that_begins_below_a_run_begins_it_anew() -> None:
    """Messages lost before a live one come after all, in their order, and all can be proven."""
    runs = Runs(ME)
    assert runs.take("c", 2, own=False) is Place.NEXT
    runs.rerun()
    runs.begin("c", 0, whole=True)
    assert [runs.take("c", seq, own=False) for seq in (1, 2, 3)] == [Place.NEXT] * 3
    assert answer(runs) == [Proof(ME, "c", 0, 3)]


def test_a_pong_asked_for_before_a_run_began_anew_proves_nothing_of_it() -> None:
    runs = Runs(ME)
    runs.take("c", 2, own=False)
    runs.take("other", 1, own=False)
    serial = runs.due_ping()
    assert serial is not None
    runs.begin("c", 0, whole=True)
    runs.take("c", 1, own=False)
    assert runs.pong(serial) == [Proof(ME, "other", 0, 1)], "the lost one was not behind that ping"
    assert answer(runs) == [Proof(ME, "c", 0, 1)]


def test_a_run_begun_anew_with_messages_left_out_proves_nothing() -> None:
    runs = pushed(300, 200)
    runs.begin("c", 100, whole=False)
    for seq in range(101, 301):
        runs.take("c", seq, own=False)
    assert answer(runs) == []


def test_a_page_further_on_begins_a_new_run() -> None:
    """Another device has answered for the messages between."""
    runs = pushed(3)
    runs.begin("c", 9, whole=True)
    assert runs.take("c", 10, own=False) is Place.NEXT
    assert answer(runs) == [Proof(ME, "c", 9, 10)]


def test_after_messages_left_out_no_pong_is_proof() -> None:
    runs = pushed(300, 100, whole=False)
    assert answer(runs) == []
    runs.take("c", 301, own=False)
    assert answer(runs) == []


def test_an_ack_makes_a_run_whole_again() -> None:
    runs = pushed(300, 100, whole=False)
    answer(runs)
    assert runs.ack("c", 300) == Proof(ME, "c", 0, 300)
    runs.take("c", 301, own=False)
    assert answer(runs) == [Proof(ME, "c", 100, 301)]


def test_an_ack_below_what_was_left_out_does_not() -> None:
    runs = pushed(300, 100, whole=False)
    assert runs.ack("c", 99) == Proof(ME, "c", 0, 99)
    assert answer(runs) == []


def test_an_ack_is_clamped_to_what_was_pushed() -> None:
    assert pushed(3).ack("c", 2**53 - 1) == Proof(ME, "c", 0, 3)


def test_an_ack_of_what_was_never_pushed_is_nothing() -> None:
    runs = pushed(3)
    assert runs.ack("another", 1) is None
    runs.begin("empty", 0, whole=True)
    assert runs.ack("empty", 1) is None


def test_a_backlog_run_again_makes_up_for_a_hole_that_it_does_not_fill() -> None:
    """Missing messages that other devices have answered for never come, so the gap must not be found for ever."""
    runs = pushed(3)
    answer(runs)
    assert runs.take("c", 7, own=False) is Place.GAP
    runs.rerun()
    assert runs.take("c", 3, own=False) is Place.REPEAT
    assert runs.take("c", 7, own=False) is Place.NEXT
    assert answer(runs) == [Proof(ME, "c", 6, 7)], "nothing of the hole"
    assert runs.take("c", 9, own=False) is Place.GAP, "once"


def test_a_hole_is_none_where_the_next_message_came() -> None:
    runs = pushed(3)
    runs.rerun()
    assert runs.take("c", 4, own=False) is Place.NEXT
    assert runs.take("c", 6, own=False) is Place.GAP


def test_what_is_open_in_one_conversation_is_not_in_another() -> None:
    runs = pushed(3)
    runs.take("other", 1, own=False)
    runs.rerun()
    assert runs.take("c", 4, own=False) is Place.NEXT
    assert runs.take("c", 6, own=False) is Place.GAP
    assert runs.take("other", 6, own=False) is Place.NEXT


def test_a_hole_is_none_where_the_backlog_has_said_what_there_is() -> None:
    runs = pushed(3)
    runs.rerun()
    runs.begin("c", 0, whole=True)
    assert runs.take("c", 5, own=False) is Place.GAP


def test_what_was_asked_about_before_a_hole_proves_nothing_behind_it() -> None:
    runs = pushed(3)
    serial = runs.due_ping()
    assert serial is not None
    runs.rerun()
    runs.take("c", 7, own=False)
    assert runs.pong(serial) == []
    assert answer(runs) == [Proof(ME, "c", 6, 7)]


def test_a_last_seq_that_was_told_shows_a_loss_at_the_next_message() -> None:
    runs = Runs(ME)
    runs.know("c", 5)
    assert runs.take("c", 7, own=False) is Place.GAP
    assert runs.take("c", 6, own=False) is Place.NEXT
    assert answer(runs) == [Proof(ME, "c", 5, 6)]


def test_a_message_that_was_published_after_it_was_told_begins_the_run() -> None:
    """A worker has committed it, and is about to publish it: it is not in the page if another device has answered."""
    runs = Runs(ME)
    runs.know("c", 5)
    assert [runs.take("c", seq, own=False) for seq in (5, 5, 6, 8)] == [
        Place.NEXT,
        Place.REPEAT,
        Place.NEXT,
        Place.GAP,
    ]


def test_what_was_told_and_never_pushed_proves_nothing() -> None:
    runs = Runs(ME)
    runs.know("c", 5)
    assert (runs.top("c"), runs.ack("c", 5), runs.due_ping()) == (0, None, None)


def test_a_last_seq_that_was_told_moves_no_run() -> None:
    for told in (2, 3, 9):
        runs = pushed(3)
        runs.know("c", told)
        assert [runs.take("c", seq, own=False) for seq in (3, 5, 4)] == [Place.REPEAT, Place.GAP, Place.NEXT]


def test_a_page_begins_its_run_wherever_the_last_seq_was() -> None:
    for after in (2, 9):
        runs = Runs(ME)
        runs.know("c", 5)
        runs.begin("c", after, whole=True)
        assert runs.take("c", after + 1, own=False) is Place.NEXT
        assert answer(runs) == [Proof(ME, "c", after, after + 1)]


def test_a_hole_is_told_once_unless_a_rerun_says_that_there_is_none() -> None:
    """Another device has answered for what is missing, so the page brings none of it."""
    for told in (3, 6, 7, None):
        for runs in (pushed(3), Runs(ME)):
            runs.know("c", 3)
            assert runs.take("c", 6, own=False) is Place.GAP
            runs.rerun()
            if told:
                runs.know("c", told)
            assert runs.take("c", 7, own=False) is (Place.GAP if told == 3 else Place.NEXT)


def test_a_fast_note_is_taken_as_the_next_of_a_run_and_proven_like_any_other() -> None:
    runs = pushed(3)
    assert runs.take_fast("c", 4, own=False)
    assert runs.take("c", 4, own=False) is Place.REPEAT
    assert runs.take("c", 5, own=False) is Place.NEXT
    assert answer(runs) == [Proof(ME, "c", 0, 5)]


def test_a_fast_note_is_taken_as_the_next_after_the_last_seq_that_was_told() -> None:
    runs = Runs(ME)
    runs.know("c", 5)
    assert not runs.take_fast("c", 5, own=False)
    assert runs.take_fast("c", 6, own=False)
    assert [runs.take("c", seq, own=False) for seq in (5, 6, 7)] == [Place.REPEAT, Place.REPEAT, Place.NEXT]
    assert answer(runs) == [Proof(ME, "c", 5, 7)]


def test_ones_own_fast_note_needs_no_answer() -> None:
    runs = pushed(3)
    answer(runs)
    assert runs.take_fast("c", 4, own=True)
    assert runs.due_ping() is None


def test_no_other_fast_note_is_taken_or_changes_anything() -> None:
    runs = pushed(3)
    for name, seq in (("c", 1), ("c", 3), ("c", 5), ("unknown", 1), ("unknown", 9)):
        assert not runs.take_fast(name, seq, own=False)
    assert [runs.take("c", seq, own=False) for seq in (5, 4)] == [Place.GAP, Place.NEXT]
    assert runs.take("unknown", 9, own=False) is Place.NEXT


def test_a_fast_note_counts_for_nothing_where_a_rerun_left_open_what_is_missing() -> None:
    """It may be from before the link was lost, and have been recalled since."""
    runs = pushed(3)
    runs.rerun()
    assert not runs.take_fast("c", 4, own=False)
    assert runs.take("c", 7, own=False) is Place.NEXT
    assert runs.take_fast("c", 8, own=False)


def test_after_a_rerun_the_next_message_is_the_one_after_the_last_seq_that_was_told() -> None:
    for top, told in ((3, 6), (3, 3), (4, 3)):
        last = max(top, told)
        for seq, place in ((last + 1, Place.NEXT), (last + 2, Place.GAP)):
            runs = pushed(top)
            runs.rerun()
            runs.know("c", told)
            assert runs.take("c", seq, own=False) is place
        runs = pushed(top)
        runs.rerun()
        runs.know("c", told)
        assert [runs.take_fast("c", seq, own=False) for seq in (last, last + 2, last + 1)] == [False, False, True]


def test_what_is_published_after_a_rerun_that_did_not_bring_it_is_pushed() -> None:
    runs = pushed(3)
    runs.rerun()
    runs.know("c", 6)
    assert [runs.take("c", seq, own=False) for seq in (3, 5, 6, 7)] == [Place.REPEAT, *[Place.NEXT] * 3]
    assert answer(runs) == [Proof(ME, "c", 4, 7)]


@dataclass
class Model:
    """Runs beside a plain record of the seqs pushed, covered by a ping, and left out."""

    runs: Runs = field(default_factory=lambda: Runs(ME))
    here: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    behind_ping: dict[str, set[int]] = field(default_factory=dict)
    base: dict[str, int] = field(default_factory=dict)  # conversation → the seq after which its run begins
    left_out: dict[str, int] = field(default_factory=dict)  # conversation → the seq up to which messages are missing
    serial: int = 0  # of the last ping

    def take(self, name: str, seq: int, own: bool) -> None:
        top = self.runs.top(name)
        if self.runs.take(name, seq, own=own) is Place.NEXT:
            assert name not in self.base or seq > top
            if name not in self.base or seq > top + 1:
                self.base[name] = seq - 1
            self.here[name].add(seq)

    def begin(self, name: str, after: int, whole: bool) -> None:
        goes_on = name in self.base and self.base[name] <= after <= self.runs.top(name)
        self.runs.begin(name, after, whole=whole)
        if goes_on:
            return
        self.base[name] = after
        if not whole:
            self.left_out[name] = after
        elif name in self.left_out:
            self.left_out[name] = min(after, self.left_out[name])

    def ping(self) -> None:
        serial = self.runs.due_ping()
        if serial is not None:
            self.serial = serial
            self.behind_ping = {name: set(seqs) for name, seqs in self.here.items()}

    def pong(self, serial: int | None) -> None:
        for proof in self.runs.pong(self.serial if serial is None else serial):
            assert proof.after < proof.upto
            assert set(range(proof.after + 1, proof.upto + 1)) <= self.behind_ping[proof.conversation_id]
            assert proof.conversation_id not in self.left_out

    def ack(self, name: str, seq: int) -> None:
        proof = self.runs.ack(name, seq)
        if proof:
            assert proof.upto <= min(seq, self.runs.top(name))
            if seq >= self.left_out.get(name, 0):
                self.left_out.pop(name, None)

    def rerun(self) -> None:
        self.runs.rerun()


_NAMES = st.sampled_from(["a", "b"])
_SEQS = st.integers(1, 9)
_STEPS: list[st.SearchStrategy[Callable[[Model], None]]] = [
    st.builds(lambda n, s, own: lambda m: m.take(n, s, own), _NAMES, _SEQS, st.booleans()),
    st.builds(lambda n, s, whole: lambda m: m.begin(n, s, whole), _NAMES, st.integers(0, 9), st.booleans()),
    st.just(Model.ping),
    st.builds(lambda serial: lambda m: m.pong(serial), st.none() | st.integers(0, 3)),
    st.builds(lambda n, s: lambda m: m.ack(n, s), _NAMES, _SEQS),
    st.just(Model.rerun),
]


@settings(deadline=None, max_examples=500)
@given(st.lists(st.one_of(_STEPS), max_size=40))
def test_no_order_of_events_proves_what_was_not_pushed_and_asked_for(steps: list[Callable[[Model], None]]) -> None:
    model = Model()
    for step in steps:
        step(model)
    for _ in range(2):  # an unanswered ping may come first
        model.ping()
        model.pong(None)
    assert model.runs.all_answered
