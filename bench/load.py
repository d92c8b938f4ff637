"""The load generator, a process of its own: `python -m bench.load`, with its orders as JSON on standard input.

It speaks keep-alive HTTP/1.1 over epoll, at about 15 µs a request, so that it is never the bottleneck; it reports its
share of a CPU. Without `rate` every client sends as soon as it is answered. With it, that many requests a second are
spread over the clients, and the time of a request that finds no client free counts from when it was due.
"""

import json
import select
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from bench.requests import Make, maker, stamp

_LOOK_AGAIN = 0.05
_SHOWN = 100  # characters of a refusal that are reported


@dataclass(slots=True)
class _Client:
    sock: socket.socket
    sent_at: int = 0
    buffer: bytes = b""


@dataclass(slots=True)
class _Load:
    make: Make
    clients: dict[int, _Client]
    step: float | None  # nanoseconds from one request to the next, None for as fast as answers come
    ends: int
    due: float
    idle: deque[_Client] = field(default_factory=deque)
    waiting: deque[float] = field(default_factory=deque)
    starved: bool = False
    last: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by the status line and the body of the answer
    times: list[tuple[int, int]] = field(default_factory=list)  # when a request was sent, and when it was answered

    def run(self) -> None:
        """Send requests until the end, and then wait for every answer."""
        poll = select.epoll()
        for number in self.clients:
            poll.register(number, select.EPOLLIN)
        self.idle.extend(self.clients.values())
        while (now := time.monotonic_ns()) < self.ends or len(self.idle) < len(self.clients):
            if now < self.ends:
                self._send(now)
            for number, _ in poll.poll(self._pause(now)):
                self._receive(self.clients[number])

    def _pause(self, now: int) -> float:
        return _LOOK_AGAIN if self.step is None or now >= self.ends else max(0.0, (self.due - now) / 1e9)

    def _send(self, now: int) -> None:
        if self.step is None:
            while self.idle:
                self._fire(self.idle.popleft(), now)
            return
        while self.due <= now:
            self.waiting.append(self.due)
            self.due += self.step
        while self.waiting and self.idle:
            due = self.waiting.popleft()
            self._fire(self.idle.popleft(), int(due) if self.starved else now)
        self.starved = bool(self.waiting)

    def _fire(self, client: _Client, at: int) -> None:
        client.sent_at = self.last = max(at, self.last + 1)  # a stamp is also a client_msg_id: no two alike
        client.sock.sendall(self.make(stamp(client.sent_at)))

    def _receive(self, client: _Client) -> None:
        received = client.sock.recv(262_144)
        if not received:
            raise ConnectionError("the server hung up")
        client.buffer += received
        status = _status(client.buffer)
        if status is None:
            return
        now = time.monotonic_ns()
        if status == b"200":
            self.times.append((client.sent_at, now))
        else:
            self.refused[f"{status.decode()} {client.buffer[-_SHOWN:].decode()}"] += 1
        client.buffer = b""
        if self.step is None and now < self.ends:
            self._fire(client, now)
        else:
            self.idle.append(client)


def _status(answer: bytes) -> bytes | None:
    """Returns the HTTP status of an answer, None while some of it is still to come."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return None
    at = answer.index(b"ontent-Length: ", 0, end) + 15
    length = int(answer[at : answer.index(b"\r", at)])
    return answer[9:12] if len(answer) >= end + 4 + length else None


def percentile(ordered: list[int], share: float) -> float:
    """Returns a percentile of sorted nanoseconds, in milliseconds; NaN when there are none. `share` is 0 to 1."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6 if ordered else float("nan")


def _connect(host: str, port: int, count: int) -> dict[int, _Client]:
    socks = [socket.create_connection((host, port)) for _ in range(count)]
    for sock in socks:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return {sock.fileno(): _Client(sock) for sock in socks}


def main(orders: dict[str, Any]) -> dict[str, Any]:
    """Make load by these orders: kind, host, port, first, count, clients, seconds; optionally rate, most, size, times.

    Returns the counts of answers and refusals, began and ended (monotonic nanoseconds), p50 and p99 (ms), and cpu; with
    `times` also when each request was sent, by which its message is known, and when it was answered.
    """
    host = f"{orders['host']}:{orders['port']}"
    more = {"size": orders["size"]} if "size" in orders else {}
    make = maker(orders["kind"], host, orders["first"], orders["count"], orders.get("most"), **more)
    clients = _connect(orders["host"], orders["port"], orders["clients"])
    step = 1e9 / orders["rate"] if orders.get("rate") else None
    began, cpu = time.monotonic_ns(), time.process_time_ns()
    load = _Load(make, clients, step, ends=began + int(orders["seconds"] * 1e9), due=float(began))
    load.run()
    ended = time.monotonic_ns()
    times = sorted(answered - sent for sent, answered in load.times)
    return {
        "answered": len(times),
        "refused": load.refused,
        "began": began,
        "ended": ended,
        "p50": percentile(times, 0.5),
        "p99": percentile(times, 0.99),
        "cpu": (time.process_time_ns() - cpu) / (ended - began),
        "times": load.times if orders.get("times") else [],
    }


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
