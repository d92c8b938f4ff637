"""What is wrong after a load: compares what was answered, what is stored, and what devices have got."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from drill.accounts import Account, Pair, insist
from drill.door import Door
from drill.load import Load
from drill.sending import Sent

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as history shows it."""

    key: str
    message_id: int
    seq: int
    sender_id: int


def of_conversation(name: str, stored: Sequence[Stored], sent: Iterable[Sent]) -> Iterator[str]:
    """Yields what is wrong with a conversation: each answered message must be there once, and no seq may be missing."""
    if [each.seq for each in stored] != list(range(1, len(stored) + 1)):
        yield f"{name}: the seqs have a hole or a repeat"
    keys = [each.key for each in stored]
    if twice := len(keys) - len(set(keys)):
        yield f"{name}: {twice} messages are stored twice"
    there = {each.key: (each.message_id, each.seq) for each in stored}
    if lost := [each for each in sent if there.get(each.key) != (each.message_id, each.seq)]:
        yield f"{name}: {len(lost)} answered messages are not stored as they were answered"


def of_device(user_id: int, order: Sequence[int], missing: int) -> Iterator[str]:
    """Yields what is wrong with what a device has got: the seqs of `order`, each when it first came."""
    if missing:
        yield f"user {user_id}: {missing} answered messages have not reached the device"
    if falls := sum(later < earlier for earlier, later in pairwise(order)):
        yield f"user {user_id}: messages came out of order {falls} times"


def of_load(load: Load) -> list[str]:
    """Returns what is wrong with all conversations of a load, as REST and the devices show it. Raises Away, Denied."""
    door = load.door()
    found = [fault for pair in load.pairs for fault in _of_pair(door, load, pair)]
    given_up = [reason for sender in load.senders for reason in sender.given_up]
    if given_up:
        found.append(f"{len(given_up)} sends were given up, the last after: {given_up[-1]}")
    door.close()
    return found


def _of_pair(door: Door, load: Load, pair: Pair) -> Iterator[str]:
    name = pair.conversation_id
    stored = _history(door, pair.one, name)
    yield from of_conversation(name, stored, [*load.sent_to(pair.one), *load.sent_to(pair.other)])
    for account in (pair.one, pair.other):
        device = load.devices[account.id]
        due = {sent.key for sent in load.sent_to(account)}
        known = {each.key for each in stored} if device.truncated else set()  # the rest comes by sync, from there
        yield from of_device(account.id, list(device.order), len(due - device.got.keys() - known))
        count = _call(door, account, "/message/v1/unread", conversation_id=name)["count"]
        right = sum(each.sender_id != account.id for each in stored)
        if count != right:
            yield f"user {account.id}: {count} are unread, right is {right}"


def _history(door: Door, account: Account, name: str) -> list[Stored]:
    found: list[Stored] = []
    more = True
    while more:
        after = found[-1].seq if found else 0
        page = _call(door, account, "/message/v1/history", conversation_id=name, after_seq=after, limit=_PAGE)
        found += [Stored(m["client_msg_id"], m["id"], m["seq"], m["from_user_id"]) for m in page["messages"]]
        more = page["has_more"]
    return found


def _call(door: Door, account: Account, path: str, **body: Any) -> Any:
    return insist(lambda: door.call(path, body, account.token))
