"""Fills the database by SQL with the data that a measurement needs beforehand, faster than any sender could.

Every row is as the rules would have left it, so that the real processes take it for their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from sqlalchemy import make_url

from bench.people import Pair, conversation, users
from messaging.conversation_id import group, shard_of
from tests.processes import wait_until

_SHARDS = 16
_NOW = "UTC_TIMESTAMP()"


class Bulk:
    """A database to fill, by its URL. Each method has committed its rows when it returns."""

    def __init__(self, url: str) -> None:
        parts = make_url(url)
        self._where: dict[str, Any] = {"host": parts.host, "port": parts.port, "database": parts.database}

    def users(self, first: int, count: int) -> None:
        """Add users, without passwords: their tokens are made by bench/people.py, not by a login."""
        rows = [(user, f"bench{user}", f"User {user}") for user in users(first, count)]
        statement = (
            "INSERT INTO im_user (id, username, nickname, password_hash, avatar, create_time, update_time) "
            f"VALUES (%s, %s, %s, '', '', {_NOW}, {_NOW})"
        )
        with self.cursor() as cursor:
            cursor.executemany(statement, rows)

    def friends(self, pairs: Sequence[Pair]) -> None:
        """Add friendships, both rows of each."""
        statement = f"INSERT INTO im_friend (user_id, friend_id, create_time) VALUES (%s, %s, {_NOW})"
        with self.cursor() as cursor:
            cursor.executemany(statement, [*pairs, *((other, one) for one, other in pairs)])

    def messages(self, pairs: Sequence[Pair], each: int, *, events: bool = False) -> None:
        """Add `each` messages of every (from, to) pair.

        With `events` they are in the outbox, as if just sent; otherwise on the conversation rows, delivered and read.
        """
        with self.cursor() as cursor:
            _name_conversations(cursor, [(one, to, conversation((one, to))) for one, to in pairs])
            cursor.execute(_HEADS)
            cursor.execute(_MESSAGES.format(each=int(each), order=_MIXED if events else _BY_CONVERSATION))
            cursor.execute(_EVENTS if events else _ROWS.format(each=int(each)))
            cursor.execute(_COUNTERS, (each, each))

    def groups(self, groups: Mapping[int, Sequence[int]]) -> None:
        """Add groups of these members, by their ids. The first owns it; all have got and read its first message."""
        owned = [(id_, whose[0], len(whose)) for id_, whose in groups.items()]
        members = [(id_, user, 3 if user == whose[0] else 1) for id_, whose in groups.items() for user in whose]
        with self.cursor() as cursor:
            cursor.executemany(_GROUP, owned)
            _name_conversations(cursor, _conversations(groups))
            cursor.execute(_HEADS)
            cursor.execute(_FIRST_MESSAGES)
            cursor.execute(_FIRST_COUNTERS)
            cursor.executemany(_MEMBER, members)
            cursor.execute(_MEMBER_ROWS)

    def group_messages(self, groups: Mapping[int, Sequence[int]], each: int, *, events: bool = False) -> None:
        """Add `each` messages of the owners to these groups; with `events` they are in the outbox, as if just sent."""
        with self.cursor() as cursor:
            _name_conversations(cursor, _conversations(groups))
            cursor.execute(_MESSAGES.format(each=int(each), order=_MIXED))
            if events:
                cursor.execute(_EVENTS)
            cursor.execute(_COUNTERS, (each, each))
            cursor.execute(_GROUP_COUNTERS, (each,))
            cursor.execute(_AUTHORS, (each,))

    def unread(self, groups: Mapping[int, Sequence[int]]) -> None:
        """Put the rows of these groups' members back, as if they had read and sent nothing since the first message."""
        statement = "UPDATE im_conversation SET read_seq = 1, base = 0 WHERE conversation_id = %s"
        with self.cursor() as cursor:
            cursor.executemany(statement, [(group(id_),) for id_ in groups])

    def group_seq(self, group_id: int) -> int:
        """Returns the seq of a group's newest message."""
        with self.cursor() as cursor:
            cursor.execute("SELECT last_seq FROM im_conversation_head WHERE conversation_id = %s", (group(group_id),))
            return int(cursor.fetchone()[0])

    def wait_group_proved(self, group_id: int, seq: int) -> None:
        """Wait until every member of a group counts as having got its messages up to `seq`."""
        statement = f"conversation_id = '{group(group_id)}' AND delivered_seq < {int(seq)}"
        self._wait_for_none(f"SELECT 1 FROM im_conversation WHERE {statement} LIMIT 1", "the proofs", seconds=60)

    def undelivered(self, pairs: Sequence[Pair]) -> None:
        """Reset delivery, as if no device of the recipients of these (from, to) pairs had ever answered."""
        rows = [(to, conversation((one, to))) for one, to in pairs]
        with self.cursor() as cursor:
            cursor.executemany(
                "UPDATE im_conversation SET delivered_seq = 0 WHERE user_id = %s AND conversation_id = %s", rows
            )

    def wait_worked_off(self) -> None:
        """Wait until the outbox holds no event."""
        self._wait_for_none("SELECT 1 FROM im_outbox LIMIT 1", "the outbox to be empty", seconds=120)

    def wait_proved(self, after: int) -> None:
        """Wait until all messages with an id above `after` count as delivered."""
        statement = f"SELECT 1 FROM im_message WHERE id > {int(after)} AND status < 2 LIMIT 1"
        self._wait_for_none(statement, "the proofs of delivery", seconds=60)

    def newest(self) -> int:
        """Returns the id of the newest message, 0 without one."""
        with self.cursor() as cursor:
            cursor.execute("SELECT COALESCE(MAX(id), 0) FROM im_message")
            return int(cursor.fetchone()[0])

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Yields the cursor of a connection of its own, and commits at the end."""
        connection = pymysql.connect(user="root", **self._where)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                yield cursor
            connection.commit()
        finally:
            connection.close()

    def _wait_for_none(self, statement: str, what: str, *, seconds: float) -> None:
        with self.cursor() as cursor:  # a connection for each question would be seen in the server's CPU
            wait_until(lambda: cursor.execute(statement) == 0, what, seconds=seconds)


def _conversations(groups: Mapping[int, Sequence[int]]) -> list[tuple[int, int, str]]:
    return [(whose[0], 0, group(id_)) for id_, whose in groups.items()]


def _name_conversations(cursor: Any, named: Sequence[tuple[int, int, str]]) -> None:
    """Leave in `bench_pair` who sends to whom (0 in a group) in which conversation, and the conversation's shard."""
    cursor.execute(
        "CREATE TEMPORARY TABLE bench_pair (from_id BIGINT, to_id BIGINT, shard INT, "
        "name VARCHAR(64) COLLATE utf8mb4_bin PRIMARY KEY)"
    )
    rows = [(one, to, shard_of(name, _SHARDS), name) for one, to, name in named]
    cursor.executemany("INSERT INTO bench_pair (from_id, to_id, shard, name) VALUES (%s, %s, %s, %s)", rows)


_HEADS = (
    "INSERT IGNORE INTO im_conversation_head (conversation_id, shard, last_seq, change_seq) "
    "SELECT name, shard, 0, 0 FROM bench_pair"
)
# The numbers come from MariaDB's SEQUENCE engine.
_MESSAGES = f"""
INSERT INTO im_message (from_user_id, to_user_id, conversation_id, message_type, content, status, seq, change_seq,
                        del_state, version, client_msg_id, create_time, update_time)
SELECT p.from_id, p.to_id, p.name, 1, 'how about lunch at the usual place, or somewhere else?', 1, h.last_seq + s.seq,
       h.change_seq + s.seq, 0, 0, CONCAT('bulk ', p.name, ' ', h.last_seq + s.seq), {_NOW}, {_NOW}
FROM bench_pair p JOIN im_conversation_head h ON h.conversation_id = p.name JOIN seq_1_to_{{each}} s ORDER BY {{order}}
"""
_MIXED = "s.seq, CRC32(p.name)"  # neighbours are of different conversations, as when many users send at once
_BY_CONVERSATION = "p.name, s.seq"
_NEW = """
FROM bench_pair p JOIN im_conversation_head h ON h.conversation_id = p.name
JOIN im_message m ON m.conversation_id = p.name AND m.seq > h.last_seq
"""
_EVENTS = f"""
INSERT INTO im_outbox (shard, conversation_id, kind, message_id, user_id, read_seq, change_seq, applied, create_time)
SELECT h.shard, p.name, 1, m.id, 0, 0, m.change_seq, 0, {_NOW} {_NEW} ORDER BY m.id
"""
_ROWS = f"""
INSERT INTO im_conversation (conversation_id, user_id, friend_id, conversation_type, last_message_id,
    unread_count, is_top, is_mute, del_state, create_time, update_time,
    version, last_seq, change_seq, read_seq, delivered_seq)
SELECT p.name, IF(side.seq, p.from_id, p.to_id), IF(side.seq, p.to_id, p.from_id), 1, m.id,
    0, 0, 0, 0, {_NOW}, {_NOW}, 0, m.seq, m.change_seq, m.seq, m.seq
{_NEW} AND m.seq = h.last_seq + {{each}} JOIN seq_0_to_1 side
"""
_COUNTERS = """
UPDATE im_conversation_head h JOIN bench_pair p ON p.name = h.conversation_id
SET h.last_seq = h.last_seq + %s, h.change_seq = h.change_seq + %s
"""

_GROUP = f"""
INSERT INTO im_group (id, owner_id, member_count, name, avatar, description, notice, max_members, status, is_private,
    join_approval, allow_invite, allow_member_modify, mute_all, create_time, update_time)
VALUES (%s, %s, %s, 'Bench', '', '', '', 100000, 1, 0, 0, 1, 0, 0, {_NOW}, {_NOW})
"""
_MEMBER = f"""
INSERT INTO im_group_member (group_id, user_id, role, nickname, join_time, inviter_id, update_time)
VALUES (%s, %s, %s, '', {_NOW}, 0, {_NOW})
"""
_FIRST_MESSAGES = f"""
INSERT INTO im_message (from_user_id, to_user_id, conversation_id, message_type, content, extra, status, seq,
    change_seq, del_state, version, create_time, update_time)
SELECT from_id, 0, name, 0, '', CONCAT('{{"event":"created","user_ids":[', from_id, ']}}'), 1, 1,
    1, 0, 0, {_NOW}, {_NOW} FROM bench_pair
"""
_FIRST_COUNTERS = """
UPDATE im_conversation_head h JOIN bench_pair p ON p.name = h.conversation_id
JOIN im_message m ON m.conversation_id = p.name AND m.seq = 1
SET h.last_seq = 1, h.change_seq = 1, h.members_seq = 1, h.last_message_id = m.id
"""
_MEMBER_ROWS = f"""
INSERT INTO im_conversation (conversation_id, user_id, friend_id, conversation_type, unread_count, is_top, is_mute,
    del_state, create_time, update_time, version, last_seq, change_seq, read_seq, delivered_seq, base, first_seq)
SELECT p.name, m.user_id, 0, 2, 0, 0, 0, 0, {_NOW}, {_NOW}, 0, 0, 0, 1, 1, 0, 1
FROM bench_pair p JOIN im_group_member m ON m.group_id = CAST(SUBSTRING(p.name, 7) AS UNSIGNED)
"""
_GROUP_COUNTERS = """
UPDATE im_conversation_head h JOIN bench_pair p ON p.name = h.conversation_id
JOIN im_message m ON m.conversation_id = p.name AND m.seq = h.last_seq
SET h.counted = h.counted + %s, h.last_message_id = m.id
"""
_AUTHORS = """
UPDATE im_conversation c JOIN bench_pair p ON p.name = c.conversation_id AND p.from_id = c.user_id
SET c.base = c.base + %s
"""
