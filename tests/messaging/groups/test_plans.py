"""Tests that the cost of a group of 10,000 grows neither with its members nor with a user's other conversations."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.session import engine
from messaging.conversation_id import group
from messaging.conversation_update import arrange
from messaging.conversations import conversations, unread
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.delivered import Proof
from messaging.directory import may_talk
from messaging.draft import Draft
from messaging.forward import Target, copies
from messaging.groups import views
from messaging.groups.memberships import memberships
from messaging.groups.rows import group_rows
from messaging.hello import hellos
from messaging.history import history
from messaging.mentions import unread_mentions
from messaging.read import read
from messaging.recall import recall
from messaging.receipts import receipts
from messaging.send import send
from messaging.sync import sync
from messaging.tops import tops
from messaging.totals import total_unread
from messaging.trace import MOST_OF_A_GROUP, trace
from tests import databases, groups
from tests.messaging.conftest import ALICE, BOB, applying, draft, proving, publishing
from tests.messaging.test_plans import Rule, backlogs, check, statements_of
from tests.servers import Databases

MEMBERS = 10_000  # of the large group: the users 1 to 10,000
LENGTH = 20_000  # messages in it
LARGE = "group_1"
GROUPS = 200  # of Alice
PAIRS = 5_000  # of Alice
SPARE = 50

_TIMES = "UTC_TIMESTAMP(), UTC_TIMESTAMP()"
_MESSAGE = (
    "INSERT INTO im_message (id, from_user_id, to_user_id, conversation_id, message_type, content, status, seq, "
    "change_seq, del_state, version, create_time, update_time) SELECT "
)
_ROW = (
    "INSERT INTO im_conversation (conversation_id, user_id, friend_id, conversation_type, last_message_id, "
    "unread_count, is_top, is_mute, del_state, version, last_seq, change_seq, read_seq, delivered_seq, base, "
    "first_seq, upto_seq, create_time, update_time) SELECT "
)
_HEAD = (
    "INSERT INTO im_conversation_head (conversation_id, shard, last_seq, change_seq, counted, last_message_id, "
    "members_seq) SELECT "
)
_MEMBER = "INSERT INTO im_group_member (group_id, user_id, role, join_time, update_time, inviter_id, nickname) SELECT "
_LOAD = [
    "INSERT INTO im_outbox_shard SELECT seq FROM seq_0_to_15",
    # The large group: its last 50 messages wait for everybody. Each tenth row is of somebody who has left.
    f"{_MESSAGE} seq, 1 + seq % {MEMBERS}, 0, '{LARGE}', 1, 'hello', 1, seq, seq, 0, 0, {_TIMES} "
    f"FROM seq_1_to_{LENGTH}",
    f"{_HEAD} '{LARGE}', 3, {LENGTH}, {LENGTH}, {LENGTH}, {LENGTH}, 1",
    f"{_ROW} '{LARGE}', seq, 0, 2, NULL, 0, 0, 0, 0, 0, 0, 0, {LENGTH} - 100, {LENGTH} - 50, "
    f"IF(seq % 10 = 0, 80, {LENGTH} - 100), 1, IF(seq % 10 = 0, {LENGTH} - 20, NULL), {_TIMES} FROM seq_1_to_{MEMBERS}",
    # Alice's and Bob's other groups, of which every second waits for Alice.
    f"{_MESSAGE} {LENGTH} + seq, 2, 0, CONCAT('group_', seq), 1, 'hello', 1, 1, 1, 0, 0, {_TIMES} "
    f"FROM seq_2_to_{GROUPS}",
    f"{_HEAD} CONCAT('group_', seq), seq % 16, 1, 1, 1, {LENGTH} + seq, 1 FROM seq_2_to_{GROUPS}",
    f"{_ROW} CONCAT('group_', seq), 1, 0, 2, NULL, 0, 0, 0, 0, 0, 0, 0, 0, seq % 2, 0, 1, NULL, {_TIMES} "
    f"FROM seq_2_to_{GROUPS}",
    f"{_ROW} CONCAT('group_', seq), 2, 0, 2, NULL, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, NULL, {_TIMES} "
    f"FROM seq_2_to_{GROUPS}",
    # Pairs of Alice, and groups of which no call asks.
    f"{_ROW} CONCAT('1_', 50000 + seq), 1, 50000 + seq, 1, NULL, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1, NULL, {_TIMES} "
    f"FROM seq_1_to_{PAIRS}",
    f"{_HEAD} CONCAT('group_', 1000 + seq), seq % 16, 1, 1, 1, NULL, 1 FROM seq_1_to_20000",
    f"{_ROW} CONCAT('group_', 1000 + seq), 20000 + seq, 0, 2, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, NULL, {_TIMES} "
    f"FROM seq_1_to_20000",
    f"INSERT INTO im_group (id, name, avatar, description, notice, owner_id, member_count, max_members, status, "
    f"is_private, join_approval, allow_invite, allow_member_modify, mute_all, create_time, update_time) "
    f"SELECT seq, 'g', '', '', '', 1, 1, 100000, 1, 0, 0, 1, 0, 0, {_TIMES} FROM seq_1001_to_21000",
    f"{_MEMBER} 1000 + seq, 20000 + seq, 1, {_TIMES}, 0, '' FROM seq_1_to_20000",
    f"INSERT INTO im_message_hidden SELECT 1 + seq % {MEMBERS}, seq FROM seq_1_to_{LENGTH - 1}",
    # Alice owns the large group. Half of its messages mention her and half all; half of the members hide one.
    f"INSERT INTO im_group (id, name, avatar, description, notice, owner_id, member_count, max_members, status, "
    f"is_private, join_approval, allow_invite, allow_member_modify, mute_all, create_time, update_time) SELECT seq, "
    f"'us', '', '', '', 1, IF(seq = 1, 50, {MEMBERS}), {MEMBERS}, 1, 0, 0, 1, 0, 0, {_TIMES} FROM seq_1_to_{GROUPS}",
    f"INSERT INTO im_group_member SELECT 1, seq, '', IF(seq = 1, 3, 1), NULL, UTC_TIMESTAMP(), 0, UTC_TIMESTAMP() "
    f"FROM seq_1_to_{MEMBERS}",
    f"INSERT INTO im_mention SELECT '{LARGE}', seq % 2, seq, 9 FROM seq_1_to_{LENGTH}",
    f"INSERT INTO im_message_hidden SELECT 2 * seq, {LENGTH} - 30 FROM seq_1_to_{MEMBERS // 2}",
    # The last messages of the large group have still to be published, and many of others.
    f"INSERT INTO im_outbox (shard, conversation_id, kind, message_id, user_id, read_seq, change_seq, applied, "
    f"create_time) SELECT 3, '{LARGE}', 1, seq, 0, 0, seq, 0, UTC_TIMESTAMP() FROM seq_{LENGTH - 9}_to_{LENGTH}",
    f"INSERT INTO im_outbox (shard, conversation_id, kind, message_id, user_id, read_seq, change_seq, applied, "
    f"create_time) SELECT 4 + seq % 8, CONCAT('group_', seq), 1, {LENGTH} + seq, 0, 0, 1, 0, UTC_TIMESTAMP() "
    f"FROM seq_2_to_{GROUPS}",
]


_TABLES = (
    "im_message, im_conversation, im_conversation_head, im_outbox, im_group, im_group_member, im_mention, "
    "im_message_hidden"
)


@pytest.fixture(scope="module")
def large(mariadb: Databases) -> Iterator[str]:
    """Point the test process at a database with a large group. Yields its URL."""
    url = mariadb.create_database()
    with databases.filled(url, _LOAD, _TABLES):
        yield url


def proven(*user_ids: int) -> Rule:
    return proving(*(Proof(user_id, LARGE, LENGTH - 50, LENGTH) for user_id in user_ids))


def published(session: Session, now: object) -> object:
    return publishing(applying(3)(session, now))(session, now)  # type: ignore[arg-type]


def sending(*drafts: Draft) -> Rule:
    return lambda session, now: send(session, now, drafts, may_talk=may_talk)


def to_large(user_id: int, *mentions: int) -> Draft:
    return draft(user_id, 0, group_id=1, client_msg_id=f"k{user_id}", mentions=mentions)


def listing(page: int) -> Rule:
    return lambda session, now: conversations(session, now, user_id=ALICE, page=page, limit=50)


def syncing(user_id: int, heads: dict[str, int], changes: dict[str, int]) -> Rule:
    return lambda session, now: sync(session, now, user_id=user_id, heads=heads, changes=changes)


def of(user_id: int, rule: Callable[..., Any], **arguments: Any) -> Rule:
    return lambda session, now: rule(session, now, user_id=user_id, **arguments)


def of_alice(rule: Callable[..., Any], **arguments: Any) -> Rule:
    return of(ALICE, rule, **arguments)


MANY = [ALICE, *range(9_001, 9_050)]  # each but Alice is in one group
UNREAD_MENTIONS = 4 * 101  # rows read to count them: each mention with its message, and whether it is hidden
EACH = 2  # rows read of a group: that of its user, and its head

# Each call with the rows that it may read in a statement beyond those that it answers.
CALLS: dict[str, tuple[Rule, int]] = {
    "send one": (sending(to_large(ALICE)), 0),
    "send one that mentions 50": (sending(to_large(ALICE, *range(1, 51))), 0),
    "send 64": (sending(*map(to_large, range(1, 65))), 2 * 64),
    "send 64 that mention 50": (sending(*(to_large(user, *range(user, user + 50)) for user in range(1, 65))), 2 * 64),
    "list": (listing(1), EACH * GROUPS + PAIRS),
    "list, page 50": (listing(50), EACH * GROUPS + PAIRS),
    "list of one": (
        lambda session, now: conversations(session, now, user_id=9_001, page=1, limit=50),
        EACH + UNREAD_MENTIONS,
    ),
    "unread of all": (lambda session, _: total_unread(session, ALICE), EACH * GROUPS + PAIRS),
    "unread of one": (lambda session, now: unread(session, now, user_id=ALICE, conversation_id=LARGE), EACH),
    "sync one": (syncing(ALICE, {LARGE: LENGTH - 10}, {LARGE: LENGTH - 10}), EACH * GROUPS),
    "sync from nothing": (syncing(ALICE, {}, {}), EACH * GROUPS),
    "sync of who has left": (syncing(10, {LARGE: 0}, {LARGE: 0}), 3 * 80),  # their unread mentions are counted
    "arrange": (
        lambda session, now: arrange(session, now, user_id=ALICE, conversation_id=LARGE, is_mute=True),
        EACH + UNREAD_MENTIONS,
    ),
    "memberships": (lambda session, now: memberships(session, now, user_ids=[ALICE]), EACH * GROUPS),
    "memberships of many": (
        lambda session, now: memberships(session, now, user_ids=MANY),
        EACH * (GROUPS + len(MANY)),
    ),
    "tops": (lambda session, _: tops(session, group_rows(session, MANY)), EACH * (GROUPS + len(MANY))),
    "backlog": (backlogs((ALICE, None)), EACH * GROUPS),
    "backlog, next page": (backlogs((ALICE, (LARGE, LENGTH - 20))), EACH * GROUPS),
    "backlogs": (backlogs(*((user, None) for user in MANY)), EACH * (GROUPS + len(MANY))),
    "delivered": (proven(ALICE), 0),
    "delivered to many": (proven(*MANY), len(MANY)),
    "delivered, nothing new": (proving(Proof(BOB, LARGE, 0, 100)), 0),
    "apply": (applying(3), 0),
    "publish": (published, 20),
}

# Of the large group, in which Alice has not read the last hundred messages.
CALLS |= {
    "history of a group": (of_alice(history, conversation_id=LARGE, limit=100), EACH * 100),
    "history of a group, before": (of_alice(history, conversation_id=LARGE, before_seq=9_000, limit=100), EACH * 100),
    "history of who has left": (of(10, history, conversation_id=LARGE, limit=100), EACH * 100),
    "forward from many groups": (
        of_alice(copies, message_ids=[9, *range(LENGTH + 2, LENGTH + 51)], targets=[Target(BOB, 0)]),
        EACH * 50,
    ),
    "read a group": (of_alice(read, conversation_id=LARGE), 3 * 100),
    "read a group up to a message": (of_alice(read, message_id=LENGTH - 50), 2 * 100),
    "read nothing new of a group": (of_alice(read, message_id=10), 0),
    "read as who has left": (of(10, read, conversation_id=LARGE), 0),
    "unread of who has left": (of(10, unread, conversation_id=LARGE), EACH),
    "hide": (of_alice(delete_for_oneself, message_id=LENGTH - 7), 0),
    "delete the newest for everyone": (of_alice(delete_for_everyone, message_id=LENGTH), 2 * MEMBERS),
    "recall what nobody has read": (of_alice(recall, message_id=LENGTH - 30), 2 * MEMBERS),
    "recall what everybody has read": (of_alice(recall, message_id=10), 0),
    "receipts": (of_alice(receipts, message_id=LENGTH - 50, page=1, limit=20), 2 * MEMBERS),
    "unread mentions": (lambda session, _: unread_mentions(session, [ALICE]), 4 * 100 + 4 * GROUPS),
    "unread mentions of many": (
        lambda session, _: unread_mentions(session, MANY),
        4 * 100 + 4 * (GROUPS + len(MANY)),
    ),
    "unread mentions of one group": (lambda session, _: unread_mentions(session, [ALICE], [LARGE]), 4 * 100),
}


def test_rows_are_locked_in_their_order_however_large_a_part_of_a_group_they_are(mariadb_database: str) -> None:
    """By the index of read_seq a hundred rows of two hundred would be locked in another order, and all of them."""
    group_id = groups.made(*range(1, 201))
    with engine().begin() as connection:
        connection.exec_driver_sql("ANALYZE TABLE im_conversation").all()
    keys = [(group(group_id), user) for user in range(1, 200, 2)]
    (locking,) = statements_of(lambda session, _: views.lock(session, keys))
    assert {step["key"] for step in locking.plan} == {"uk_im_conversation_user_id_conversation_id"}
    assert not any("filesort" in (step["Extra"] or "") for step in locking.plan)
    check([locking], 0)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_goes_by_an_index_and_reads_few_rows(large: str, name: str) -> None:
    rule, spare = CALLS[name]
    asked = statements_of(rule)
    assert asked
    check(asked, spare + SPARE)


def test_a_trace_reads_no_more_members_than_it_tells_of(large: str) -> None:
    asked = statements_of(lambda session, now: trace(session, now, message_id=LENGTH))
    (of_members,) = [each for each in asked if "FROM im_conversation" in each.text]
    check([of_members], 3 * MOST_OF_A_GROUP)


def test_hello_reads_the_users_groups_once(large: str) -> None:
    asked = statements_of(lambda session, now: hellos(session, now, user_ids=MANY))
    of_groups = [each for each in asked if "JOIN im_conversation_head" in each.text]
    assert len(of_groups) == 1
    check(of_groups, EACH * (GROUPS + len(MANY)) + SPARE)
