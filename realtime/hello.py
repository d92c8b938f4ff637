"""What `hello` says, read in one transaction for all users who connect at the same time.

With a transaction each, two thousand reconnecting users would wait too long for connections to the database.
"""

from collections.abc import Mapping

from gevent import Timeout
from gevent.event import AsyncResult

from db.errors import DatabaseUnavailable
from db.session import read
from infra import logs
from messaging.hello import Hello, hellos
from realtime.batches import Batches

log = logs.get(__name__)

_PATIENCE_SECONDS = 30.0  # longer than it takes to find that the database is away


class Hellos:
    """The questions of connections that wait for `hello`. `run` has to run for any to be answered."""

    def __init__(self) -> None:
        self._batches: Batches[tuple[int, AsyncResult[Hello | None]]] = Batches("hello", self._read)
        self.run = self._batches.run

    def ask(self, user_id: int, *, patience: float = _PATIENCE_SECONDS) -> Hello | None:
        """Returns what a user's `hello` says; None if the database is away, or after `patience` seconds."""
        told: AsyncResult[Hello | None] = AsyncResult()
        self._batches.add((user_id, told))
        try:
            return told.get(timeout=patience)
        except Timeout:
            log.warning("hello_failed", connections=1, reason="no answer")
            return None

    @staticmethod
    def _read(batch: list[tuple[int, "AsyncResult[Hello | None]"]]) -> None:
        found: Mapping[int, Hello] = {}
        try:
            found = read(hellos, user_ids=sorted({user_id for user_id, _ in batch}))
        except DatabaseUnavailable as error:
            log.warning("hello_failed", connections=len(batch), reason=str(error))
        except Exception:
            log.exception("hello_stumbled")
        for user_id, told in batch:
            told.set(found.get(user_id))
