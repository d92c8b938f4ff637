"""Tests that a burst of large notes is cut into parts, on its way into Redis and on its way out."""

import threading
from collections.abc import Iterator
from contextlib import suppress

from infra import bus, channels
from infra.bus import Listener
from infra.notes import Frame, Note, encode
from infra.redis import client
from tests.processes import PATIENCE, wait_until
from tests.servers import RedisServer

OWN = channels.of_relay("relay")
LARGE = 100_000


class _Ended(BaseException):
    """Raised to end a loop that would never end."""


class Heard:
    """A listener in a thread, which records the most bytes of notes that it takes between two pauses."""

    def __init__(self) -> None:
        self.most = self.count = self._since = 0
        self.restored = threading.Event()
        self._ending = False
        self.listener = Listener(OWN, self._on_note, self.restored.set, sleep=self._sleep)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self.restored.wait(PATIENCE)

    def end(self) -> None:
        self._ending = True
        bus.publish([large()] * 10)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with suppress(_Ended):
            self.listener.run()

    def _on_note(self, _channel: str, note: Note) -> None:
        self._since += len(encode(note))
        self.count += 1
        self.most = max(self.most, self._since)

    def _sleep(self, _seconds: float) -> None:
        self._since = 0
        if self._ending:
            raise _Ended


def large() -> tuple[str, Note]:
    """Returns a channel and a note of a little over LARGE bytes."""
    return OWN, Frame(b"x" * LARGE)


def test_the_listener_lets_others_work_long_before_a_queue_of_2_mib_is_full(redis: RedisServer) -> None:
    heard = Heard()
    heard.start()
    bus.publish(large() for _ in range(100))
    wait_until(lambda: heard.count == 100, "all to be heard")
    assert heard.most <= 1024 * 1024
    heard.end()


def test_no_more_than_4_mib_wait_in_one_pipeline(redis: RedisServer) -> None:
    """Redis buffers for a relay what the relay has not read yet, and disconnects it at 32 MB."""
    waiting: list[int] = []

    def notes() -> Iterator[tuple[str, Note]]:
        for drawn in range(200):
            found = client().info("commandstats").get("cmdstat_publish", {"calls": 0})
            waiting.append(drawn - found["calls"])
            yield large()

    bus.publish(notes())
    assert max(waiting) * LARGE <= 4 * 1024 * 1024
    assert client().info("commandstats")["cmdstat_publish"]["calls"] == 200
