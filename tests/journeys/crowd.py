"""A group whose members write, read, join and leave at the same time, and what each of them must have seen at the end.

The owner sees everything, so the owner's history says who was a member from which message to which.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import requests

from tests.device import Device
from tests.people import User, Web, answer, conversations, new_user, unread
from tests.processes import wait_until

Message = dict[str, Any]
Range = tuple[int, int | None]  # the first seq that a member sees, and the last one; None while they are in it

_CAME = ("created", "members_added", "member_joined")
_WENT = ("members_removed", "member_left")
_REFUSED = {
    103001,
    103004,
    103005,
    103007,
    104001,
    104003,
    104004,
    104005,
}  # by a change that somebody else made meanwhile
_PAGE = 100


class Crowd:
    """A group of `size` members, each with a device that connects again whenever its socket ends."""

    def __init__(self, web: Web, sockets: Sequence[str], *, size: int, seed: int) -> None:
        self._web = web
        self._sockets = sockets
        self._seed = seed
        with ThreadPoolExecutor(8) as pool:
            self.owner, *self.others = pool.map(lambda _: new_user(web), range(size))
        made = self._call(self.owner, "create", name="crowd")["group"]
        self.group_id, self.name = made["id"], made["conversation_id"]
        self._devices: dict[int, list[Device]] = {user.id: [self._device(user)] for user in self.users}
        for user in self.others:
            self._call(user, "join")
        self._acknowledged: dict[str, int] = {}  # client_msg_id → message id
        self._ended = threading.Event()

    @property
    def users(self) -> list[User]:
        """Returns all, whether they are in the group now or not."""
        return [self.owner, *self.others]

    def live(self, *, senders: int, seconds: float, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Have `senders` members write while others read, join and leave: as `meanwhile` runs, and `seconds` more."""
        writing = self.others[:senders]
        moving = self.others[senders:]
        jobs: list[Callable[[Random], object]] = [
            *(lambda random, user=user: self._write(user, random) for user in writing),
            *(lambda random: self._move(random.choice(moving), random) for _ in range(3)),
            *(lambda random: self._read(random.choice(self.users[::3]), random) for _ in range(3)),
        ]
        with ThreadPoolExecutor(len(jobs) + 1) as pool:
            running = [pool.submit(self._repeat, job, self._seed + place) for place, job in enumerate(jobs)]
            running.append(pool.submit(self._keep_connected))
            try:
                meanwhile()
                self._ended.wait(seconds)
            finally:
                self._ended.set()
        for each in running:
            each.result()

    def check(self) -> None:
        """Fail unless all have seen what they must see, nothing else, and have the right unread count.

        Who came back before their devices had got all of what they saw until they left no longer sees the rest.
        """
        told = self._history(self.owner)
        assert [each["seq"] for each in told] == list(range(1, len(told) + 1))
        stored = {each["client_msg_id"]: each["id"] for each in told if each["client_msg_id"]}
        assert {key: stored.get(key) for key in self._acknowledged} == self._acknowledged
        ranges = _ranges(told)
        for user in self.users:
            self._return(user)
            seen = ranges[user.id]
            self._check_frames(user, len(told), seen)
            self._check_history(user, told, seen[-1])

    def _check_frames(self, user: User, last: int, seen: list[Range]) -> None:
        first, upto = seen[-1]
        read_seq = conversations(self._web, user)[self.name]["read_seq"]
        wanted = set(range(max(first, read_seq + 1), (upto or last) + 1))  # what is read elsewhere comes by sync alone
        wait_until(lambda: wanted <= self._got(user), f"user {user.id} to get seqs {first} to {upto or last}")
        allowed = {seq for first, upto in seen for seq in range(first, (upto or last) + 1)}
        assert self._got(user) <= allowed, f"user {user.id} got {self._got(user) - allowed}"
        for device in self._devices[user.id]:
            once = list(dict.fromkeys(device.seqs(self.name)))
            assert once == sorted(once), "in order, repeats aside"

    def _check_history(self, user: User, told: list[Message], seen: Range) -> None:
        first, upto = seen
        due = [each for each in told if first <= each["seq"] <= (upto or len(told))]
        assert [each["seq"] for each in self._history(user)] == [each["seq"] for each in due]
        view = conversations(self._web, user)[self.name]
        counts = sum(
            each["seq"] > view["read_seq"]
            and each["from_user_id"] != user.id
            and each["message_type"] != 0
            and each["status"] == 1
            for each in due
        )
        assert (view["first_seq"], view["last_seq"], view["unread_count"]) == (first, upto or len(told), counts)
        assert unread(self._web, user, self.name) == unread(self._web, user) == counts

    def _got(self, user: User) -> set[int]:
        """Returns the seqs of all messages of which the user's devices were told anything."""
        kinds = ("new_message", "message_recalled", "message_deleted")
        frames = [frame for device in self._devices[user.id] for frame in list(device.frames)]
        pushed = {frame["content"]["seq"] for frame in frames if frame["type"] in kinds}
        cut_off = any(frame["type"] == "backlog_end" and frame["content"]["truncated"] for frame in frames)
        return pushed | (self._synced(user) if cut_off else set())

    def _synced(self, user: User) -> set[int]:
        """Returns the seqs that a client learns by sync, which begins with those that it sees now."""
        found: set[int] = set()
        while True:
            body = {"heads": {self.name: max(found, default=0)}}
            moved = answer(self._web.post("/message/v1/sync", body, user.token))["conversations"]
            mine = [each for each in moved if each["conversation"]["conversation_id"] == self.name]
            found |= {message["seq"] for each in mine for message in each["messages"]}
            if not any(each["truncated"] for each in mine):
                return found

    def _history(self, user: User) -> list[Message]:
        found: list[Message] = []
        after = 0
        while True:
            body = {"conversation_id": self.name, "after_seq": after, "limit": _PAGE}
            page = answer(self._web.post("/message/v1/history", body, user.token))
            found += page["messages"]
            if not page["has_more"]:
                return found
            after = found[-1]["seq"]

    def _repeat(self, job: Callable[[Random], object], seed: int) -> None:
        random = Random(seed)
        while not self._ended.wait(random.uniform(0.02, 0.1)):
            job(random)

    def _write(self, user: User, random: Random) -> None:
        key = f"{user.id} {random.getrandbits(60):x}"
        body = {"group_id": self.group_id, "content": key, "client_msg_id": key}
        sent = self._insist("/message/v1/send", body, user)
        if sent is None:
            return
        self._acknowledged[key] = sent["message"]["id"]
        if random.random() < 0.05:
            self._insist("/message/v1/recall", {"message_id": sent["message"]["id"]}, user)

    def _move(self, user: User, random: Random) -> None:
        """Have somebody leave, or be removed, and somebody come back."""
        if random.random() < 0.5:
            self._insist("/group/v1/leave", {"group_id": self.group_id}, user)
        else:
            self._insist("/group/v1/remove", {"group_id": self.group_id, "user_ids": [user.id]}, self.owner)
        if random.random() < 0.8:
            self._insist("/group/v1/join", {"group_id": self.group_id}, user)

    def _read(self, user: User, random: Random) -> None:
        last = self._insist("/message/v1/history", {"conversation_id": self.name, "limit": 10}, user)
        messages = last["messages"] if last else []
        body = {"conversation_id": self.name}
        if messages and random.random() < 0.5:
            body["message_id"] = random.choice(messages)["id"]
        self._insist("/message/v1/read", body, user)

    def _insist(self, path: str, body: dict[str, Any], user: User) -> Any:
        """Returns the answer to a call, repeated while the service is away; None when a rule refused it."""
        while True:
            try:
                response = self._web.post(path, body, user.token, timeout=10)
            except requests.RequestException:
                time.sleep(0.1)
                continue
            if response.status_code == 503:
                time.sleep(0.1)
            elif response.status_code == 200:
                return response.json()
            else:
                assert response.json()["code"] in _REFUSED, response.text
                return None

    def _keep_connected(self) -> None:
        while not self._ended.wait(0.1):
            for user in self.users:
                try:
                    self._return(user)
                except OSError:
                    continue  # the relay is away: the next round tries again

    def _return(self, user: User) -> None:
        """Connect again if the socket has ended."""
        if self._devices[user.id][-1].gone:
            self._devices[user.id].append(self._device(user))

    def _device(self, user: User) -> Device:
        return Device(self._sockets[user.id % len(self._sockets)], user.token)

    def _call(self, user: User, path: str, **body: Any) -> Any:
        group = {} if path == "create" else {"group_id": self.group_id}
        return answer(self._web.post(f"/group/v1/{path}", group | body, user.token))


def _ranges(told: list[Message]) -> dict[int, list[Range]]:
    """Returns what each user may see, one range for each time that they were a member, by the system messages."""
    found: dict[int, list[Range]] = defaultdict(list)
    for message in told:
        if message["message_type"]:
            continue
        event, users = message["extra"]["event"], message["extra"].get("user_ids", [])
        for user in users:
            if event in _CAME:
                found[user].append((message["seq"], None))
            elif event in _WENT:
                found[user][-1] = (found[user][-1][0], message["seq"])
    return found
