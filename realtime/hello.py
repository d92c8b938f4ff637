"""What a hello tells, read for all who connect at the same time in one transaction.

In one each, two thousand who come back at once would wait for connections to the database longer than one may.
"""

from datetime import datetime

from gevent.event import AsyncResult

from db.session import DatabaseUnavailable, run
from infra import logs
from messaging.conversations import total_unread
from realtime.batches import Batches

log = logs.get(__name__)

Told = tuple[int, datetime]  # unread messages, and the database's clock


class Hellos:
    """`run` has to run for anything to be told."""

    def __init__(self) -> None:
        self._batches: Batches[tuple[int, AsyncResult[Told | None]]] = Batches(self._read)
        self.run = self._batches.run

    def ask(self, user_id: int) -> Told | None:
        """What to tell the user; None when the database is away."""
        told: AsyncResult[Told | None] = AsyncResult()
        self._batches.add((user_id, told))
        return told.get()

    @staticmethod
    def _read(batch: list[tuple[int, "AsyncResult[Told | None]"]]) -> None:
        found: list[Told] | list[None] = [None] * len(batch)
        try:
            found = run(lambda session, now: [(total_unread(session, user), now) for user, _ in batch], write=False)
        except DatabaseUnavailable as error:
            log.warning("hello_failed", connections=len(batch), reason=str(error))
        except Exception:
            log.exception("hello_stumbled")
        for (_, told), answer in zip(batch, found, strict=True):
            told.set(answer)
