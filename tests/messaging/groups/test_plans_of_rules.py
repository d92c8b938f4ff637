"""Tests that changing a group of 10,000, and looking at it, reads few rows beyond those that it answers or changes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from messaging.directory import may_talk
from messaging.groups.closing import leave_some, still_in_groups, withdraw
from messaging.groups.create import create
from messaging.groups.info import info, members, mine
from messaging.groups.invite import invite
from messaging.groups.join import join
from messaging.groups.remove import leave, remove
from messaging.groups.requests import handle, requests
from messaging.groups.rule import dissolve, mute, set_role, transfer
from messaging.groups.update import update, update_member
from tests import databases
from tests.messaging.test_plans import Rule, check, statements_of
from tests.servers import Databases

MEMBERS = 10_000  # of the group 1: the users 1 to 10,000, the first of whom owns it, the next 20 are admins
ALICE, BOB, NOBODY = 1, 50, 90_000
FORMER = range(10_001, 10_101)  # of group 1
NEW = range(10_101, 10_201)
WAITING = 5_000  # requests in the group 1
GROUPS = 300  # of Bob, others than the group 1
SPARE = 60
LOOKED_AT = 1_000  # of the users whose logins were ended

_TIMES = "UTC_TIMESTAMP(), UTC_TIMESTAMP()"
_GROUP = (
    "INSERT INTO im_group (id, name, avatar, description, notice, owner_id, member_count, max_members, status, "
    "is_private, join_approval, allow_invite, allow_member_modify, mute_all, create_time, update_time) SELECT "
)
_FIELDS = f"1, 0, 0, 1, 1, 0, {_TIMES}"
_MEMBER = "INSERT INTO im_group_member (group_id, user_id, nickname, role, join_time, inviter_id, update_time) SELECT "
_ROW = (
    "INSERT INTO im_conversation (conversation_id, user_id, friend_id, conversation_type, unread_count, is_top, "
    "is_mute, del_state, version, last_seq, change_seq, read_seq, delivered_seq, upto_seq, create_time, update_time) "
    "SELECT "
)
_LOAD = [
    f"{_GROUP} 1, 'large', '', '', '', 1, {MEMBERS}, 100000, {_FIELDS}",
    f"{_MEMBER} 1, seq, '', IF(seq = 1, 3, IF(seq < 22, 2, 1)), UTC_TIMESTAMP() - INTERVAL seq % 999 SECOND, 0, "
    f"UTC_TIMESTAMP() FROM seq_1_to_{MEMBERS}",
    f"{_ROW} 'group_1', seq, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, IF(seq > {MEMBERS}, 9, NULL), {_TIMES} "
    f"FROM seq_1_to_{FORMER.stop - 1}",
    f"INSERT INTO im_friend SELECT {ALICE}, seq, UTC_TIMESTAMP() FROM seq_2_to_{NEW.stop}",
    "INSERT INTO im_group_request (id, group_id, user_id, inviter_id, message, status, handle_user_id, create_time, "
    f"update_time) SELECT seq, 1, 20000 + seq, 0, '', seq % 2, 0, {_TIMES} FROM seq_1_to_{2 * WAITING}",
    "INSERT INTO im_friend SELECT 30000 + seq, seq, UTC_TIMESTAMP() FROM seq_1_to_50000",
    "INSERT INTO im_user_blacklist SELECT 30000 + seq, seq, UTC_TIMESTAMP() FROM seq_1_to_50000",
    f"INSERT INTO im_group_request (group_id, user_id, inviter_id, message, status, handle_user_id, create_time, "
    f"update_time) SELECT 2 + seq % 9999, seq, 0, '', 0, 0, {_TIMES} FROM seq_1_to_50000",
    # Bob's groups, each of a handful of users, and as many of which no call asks.
    f"{_GROUP} seq, 'small', '', '', '', {BOB}, 5, 500, {_FIELDS} FROM seq_2_to_20000",
    f"{_MEMBER} 1 + seq, {BOB}, '', 3, UTC_TIMESTAMP(), 0, UTC_TIMESTAMP() FROM seq_1_to_{GROUPS}",
    f"{_MEMBER} 2 + seq DIV 4, 20000 + seq % 4, '', 1, UTC_TIMESTAMP(), 0, UTC_TIMESTAMP() FROM seq_0_to_19999",
    f"{_ROW} CONCAT('group_', 1 + seq), {BOB}, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, {_TIMES} FROM seq_1_to_{GROUPS}",
    "INSERT INTO im_conversation_head (conversation_id, shard, last_seq, change_seq, counted, members_seq) "
    "SELECT CONCAT('group_', seq), seq % 16, 9, 9, 0, 9 FROM seq_1_to_20000",
    f"INSERT INTO im_user SELECT seq, CONCAT('u', seq), '', 'somebody', '', {_TIMES}, NULL FROM seq_1_to_30000",
    "INSERT INTO im_revoked_user SELECT seq, 1, UTC_TIMESTAMP(), UTC_TIMESTAMP() - INTERVAL seq SECOND "
    "FROM seq_1_to_20000",
    f"UPDATE im_user SET delete_time = UTC_TIMESTAMP() WHERE id <= {LOOKED_AT} AND id % 100 = 3",
]
_TABLES = (
    "im_group, im_group_member, im_group_request, im_conversation, im_conversation_head, im_friend, im_user, "
    "im_user_blacklist, im_revoked_user"
)


@pytest.fixture(scope="module")
def large(mariadb: Databases) -> Iterator[str]:
    """Point the test process at a database with a large group. Yields its URL."""
    url = mariadb.create_database()
    with databases.filled(url, _LOAD, _TABLES):
        yield url


def by(actor_id: int, rule: Callable[..., Any], **fields: Any) -> Rule:
    return lambda session, now: rule(session, now, actor_id=actor_id, **fields)


def in_large(rule: Callable[..., Any], *, by_user: int = ALICE, **fields: Any) -> Rule:
    return by(by_user, rule, group_id=1, **fields)


HUNDRED = 100  # each of which may be looked up in several indexes, and copied
# Each call with the rows that it may read in a statement beyond those that it answers or changes.
CALLS: dict[str, tuple[Rule, int]] = {
    "create": (by(ALICE, create, name="us", member_ids=[*NEW], may_talk=may_talk), 4 * HUNDRED),
    "info": (in_large(info), 0),
    "update": (in_large(update, name="new"), 0),
    "update_member": (in_large(update_member, nickname="new"), 0),
    "invite": (in_large(invite, user_ids=[*NEW], may_talk=may_talk), 4 * HUNDRED),
    "invite back": (in_large(invite, user_ids=[*FORMER], may_talk=may_talk), 4 * HUNDRED),
    "join": (in_large(join, by_user=NOBODY), 0),
    "requests": (in_large(requests, page=1, limit=50), WAITING),  # they are counted
    "accept": (by(ALICE, handle, request_id=WAITING, action="accept"), 0),
    "reject": (by(ALICE, handle, request_id=WAITING, action="reject"), 0),
    "remove": (in_large(remove, user_ids=[*range(100, 200)]), HUNDRED),
    "leave": (in_large(leave, by_user=BOB), 0),
    "set_role": (in_large(set_role, user_id=BOB, role=2), 0),
    "mute": (in_large(mute, user_ids=[*range(100, 200)], seconds=9), HUNDRED),
    "transfer": (in_large(transfer, user_id=BOB), 0),
    "dissolve": (in_large(dissolve), 0),
    "members": (in_large(members, page=1, limit=100), 4 * HUNDRED),
    "members of a role": (in_large(members, page=1, limit=100, role=2), 4 * HUNDRED),
    "members, the last page": (in_large(members, page=100, limit=100), MEMBERS + 4 * HUNDRED),  # passed over
    "mine": (by(BOB, mine, page=1, limit=50), GROUPS),  # they are counted
    "leaving some groups": (lambda session, now: leave_some(session, now, user_id=BOB), 8 * HUNDRED),
    "withdrawing": (lambda session, now: withdraw(session, now, user_id=BOB), 0),
    "closed accounts": (still_in_groups, 4 * LOOKED_AT),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_goes_by_an_index_and_reads_few_rows(large: str, name: str) -> None:
    rule, spare = CALLS[name]
    asked = statements_of(rule)
    assert asked
    check(asked, spare + SPARE)
