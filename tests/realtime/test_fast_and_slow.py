"""Tests that fast notes and workers' notes together, in any interleaving, push each message once and in order."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.runs import Place, Runs

ME = 7
NAME = "c"


@dataclass
class Conversation:
    """A conversation with its worker, and one connection that has begun to listen when `published` was its last seq.

    The page that the connection got first named that seq, if `told`. Fast notes may come at any time from COMMIT on, as
    often as they like, or never. A worker's note comes once or more, in the order of seq, or is lost.
    """

    published: int
    told: bool
    runs: Runs = field(default_factory=lambda: Runs(ME))
    committed: int = 0
    answered: int = 0  # up to here some device of the user has answered
    elsewhere: set[int] = field(default_factory=set)  # what only other devices have answered for
    pushed: list[int] = field(default_factory=list)
    lost: int = 0
    reruns: int = 0
    in_page: bool = False

    def __post_init__(self) -> None:
        self.first = self.published + 1  # what came before, the user has
        self.committed = self.answered = self.published
        if self.told:
            self.runs.know(NAME, self.published)

    def commit(self) -> None:
        self.committed += 1

    def fast(self, back: int) -> None:
        """Let a fast note come, `back` messages before the newest."""
        seq = self.committed - back
        if seq >= 1 and self.runs.take_fast(NAME, seq, own=False):
            self._push(seq)

    def publish(self, *, lost: bool = False, first: int | None = None) -> None:
        """Let the worker publish the next message, and those from `first` on once more: it had died meanwhile."""
        if self.published == self.committed:
            return
        self.published += 1
        self.lost += lost
        for seq in range(first or self.published, self.published + 1 - lost):
            self._take(seq)

    def repeat(self, count: int) -> None:
        self.publish(first=max(1, self.published + 1 - count))

    def answer(self) -> None:
        serial = self.runs.due_ping()
        for proof in self.runs.pong(serial or 0):
            assert set(range(proof.after + 1, proof.upto + 1)) <= set(self.pushed), "nothing else is proven"
            if proof.after <= self.answered:
                self.answered = max(self.answered, min(proof.upto, self.published))

    def answer_elsewhere(self) -> None:
        self.elsewhere |= set(range(self.answered + 1, self.published + 1))
        self.answered = max(self.answered, self.published)

    def rerun(self) -> None:
        """Run the backlog again. Its page names the last seq too, if the first one did."""
        self.reruns += 1
        self.runs.rerun()
        if self.answered < self.published:
            self.runs.begin(NAME, self.answered, whole=True)
            self.in_page = True
            for seq in range(self.answered + 1, self.published + 1):
                self._take(seq)
            self.in_page = False
        if self.told:
            self.runs.know(NAME, self.published)

    def _take(self, seq: int) -> None:
        place = self.runs.take(NAME, seq, own=False)
        if place is Place.NEXT:
            self._push(seq)
        elif place is Place.GAP:
            self.rerun()

    def _push(self, seq: int) -> None:
        assert seq <= self.committed
        assert self.in_page or seq > max(self.pushed, default=0), "out of order, or twice"
        self.pushed.append(seq)

    def finish(self) -> None:
        """Let the worker publish what is left, and one message more, which shows if the one before it was lost."""
        self.commit()
        while self.published < self.committed:
            self.publish()


Step = Callable[[Conversation], None]
_BACK = st.integers(0, 4)
_WITHOUT_LOSS: list[st.SearchStrategy[Step]] = [
    st.just(Conversation.commit),
    st.builds(lambda back: lambda each: each.fast(back), _BACK),
    st.just(Conversation.publish),
    st.builds(lambda count: lambda each: each.repeat(count), _BACK),
    st.just(Conversation.answer),
    st.just(Conversation.answer_elsewhere),
]
_WITH_LOSS: list[st.SearchStrategy[Step]] = [
    *_WITHOUT_LOSS,
    st.just(lambda each: each.publish(lost=True)),
    st.just(Conversation.rerun),
]
_BEGINNINGS = st.builds(Conversation, published=st.integers(0, 3), told=st.booleans())


@settings(deadline=None, max_examples=500)
@given(_BEGINNINGS, st.lists(st.one_of(_WITHOUT_LOSS), max_size=40))
def test_each_message_is_pushed_once_and_in_order_and_nothing_looks_like_a_loss(
    conversation: Conversation, steps: list[Step]
) -> None:
    for step in steps:
        step(conversation)
    conversation.finish()
    pushed = conversation.pushed
    assert pushed == list(range(pushed[0], conversation.committed + 1))
    assert pushed[0] <= conversation.first, "a worker that publishes again may begin earlier"
    assert conversation.reruns == 0


@settings(deadline=None, max_examples=1_000)
@given(_BEGINNINGS, st.lists(st.one_of(_WITH_LOSS), max_size=40))
def test_what_the_worker_lost_comes_by_a_rerun_unless_another_device_has_it(
    conversation: Conversation, steps: list[Step]
) -> None:
    asked_for = sum(step is Conversation.rerun for step in steps)
    for step in steps:
        step(conversation)
    conversation.finish()
    due = set(range(conversation.first, conversation.committed + 1))
    if conversation.told:
        assert due <= set(conversation.pushed) | conversation.elsewhere
    assert conversation.reruns <= asked_for + conversation.lost
