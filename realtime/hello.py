"""What a hello tells, read for all who connect at the same time in one transaction.

In one each, two thousand who come back at once would wait for connections to the database longer than one may.
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

_PATIENCE_SECONDS = 30.0  # longer than a database that is away takes to say so

Told = tuple[int, datetime]  # unread messages, and the database's clock


class Hellos:
    """`run` has to run for anything to be told."""

    def __init__(self) -> None:
        self._batches: Batches[tuple[int, AsyncResult[Told | None]]] = Batches("hello", self._read)
        self.run = self._batches.run

    def ask(self, user_id: int, *, patience: float = _PATIENCE_SECONDS) -> Told | None:
        """What to tell the user; None when the database is away, or nobody has answered for `patience` seconds."""
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
