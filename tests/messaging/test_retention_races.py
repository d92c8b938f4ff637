"""Tests that retention at once with all that touches messages leaves nothing wrong. On MariaDB, which locks rows."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from random import Random
from threading import Barrier
from typing import Any

from sqlalchemy import update

from db import session as database
from db.message import Message
from db.outbox_parked import Parked
from db.session import write
from messaging import retention
from messaging.conversation_id import group
from messaging.delivered import Proof
from messaging.errors import Code, Refused
from messaging.read import read as mark_read
from messaging.recall import recall
from messaging.status import Status
from tests import groups
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    befriend,
    drain,
    messages,
    nothing_drifts,
    read,
    store_many,
    store_proofs,
    stored,
)
from tests.messaging.groups.counting import say

ROUNDS = 12
OLD_SECONDS = 60  # young enough to be recalled
KEPT = {"kept": 30, "withdrawn_kept": 30}
Act = Callable[[], Any]


def together(**acts: Act) -> dict[str, Any]:
    """Do all of this at once. Returns each one's answer or refusal. Other errors are raised."""
    start = Barrier(len(acts))

    def attempt(act: Act) -> Any:
        start.wait(30)
        try:
            return act()
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(len(acts)) as threads:
        begun = {name: threads.submit(attempt, act) for name, act in acts.items()}
        return {name: each.result(60) for name, each in begun.items()}


def age(ids: Sequence[int]) -> None:
    """Let messages have been sent, and changed last, OLD_SECONDS ago."""
    aged = update(Message).where(Message.id.in_(ids))
    past = timedelta(seconds=OLD_SECONDS)
    write(lambda session, now: session.execute(aged.values(create_time=now - past, update_time=now - past)))


def test_removing_while_others_send_read_recall_and_prove(mariadb_database: str) -> None:
    befriend(ALICE, BOB)
    made = groups.made(ALICE, BOB, CAROL)
    name, random = group(made), Random(7)
    gone: set[int] = set()
    recalled: list[int] = []
    for turn in range(ROUNDS):
        of_pair = [message["id"] for message in store_many(ALICE, BOB, 3, "secret")]
        said = [say(made, ALICE) for _ in range(3)]
        of_group = [message.id for message in said]
        if turn % 2:
            drain()
        age([*of_pair, *of_group, *recalled])
        due = database.read(retention.due, after=of_pair[0] - 1, page=5_000, **KEPT)
        young = stored(ALICE, BOB, "young")
        by_bob = {"conversation_id": "1_2"} if turn % 3 else {"message_id": of_pair[1]}
        proofs = Proof(BOB, "1_2", 0, young["seq"]), Proof(CAROL, name, 0, said[-1].seq)
        answers = together(
            removed=partial(write, retention.remove, messages=due.old["1_2"]),
            removed_by_another=partial(write, retention.remove, messages=due.old["1_2"]),
            removed_from_group=partial(write, retention.remove, messages=due.old[name]),
            wiped=partial(write, retention.wipe, ids=recalled[:-1]),
            sent=partial(stored, ALICE, BOB, "new"),
            said=partial(say, made, CAROL),
            recalled=partial(write, recall, user_id=ALICE, message_id=young["id"]),
            recalled_of_old=partial(write, recall, user_id=ALICE, message_id=random.choice(of_pair)),
            recalled_of_group=partial(write, recall, user_id=ALICE, message_id=random.choice(of_group)),
            read=partial(write, mark_read, user_id=BOB, **by_bob),
            read_of_group=partial(write, mark_read, user_id=CAROL, conversation_id=name),
            proved=partial(store_proofs, *proofs),
            drained=drain,
        )
        refused = {each.code for each in answers.values() if isinstance(each, Refused)}
        assert refused <= {Code.ALREADY_WITHDRAWN}
        assert answers["removed"] + answers["removed_by_another"] == answers["removed_from_group"] == 3
        gone.update(of_pair, of_group)
        recalled.append(young["id"])
        if turn % 4 == 3:
            settle(name)
    left = {message.id: message for message in messages()}
    assert {(left[each].status, left[each].content) for each in gone} == {(Status.DELETED, "")}
    assert {left[each].status for each in recalled} == {Status.RECALLED}
    assert {left[each].content for each in recalled[:-2]} == {""}
    assert read(lambda session: session.query(Parked).count()) == 0


def settle(name: str) -> None:
    """Drain. Fails unless the rows of the pair and of the group then equal a recount."""
    drain()
    nothing_drifts()
    nothing_drifts(name)
