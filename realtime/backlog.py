"""One connection's backlog: pages asked for of a worker, the next when the device has answered for the last.

While it runs, live frames wait. A lost request or answer is asked for again.
"""

import time
from collections.abc import Callable

from infra import notes
from realtime import frames
from realtime.held import Held
from realtime.outbound import Outbound
from realtime.pages import ASK_AGAIN_SECONDS, Pages
from realtime.runs import Place, Runs

_ASK_AGAIN_MOST = 30.0

TakeLive = Callable[[notes.Live, bytes], None]


class Backlog:
    """`take_live(note, frame)` is called with what was held, at the end.

    A new one holds live frames, and asks for nothing yet.
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._runs = runs
        self._outbound = outbound
        self._pages = pages
        self._take_live = take_live
        self._user_id = user_id
        self._connection_id = connection_id
        self._held = Held()
        self._begun = False
        self._serial = 0
        self._cursor: notes.Place | None = None
        self._asked_at: float | None = None
        self._patience = ASK_AGAIN_SECONDS
        self._truncated = False
        self._then_resync = False
        self._gone = False
        self.running = True

    def start(self, *, resync: bool) -> None:
        """Run from the beginning; with `resync`, tell the client at the end that frames may have been lost.

        A link restored before the first run, which `hello` goes before, has lost nothing that this will not bring.
        """
        if resync and not self._serial:
            return
        self._runs.rerun()
        self.running = self._begun = True
        self._cursor = None
        self._truncated = False
        self._then_resync = self._then_resync or resync
        self._patience = ASK_AGAIN_SECONDS
        self._ask(self._serial + 1)

    def pause(self) -> None:
        """Hold live frames, and ask for nothing, until `start`: frames were lost, and none may come before them."""
        self.running = True
        self._begun = False
        self._asked_at = None

    def hold(self, note: notes.Live, frame: bytes) -> None:
        """Keep a live frame for later, as long as there is room.

        Then all that was kept is left out, and what it told is in the backlog, which begins anew: also the page that is
        under way, which may hold what was withdrawn by a frame that was left out.
        """
        if self._held.add(note, frame):
            return
        self._held = Held()
        self._then_resync = True
        if self._begun:
            self.start(resync=True)

    def take(self, page: notes.BacklogPage) -> None:
        """Push a page that answers the request outstanding; another is an answer that came twice, or late."""
        self._pages.answered(self._user_id, self._connection_id, page.serial)
        if not self.running or self._asked_at is None or page.serial != self._serial:
            return
        self._asked_at = None
        for name, after, _, whole in page.runs:
            self._truncated = self._truncated or not whole
            self._runs.begin(name, after, whole=whole)
        for (name, seq), raw in zip(page.places, page.frames, strict=True):
            if self._runs.take(name, seq, own=False) is Place.NEXT:
                self._outbound.push(self._held.as_it_stands(name, seq, frames.text(raw)), bounded=False)
        self._outbound.wake()
        self._cursor = page.cursor
        if self._cursor is None:
            self._finish()
        else:
            self.answered()

    def answered(self) -> None:
        """The device may have answered for all that was pushed: then it is time for the next page."""
        if self._begun and self._asked_at is None and self._runs.all_answered:
            self._ask(self._serial + 1)

    def tick(self, now: float) -> None:
        """Ask again when an answer has been due for long; less and less often, the worker may be away or busy.

        Under the same serial: the answer to the first request, however late, is as good as the next.
        """
        if self.running and self._asked_at is not None and now - self._asked_at > self._patience:
            self._patience = min(self._patience * 2, _ASK_AGAIN_MOST)
            self._ask(self._serial)

    def leave(self) -> None:
        """Ask for nothing any more: the connection has gone, and others must not wait for its pages."""
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
