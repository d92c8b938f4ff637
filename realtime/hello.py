"""The content of `hello`, read in one transaction for all users who connect at the same time.

With a transaction each, two thousand reconnecting users would wait too long for connections to the database.
"""

from datetime import datetime

from gevent import Timeout
from gevent.event import AsyncResult

from db.errors import DatabaseUnavailable
from db.session import read
from infra import logs
from messaging.conversations import total_unread
from realtime.batches import Batches

log = logs.get(__name__)

_PATIENCE_SECONDS = 30.0  # longer than it takes to find that the database is away

Told = tuple[int, datetime]  # unread messages, and the database's clock


class Hellos:
    """The questions of connections that wait for `hello`. `run` has to run for any to be answered."""

    def __init__(self) -> None:
        self._batches: Batches[tuple[int, AsyncResult[Told | None]]] = Batches("hello", self._read)
        self.run = self._batches.run

    def ask(self, user_id: int, *, patience: float = _PATIENCE_SECONDS) -> Told | None:
        """Returns the content of a user's `hello`; None if the database is away, or after `patience` seconds."""
        told: AsyncResult[Told | None] = AsyncResult()
        self._batches.add((user_id, told))
        try:
            return told.get(timeout=patience)
        except Timeout:
            log.warning("hello_failed", connections=1, reason="no answer")
            return None

    @staticmethod
    def _read(batch: list[tuple[int, "AsyncResult[Told | None]"]]) -> None:
        found: list[Told] | list[None] = [None] * len(batch)
        try:
            found = read(lambda session, now: [(total_unread(session, user), now) for user, _ in batch])
        except DatabaseUnavailable as error:
            log.warning("hello_failed", connections=len(batch), reason=str(error))
        except Exception:
            log.exception("hello_stumbled")
        for (_, told), answer in zip(batch, found, strict=True):
            told.set(answer)
