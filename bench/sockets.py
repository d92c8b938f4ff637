"""Connected devices, a process of its own: `python -m bench.sockets`, with orders as lines on standard input.

The first line is JSON and names the users to connect; it is answered when all are online. After it, `reset` sets the
counts to zero and `report` answers with them. Every device answers pings, as real ones do: that proves delivery.
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
from bench.load import percentile
from bench.requests import MARK

_TEXT, _CLOSE, _PING = 1, 8, 9
_ONLINE = b'{"type":"backlog_end"'
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
    times: list[int] = field(default_factory=list)


class Swarm:
    """All devices of one process. They count all messages, and time those to their own user that have a stamp."""

    def __init__(self, host: str, port: int, users: range, *, at_once: int) -> None:
        self._address = (host, port)
        self._to_come = deque(users)
        self._at_once = at_once
        self._poll = select.epoll()
        self._devices: dict[int, _Device] = {}
        self._online = self._lost = 0
        self._connected = 0
        self.counted = _Counted()

    def connect(self) -> dict[str, Any]:
        """Connect all devices. Returns how many are online and how many lost, the seconds, and the fewest messages."""
        wanted, began = len(self._to_come), time.monotonic_ns()
        while self._online + self._lost < wanted and time.monotonic_ns() - began < _TIMEOUT * 1e9:
            while self._to_come and len(self._devices) - self._online < self._at_once:
                self._open(self._to_come.popleft())
            self._step(0.05)
        least = min((device.messages for device in self._devices.values()), default=0)
        took = (time.monotonic_ns() - began) / 1e9
        return {"online": self._online, "lost": self._lost, "seconds": took, "least_messages": least}

    def serve(self) -> None:
        """Read frames, and obey the lines of standard input, until it ends."""
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        while True:
            if sys.stdin.fileno() in self._step(1.0):
                line = sys.stdin.buffer.raw.readline()  # type: ignore[attr-defined]
                if not line:
                    return
                self._obey(line.strip())

    def _obey(self, order: bytes) -> None:
        counted = self.counted
        if order == b"reset":
            self.counted = _Counted()
            print("{}", flush=True)
            return
        times = sorted(counted.times)
        told = {"frames": counted.frames, "last": counted.last, "lost": self._lost, "timed": len(times)}
        print(json.dumps(told | {"p50": percentile(times, 0.5), "p99": percentile(times, 0.99)}), flush=True)

    def _open(self, user: int) -> None:
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        sock.bind((f"127.0.0.{2 + self._connected // _PORTS_EACH}", 0))
        sock.connect(self._address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connected += 1
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall(
            f"GET /message/v1/ws?user={user} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Authorization: Bearer {people.token(user)}\r\n\r\n".encode()
        )
        sock.setblocking(False)
        self._devices[sock.fileno()] = _Device(sock, b'"to_user_id":%d,' % user)
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
        elif opcode == _TEXT and payload.startswith(_MESSAGE):
            device.messages += 1
            self._count(device, payload, now)
        elif opcode == _TEXT and not device.online and payload.startswith(_ONLINE):
            device.online = True
            self._online += 1

    def _count(self, device: _Device, payload: bytes, now: int) -> None:
        self.counted.frames += 1
        self.counted.last = now
        at = payload.find(MARK)
        if at >= 0 and device.mine in payload:
            self.counted.times.append(now - int(payload[at + 2 : at + 22]))

    def _lose(self, number: int, device: _Device) -> None:
        self._poll.unregister(number)
        device.sock.close()
        del self._devices[number]
        self._online -= device.online
        self._lost += 1


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
    users = people.users(orders["first"], orders["count"])
    swarm = Swarm(orders["host"], orders["port"], users, at_once=orders.get("at_once", 64))
    print(json.dumps(swarm.connect()), flush=True)
    swarm.serve()


if __name__ == "__main__":
    main()
