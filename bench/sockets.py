"""Connected devices, a process of its own: `python -m bench.sockets`, with orders as lines on standard input.

The first line is JSON and names the users to connect; it is answered when all are online. After it, `reset` sets the
counts to zero, `report` answers with them, `times` with when each message's frame was read. `send`, with JSON behind
it, has the devices send messages themselves. Every device answers pings, as real ones do: that proves delivery.
"""

import base64
import json
import os
import resource
import select
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from bench import people
from bench.requests import MARK
from bench.sending import REFUSED, SENT, Sending

_TEXT, _CLOSE, _PING = 1, 8, 9
_ONLINE = "backlog_end"  # the type of the frame after which a device is online
_DELIVERED = b'{"type":"delivered"'
_MESSAGE = b'{"type":"new_message"'
_PORTS_EACH = 4_000  # sockets from one source address: far below what a system has ports for
_BIND_ADDRESS_NO_PORT = 24  # Linux picks the port when it knows the peer, and may reuse it for other peers
_TIMEOUT = 150.0


@dataclass(slots=True)
class _Device:
    sock: socket.socket
    mine: bytes
    buffer: bytearray = field(default_factory=bytearray)
    upgraded: bool = False
    online: bool = False
    messages: int = 0


@dataclass(slots=True)
class _Counted:
    frames: int = 0
    last: int = 0
    delivered: int = 0
    times: dict[int, int] = field(default_factory=dict)  # by a message's stamp: when its frame was first read
    began: int = field(default_factory=time.monotonic_ns)
    cpu: int = field(default_factory=time.process_time_ns)


class Swarm:
    """All devices of one process. They count all messages, and time those to their own user that have a stamp."""

    def __init__(self, host: str, port: int, users: range, *, at_once: int, online: str) -> None:
        self._address = (host, port)
        self._to_come = deque((user, _upgrade_request(user)) for user in users)
        self._at_once = at_once
        self._greeting = b'{"type":"%s"' % online.encode()
        self._poll = select.epoll()
        self._devices: dict[int, _Device] = {}
        self._by_user: dict[int, _Device] = {}
        self._online = self._lost = 0
        self._connected = 0
        self._sending: Sending | None = None
        self.counted = _Counted()

    def connect(self) -> dict[str, Any]:
        """Connect all devices. Returns how many are online and how many lost, the seconds, and the fewest messages."""
        wanted, began = len(self._to_come), time.monotonic_ns()
        while self._online + self._lost < wanted and time.monotonic_ns() - began < _TIMEOUT * 1e9:
            while self._to_come and len(self._devices) - self._online < self._at_once:
                self._open(*self._to_come.popleft())
            self._step(0.05)
        least = min((device.messages for device in self._devices.values()), default=0)
        took = (time.monotonic_ns() - began) / 1e9
        return {"online": self._online, "lost": self._lost, "seconds": took, "least_messages": least}

    def serve(self) -> None:
        """Read frames, and obey the lines of standard input, until it ends."""
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        while True:
            if sys.stdin.fileno() in self._step(0.05 if self._sending else 1.0):
                line = sys.stdin.buffer.raw.readline()  # type: ignore[attr-defined]
                if not line:
                    return
                self._obey(*line.strip().partition(b" ")[::2])
            if self._sending and self._sending.over():
                _answer(self._sending.report())
                self._sending = None

    def _obey(self, order: bytes, given: bytes) -> None:
        counted = self.counted
        if order == b"reset":
            self.counted = _Counted()
            _answer({})
        elif order == b"report":
            share = (time.process_time_ns() - counted.cpu) / (time.monotonic_ns() - counted.began)
            told = {"frames": counted.frames, "last": counted.last, "lost": self._lost, "timed": len(counted.times)}
            _answer(told | {"delivered": counted.delivered, "cpu": share})
        elif order == b"times":
            _answer({"times": list(counted.times.items())})
        elif order == b"send":
            self._sending = Sending(json.loads(given), lambda user: self._by_user[user].sock)

    def _open(self, user: int, request: bytes) -> None:
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        sock.bind((f"127.0.0.{2 + self._connected // _PORTS_EACH}", 0))
        sock.connect(self._address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connected += 1
        sock.sendall(request)
        sock.setblocking(False)
        device = _Device(sock, b'"to_user_id":%d,' % user)
        self._devices[sock.fileno()] = self._by_user[user] = device
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _step(self, seconds: float) -> list[int]:
        ready = [number for number, _ in self._poll.poll(seconds)]
        for number in ready:
            if device := self._devices.get(number):
                self._receive(number, device)
        return ready

    def _receive(self, number: int, device: _Device) -> None:
        try:
            received = device.sock.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._lose(number, device)
            return
        device.buffer += received
        if device.upgraded or self._upgrade(number, device):
            now = time.monotonic_ns()
            for opcode, payload in _frames(device.buffer):
                self._take(device, opcode, payload, now)

    def _upgrade(self, number: int, device: _Device) -> bool:
        end = device.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        if device.buffer[9:12] != b"101":
            self._lose(number, device)
            return False
        del device.buffer[: end + 4]
        device.upgraded = True
        return True

    def _take(self, device: _Device, opcode: int, payload: bytes, now: int) -> None:
        if opcode == _PING:  # masked with zeros, which changes nothing
            device.sock.send(bytes((0x8A, 0x80 | len(payload))) + b"\0\0\0\0" + payload)
        elif opcode != _TEXT:
            return
        elif payload.startswith(_MESSAGE):
            device.messages += 1
            self._count(device, payload, now)
        elif payload.startswith(_DELIVERED):
            self.counted.delivered += 1
        elif self._sending and payload.startswith((SENT, REFUSED)):
            self._sending.take(payload, now)
        elif not device.online and payload.startswith(self._greeting):
            device.online = True
            self._online += 1

    def _count(self, device: _Device, payload: bytes, now: int) -> None:
        self.counted.frames += 1
        self.counted.last = now
        at = payload.find(MARK)
        if at >= 0 and device.mine in payload:
            self.counted.times.setdefault(int(payload[at + 2 : at + 22]), now)

    def _lose(self, number: int, device: _Device) -> None:
        self._poll.unregister(number)
        device.sock.close()
        del self._devices[number]
        self._online -= device.online
        self._lost += 1


def _upgrade_request(user: int) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /message/v1/ws?user={user} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        f"Authorization: Bearer {people.token(user)}\r\n\r\n"
    ).encode()


def _answer(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)


def _frames(buffer: bytearray) -> list[tuple[int, bytes]]:
    """Take the whole frames out of a buffer. Returns their (opcode, payload).

    A server's frames are not masked, and those of the servers measured are not fragmented.
    """
    found, at, size = [], 0, len(buffer)
    while size - at >= 2:
        head, length = 2, buffer[at + 1]
        if length == 126:
            head, length = 4, int.from_bytes(buffer[at + 2 : at + 4], "big")
        elif length == 127:
            head, length = 10, int.from_bytes(buffer[at + 2 : at + 10], "big")
        if size - at < head + length:
            break
        found.append((buffer[at] & 15, bytes(buffer[at + head : at + head + length])))
        at += head + length
    del buffer[:at]
    return found


def main() -> None:
    """Connect the devices that the first line names, then serve."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    orders = json.loads(sys.stdin.buffer.raw.readline())  # type: ignore[attr-defined]
    users = people.users(orders["first"], orders["count"])[:: orders.get("every", 1)]
    at_once, online = orders.get("at_once", 64), orders.get("online", _ONLINE)
    swarm = Swarm(orders["host"], orders["port"], users, at_once=at_once, online=online)
    _answer(swarm.connect())
    swarm.serve()


if __name__ == "__main__":
    main()
