"""The load of a drill: pairs of friends, each with a device that stays connected, who write to each other."""

import math
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from drill import accounts
from drill.accounts import Account
from drill.device import Device
from drill.door import Away, Denied, Door
from drill.sending import Sender, Sent

MOST_SENDS = 100.0  # a second
_SENDS_OF_ONE = 5.0  # a second; the limit is 600 a minute
_ONLINE_SECONDS = 30.0


class Load:
    """Pairs who are ready to write to each other. Raises Away and Denied while they are made."""

    def __init__(self, web: str, realtime: str, *, sends: float, trusted: ssl.SSLContext | None = None) -> None:
        self._web = web
        self._trusted = trusted
        self._going = threading.Event()
        self._going.set()
        self._ended = threading.Event()
        door = self.door()
        self.pairs = [accounts.new_pair(door) for _ in range(math.ceil(min(sends, MOST_SENDS) / _SENDS_OF_ONE / 2))]
        self._every = 2 * len(self.pairs) / sends
        both = [way for pair in self.pairs for way in ((pair.one, pair.other), (pair.other, pair.one))]
        self.devices = {one.id: Device(realtime, one, trusted) for one, _ in both}
        self.senders = [
            Sender(self.door(), *way, every=self._every, going=self._going, ended=self._ended) for way in both
        ]
        door.close()

    def door(self) -> Door:
        """Returns a new client of the REST door."""
        return Door(self._web, self._trusted)

    def wait_online(self) -> bool:
        """Wait until all devices are online. Returns whether they are, after half a minute at most."""
        return all(device.online.wait(_ONLINE_SECONDS) for device in self.devices.values())

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have all send as long as the block runs, and until each of their messages is answered. Devices stay."""
        for device in self.devices.values():
            device.start()
        try:
            if not self.wait_online():
                raise Away("not all sockets came online")
            for number, sender in enumerate(self.senders):
                sender.start(after=self._every * number / len(self.senders))
            yield
        except BaseException:
            self.leave()
            raise
        finally:
            self.cease()
        for sender in self.senders:
            sender.join()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Have nobody begin a send as long as the block runs."""
        self._going.clear()
        try:
            yield
        finally:
            self._going.set()

    def cease(self) -> None:
        """Have nobody begin another send."""
        self._ended.set()

    def leave(self) -> None:
        """Close all sockets."""
        for device in self.devices.values():
            device.stop()

    def close_accounts(self) -> None:
        """Close all accounts, unless the door is away."""
        door = self.door()
        with suppress(Away, Denied):
            for account in self._accounts():
                accounts.close(door, account)
        door.close()

    def sent_to(self, account: Account) -> list[Sent]:
        """Returns all answered messages to an account."""
        return [sent for sender in self.senders if sender.to == account for sent in sender.sent]

    def missing(self) -> int:
        """Returns how many answered messages have not reached their recipient's device yet."""
        return sum(
            sent.key not in self.devices[account.id].got
            for account in self._accounts()
            for sent in self.sent_to(account)
        )

    def _accounts(self) -> Iterator[Account]:
        for pair in self.pairs:
            yield from (pair.one, pair.other)
