"""One connection's backlog: a worker sends it in pages, the next one when the device has answered for the last.

While it runs, live frames wait. When a request or its answer is lost, the page is asked for again.
"""

import time
from collections.abc import Callable, Sequence

from infra import notes
from infra.metrics import frames_dropped
from realtime import frames
from realtime.held import Held
from realtime.outbound import Outbound
from realtime.pages import ASK_AGAIN_SECONDS, Pages
from realtime.runs import Place, Runs

_ASK_AGAIN_MOST = 30.0

TakeLive = Callable[[notes.Live, bytes], None]


class Backlog:
    """A backlog of one connection. At its end it calls `take_live(note, frame)` for each held live frame.

    It calls `queued(conversation_id, message_id)` for each message that it pushes; 0 for one whose way is not told.

    A new one holds live frames, and asks for nothing before `begin`.
    """

    def __init__(
        self,
        runs: Runs,
        outbound: Outbound,
        pages: Pages,
        take_live: TakeLive,
        *,
        user_id: int,
        connection_id: str,
        queued: Callable[[str, int], None] = lambda _conversation_id, _message_id: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queued = queued
        self._clock = clock
        self._runs = runs
        self._outbound = outbound
        self._pages = pages
        self._take_live = take_live
        self._user_id = user_id
        self._connection_id = connection_id
        self._held = Held()
        self._welcomed = False
        self._begun = False
        self._lost = False
        self._serial = 0
        self._cursor: notes.Place | None = None
        self._asked_at: float | None = None
        self._patience = ASK_AGAIN_SECONDS
        self._truncated = False
        self._then_resync = False
        self._gone = False
        self.running = True

    def begin(self, tops: Sequence[notes.Place] | None) -> None:
        """Run for the first time, after `hello`: from the beginning, or with `tops`, as nothing waits, to the end.

        Frames may have been lost since `tops` were read. They are then in the pages.
        """
        self._welcomed = True
        if tops is None or self._lost:
            self._start()
            return
        for name, seq in tops:
            self._runs.know(name, seq)
        self._finish()

    def rerun(self) -> None:
        """Run from the beginning, and push `resync` at the end: frames may have been lost.

        Before the first run this only has that run bring all that was lost.
        """
        self._lost = True
        if self._welcomed:
            self._then_resync = True
            self._start()

    def _start(self) -> None:
        self._runs.rerun()
        self.running = self._begun = True
        self._cursor = None
        self._truncated = False
        self._patience = ASK_AGAIN_SECONDS
        self._ask(self._serial + 1)

    def pause(self) -> None:
        """Hold live frames and ask for nothing until `rerun`: frames were lost, and none may overtake them."""
        self.running = self._lost = True
        self._begun = False
        self._asked_at = None

    def hold(self, note: notes.Live, frame: bytes) -> None:
        """Keep a live frame until the backlog ends.

        Without room for it, all kept frames are dropped, and a backlog under way, which brings what they said, begins
        anew. Its current page is ignored: it may hold a message that a dropped frame withdrew.
        """
        if self._held.add(note, frame):
            return
        frames_dropped.labels("held").inc(len(self._held) + 1)
        self._held = Held()
        self._then_resync = self._lost = True
        if self._begun:
            self._start()

    def take(self, page: notes.BacklogPage) -> None:
        """Push a page that answers the outstanding request; ignore any other, which came twice or late."""
        self._pages.answered(self._user_id, self._connection_id, page.serial)
        if not self.running or self._asked_at is None or page.serial != self._serial:
            return
        self._asked_at = None
        for name, after, _, whole in page.runs:
            self._truncated = self._truncated or not whole
            self._runs.begin(name, after, whole=whole)
        for name, seq in page.tops:
            self._runs.know(name, seq)
        ids = page.ids or (0,) * len(page.places)
        for (name, seq), raw, message_id in zip(page.places, page.frames, ids, strict=True):
            if self._runs.take(name, seq, own=False) is Place.NEXT:
                self._queued(name, message_id)
                self._outbound.push(self._held.as_it_stands(name, seq, frames.text(raw)), bounded=False)
        self._outbound.wake()
        self._cursor = page.cursor
        if self._cursor is None:
            self._finish()
        else:
            self.answered()

    def answered(self) -> None:
        """Ask for the next page, if the device has answered for everything pushed."""
        if self._begun and self._asked_at is None and self._runs.all_answered:
            self._ask(self._serial + 1)

    def tick(self, now: float) -> None:
        """Ask again for a page that is long overdue, at growing intervals: the workers may be away or busy.

        `now` is monotonic. The serial stays the same: a late answer to the first request is as good as the next.
        """
        if self.running and self._asked_at is not None and now - self._asked_at > self._patience:
            self._patience = min(self._patience * 2, _ASK_AGAIN_MOST)
            self._ask(self._serial)

    def leave(self) -> None:
        """Ask for no more pages: the connection is closed, and the user's other connections must not wait for it."""
        self._gone = True
        self._pages.gone(self._user_id, self._connection_id)

    def _ask(self, serial: int) -> None:
        if self._gone:
            return
        self._serial = serial
        self._asked_at = self._clock()
        self._pages.ask((self._connection_id, serial, self._user_id, self._cursor))

    def _finish(self) -> None:
        self.running = self._begun = False
        self._outbound.push(frames.message("backlog_end", {"truncated": self._truncated}))
        if self._then_resync:
            self._then_resync = False
            self._outbound.push(frames.message("resync", {"conversation_id": None}))
        held, self._held = self._held, Held()
        for note, frame in held.release():
            self._take_live(note, frame)
