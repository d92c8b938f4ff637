"""Sends a message at a steady rate, and repeats each one until it is answered."""

import secrets
import threading
import time
from dataclasses import dataclass

from drill.accounts import Account
from drill.door import Away, Denied, Door

_GIVE_UP_SECONDS = 30.0
_MOST_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was answered with 200. `seconds` passed since it was first tried, `attempts` times."""

    key: str
    message_id: int
    seq: int
    began: float
    seconds: float
    attempts: int
    failed_with: str  # the last failure before the answer, empty when there was none


class Sender:
    """An account that sends to a friend until `ended` is set, and pauses while `going` is not.

    `began` has when each key was first tried.
    """

    def __init__(
        self,
        door: Door,
        account: Account,
        to: Account,
        *,
        every: float,
        going: threading.Event,
        ended: threading.Event,
    ) -> None:
        self.account = account
        self.to = to
        self.sent: list[Sent] = []
        self.given_up: list[str] = []  # a reason each
        self.began: dict[str, float] = {}
        self._door = door
        self._every = every
        self._going = going
        self._ended = ended
        self._name = secrets.token_hex(4)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, after: float) -> None:
        """Begin to send, after so many seconds."""
        self._due = time.monotonic() + after
        self._thread.start()

    def join(self) -> None:
        """Wait until the last message is answered or given up."""
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(max(0.0, self._due - time.monotonic())):
            self._going.wait()
            number += 1
            self._send(f"drill.{self._name}.{number}")
            self._due = max(self._due + self._every, time.monotonic() - self._every)  # what was missed is not made good
        self._door.close()

    def _send(self, key: str) -> None:
        began = self.began[key] = time.monotonic()
        body = {"to_user_id": self.to.id, "content": key, "client_msg_id": key}
        attempts, failed_with = 1, ""
        while True:
            try:
                message = self._door.call("/message/v1/send", body, self.account.token)["message"]
            except Away as error:
                failed_with = str(error)
                if time.monotonic() - began > _GIVE_UP_SECONDS:
                    self.given_up.append(failed_with)
                    return
                # At once the first time: another process may be there already.
                time.sleep(min(_MOST_PAUSE, max(error.seconds, 0.2 * (attempts - 1))))
                attempts += 1
            except Denied as error:
                self.given_up.append(str(error))
                return
            else:
                seconds = time.monotonic() - began
                self.sent.append(Sent(key, message["id"], message["seq"], began, seconds, attempts, failed_with))
                return
