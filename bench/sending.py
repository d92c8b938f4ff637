"""Sends messages over the sockets of the connected devices."""

import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from bench.requests import frame_maker, stamp

SENT = b'{"type":"sent"'
REFUSED = b'{"type":"error"'
_OWN = b'"client_msg_id":"'
_DIGITS = 20
_PATIENCE = 10.0  # seconds after the end in which answers may come
_SHOWN = 200  # characters of a refusal that are reported

Find = Callable[[int], socket.socket]


class Sending:
    """Keeps `at_once` messages on their way for some seconds, each over the socket of the user whose turn it is."""

    def __init__(self, orders: dict[str, Any], find: Find) -> None:
        self._make = frame_maker(orders["first"], orders["count"], orders.get("senders", orders["count"]))
        self._find = find
        self._on_way: set[int] = set()
        self._last = 0
        self._times: list[tuple[int, int]] = []
        self._refused: Counter[str] = Counter()
        self._began, self._cpu = time.monotonic_ns(), time.process_time_ns()
        self._ends = self._began + int(orders["seconds"] * 1e9)
        for _ in range(orders["at_once"]):
            self._fire(time.monotonic_ns())

    def take(self, payload: bytes, now: int) -> None:
        """Take an answer, `sent` or `error`, and send the next message."""
        at = payload.find(_OWN) + len(_OWN)
        own = int(payload[at : at + _DIGITS]) if at >= len(_OWN) else 0
        if payload.startswith(REFUSED):
            self._refused[payload[:_SHOWN].decode(errors="replace")] += 1
            self._ends = now  # one is too many already
        elif own in self._on_way:
            self._times.append((own, now))
        self._on_way.discard(own)
        if now < self._ends:
            self._fire(now)

    def over(self) -> bool:
        """Returns whether the time is up and all answers have come, or are late beyond patience."""
        now = time.monotonic_ns()
        return now >= self._ends and (not self._on_way or now >= self._ends + _PATIENCE * 1e9)

    def report(self) -> dict[str, Any]:
        """Returns the counts of answers, of refusals and of those that never came, and the times."""
        ended = time.monotonic_ns()
        return {
            "answered": len(self._times),
            "refused": self._refused,
            "unanswered": len(self._on_way),
            "began": self._began,
            "ended": ended,
            "times": self._times,
            "cpu": (time.process_time_ns() - self._cpu) / (ended - self._began),
        }

    def _fire(self, now: int) -> None:
        self._last = max(now, self._last + 1)  # a stamp is also a client_msg_id: no two alike
        user, frame = self._make(stamp(self._last))
        self._on_way.add(self._last)
        self._find(user).sendall(frame)
