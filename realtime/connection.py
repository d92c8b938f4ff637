"""One connection: what is pushed to it, what its device answers, and when it is closed."""

import time
from collections.abc import Sequence
from uuid import uuid4

from infra import notes
from infra.metrics import frames_dropped
from infra.tokens import Claims
from infra.trace import Traced
from messaging.conversation_id import group_of
from realtime import frames
from realtime.backlog import Backlog
from realtime.delivered import Proofs
from realtime.outbound import Outbound
from realtime.pages import Pages
from realtime.runs import Place, Runs
from realtime.timing import Timing
from realtime.typing import Typing
from realtime.way import Way

IDLE_PING_SECONDS = 25.0
DEAD_SECONDS = 75.0  # without a byte from the peer, which is three idle pings unanswered


class Connection:
    """One connection. The socket's handler creates it; the hub finds it by `id` and by its user."""

    def __init__(self, claims: Claims, proofs: Proofs, pages: Pages) -> None:
        self.id = uuid4().hex
        self.claims = claims
        self._timing = Timing()
        self._way = Way(connection_id=self.id, user_id=claims.user_id)
        self.outbound = Outbound(written=self._written)
        self.typing = Typing(claims.user_id)
        self.is_first = False
        self._clock_offset = 0.0
        self._proofs = proofs
        self._runs = Runs(claims.user_id)
        self._backlog = Backlog(
            self._runs,
            self.outbound,
            pages,
            self._take_held,
            user_id=claims.user_id,
            connection_id=self.id,
            queued=self._queued_of_backlog,
        )
        self._heard_at = self._pinged_at = time.monotonic()
        self._idle_ping = False
        self._behind = False  # live frames were dropped, because the queue was full
        self._joining: set[str] = set()  # groups that the user has come into, before the backlog that follows

    def welcome(self, now: int, total_unread: int, tops: Sequence[notes.Place] | None) -> None:
        """Push `hello`, then the backlog, then live frames. `now` is the database's clock in Unix seconds.

        `tops` are those of the user's conversations when no message waits, so that the backlog is over at once.
        """
        self._clock_offset = now - time.time()
        hello = {
            "connection_id": self.id,
            "user_id": self.claims.user_id,
            "server_time": now,
            "total_unread": total_unread,
        }
        self.outbound.push(frames.message("hello", hello))
        self._backlog.begin(tops)

    def server_time(self) -> int:
        """Returns the database's clock in Unix seconds, by its offset at `hello`."""
        return int(time.time() + self._clock_offset)

    def take(self, note: notes.Live, frame: bytes, *, bounded: bool = True) -> None:
        """Push, hold or drop a live note for this user; `frame` is its encoded frame."""
        if isinstance(note, notes.Typing):
            self._take_typing(frame)
        elif isinstance(note, notes.FastMessage):
            self._take_fast(note, frame)
        elif self._backlog.running:
            self._backlog.hold(note, frame)
        elif bounded and self.outbound.full:
            self._fall_behind()
        elif isinstance(note, notes.Message):
            self._take_message(note, frame, bounded=bounded)
        elif note.origin != self.id:
            self.outbound.push(frame, bounded=bounded)

    def take_own(self, note: notes.Own) -> None:
        """Take a note for this connection alone: a page of its backlog, or which friends are online."""
        match note:
            case notes.BacklogPage():
                self._backlog.take(note)
            case notes.Greeting():
                for frame in note.frames:
                    self.outbound.push(frames.text(frame))

    def pause(self) -> None:
        """Hold live frames until `rerun_backlog`, which has to follow: notes may have been lost."""
        self._backlog.pause()

    def joining(self, conversation_id: str) -> None:
        """Note that the user has come into this group, so that `rerun_backlog` will follow.

        The message that says so, which comes next, begins a new run. After an earlier stay it would show a loss, and
        bring about another backlog.
        """
        self._joining.add(conversation_id)

    def rerun_backlog(self) -> None:
        """Run the backlog again, then push `resync`: notes may have been lost."""
        self._behind = False
        self._joining.clear()
        self._backlog.rerun()

    def pong(self, payload: bytes) -> None:
        """Take the payload of a pong: queue the proofs of it, and continue the backlog."""
        serial = frames.pong_serial(payload)
        if serial is None:
            return
        self._timing.answered()
        proofs = self._runs.pong(serial)
        self._proofs.add(proofs, self._way.answered() if proofs else {})
        self._backlog.answered()
        if not self._runs.all_answered:
            self.outbound.wake()

    def ack(self, conversation_id: str, seq: int) -> None:
        """Take the client's `ack`: queue the proof of it."""
        proof = self._runs.ack(conversation_id, seq)
        if proof:
            self._proofs.add([proof])

    def written(self, conversation_id: str) -> int:
        """Returns the last seq of a conversation written to this socket; 0 for none, and while frames wait."""
        return 0 if self.outbound.waiting else self._runs.top(conversation_id)

    def heard(self) -> None:
        """Note that the peer has just given a sign of life."""
        self._heard_at = time.monotonic()

    def due_ping(self) -> bytes:
        """Returns the ping to append to what is being written, or no bytes."""
        serial = self._runs.due_ping()
        if serial is None and not self._idle_ping:
            return b""
        self._idle_ping = False
        self._timing.asked()
        if serial is not None:
            self._way.asked()
        self._pinged_at = time.monotonic()
        return frames.ping(serial or 0)

    def tick(self, now: float) -> None:
        """Ping an idle peer, close a dead one, ask again for lost pages: about once a second. `now` is monotonic."""
        if now - self._heard_at > DEAD_SECONDS:
            self.outbound.close(1013, "no sign of life")
        elif now - max(self._heard_at, self._pinged_at) > IDLE_PING_SECONDS:
            self._idle_ping = True
            self.outbound.wake()
        if self._behind and not self.outbound.waiting:
            self.rerun_backlog()
        self._backlog.tick(now)

    def leave(self) -> None:
        """Ask for no more pages: the hub has forgotten this connection."""
        self._backlog.leave()

    def _written(self) -> None:
        self._timing.written()
        self._way.written()

    def _queued(self, note: notes.Message | notes.FastMessage) -> None:
        self._way.pushed(note.conversation_id, note.traced, proves=not self._is_own(note))

    def _queued_of_backlog(self, conversation_id: str, message_id: int) -> None:
        if message_id:
            self._way.pushed(conversation_id, Traced(message_id, None), proves=True)

    def _fall_behind(self) -> None:
        """Drop live frames, because more came at once than the reader could take.

        The backlog brings them at the reader's pace; a reader that takes nothing exceeds the time limit of a write.
        """
        self._behind = True
        frames_dropped.labels("full").inc()
        self._backlog.pause()

    def _take_typing(self, frame: bytes) -> None:
        """Push a typing frame, or drop it under load: once there is room again, it is out of date."""
        if not self._backlog.running and not self.outbound.busy:
            self.outbound.push(frame)
        else:
            frames_dropped.labels("busy").inc()

    def _take_fast(self, note: notes.FastMessage, frame: bytes) -> None:
        """Push a message ahead of its worker's note, or leave it to that."""
        if self._backlog.running or self.outbound.full:
            return
        if self._runs.take_fast(note.conversation_id, note.seq, own=self._is_own(note)):
            self._timing.pushed(note.at)
            self._queued(note)
            self.outbound.push(frame)

    def _take_held(self, note: notes.Live, frame: bytes) -> None:
        self.take(note, frame, bounded=False)  # `Held` has bounded it already

    def _take_message(self, note: notes.Message, frame: bytes, *, bounded: bool) -> None:
        name, joining = note.conversation_id, note.conversation_id in self._joining
        self._joining.discard(name)
        place = self._runs.take(name, note.seq, own=self._is_own(note))
        if place is Place.GAP and joining:
            self._runs.begin(name, note.seq - 1, whole=True)
            place = self._runs.take(name, note.seq, own=self._is_own(note))
        if place is Place.NEXT:
            self._queued(note)
            self.outbound.push(frame, bounded=bounded)
        elif place is Place.GAP:
            self.rerun_backlog()

    def _is_own(self, note: notes.Message | notes.FastMessage) -> bool:
        """Returns whether a message is the user's own, which proves nothing. In a group all prove how far they are."""
        return note.from_user_id == self.claims.user_id and group_of(note.conversation_id) is None
