"""Tests that on a large MariaDB every statement of a call uses an index, and reads few rows beyond its answer."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from db.flight import TAKES_FLIGHTS
from db.session import engine, write
from messaging import backlog
from messaging.audit import audit, looks_wrong
from messaging.conversation_id import shard_of
from messaging.conversation_update import arrange
from messaging.conversations import conversations, total_unread, unread
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.delivered import Proof
from messaging.directory import may_talk
from messaging.drift import Part
from messaging.errors import Refused
from messaging.forward import Target, copies
from messaging.groups.rows import group_rows
from messaging.hello import hellos
from messaging.history import history
from messaging.media_rights import reachable, readable
from messaging.read import read
from messaging.recall import recall
from messaging.retention import due
from messaging.send import send
from messaging.sync import sync
from messaging.tops import tops
from tests import databases
from tests.messaging.conftest import ALICE, BOB, applying, draft, proving, publishing
from tests.messaging.uploads import picture
from tests.servers import Databases

TALKS = 5_000  # conversations of Alice
LENGTH = 100_000  # messages between Alice and Bob
LARGE = "1_2"
FRIENDS = 10_000  # ids of Alice's friends begin above it
SPARE = 300
Rule = Callable[[Session, datetime], Any]

_MESSAGE = (
    "INSERT INTO im_message (id, from_user_id, to_user_id, conversation_id, message_type, content, status, seq, "
    "del_state, create_time, update_time, version, change_seq) SELECT "
)
_TIMES = "UTC_TIMESTAMP(), UTC_TIMESTAMP()"
_ROW = (
    "INSERT INTO im_conversation (conversation_id, user_id, friend_id, conversation_type, last_message_id, "
    "unread_count, is_top, is_mute, del_state, create_time, update_time, "
    "version, last_seq, change_seq, read_seq, delivered_seq) SELECT "
)
_HEAD = "INSERT INTO im_conversation_head (conversation_id, shard, last_seq, change_seq) "
_USE = "INSERT INTO im_media_use (media_id, message_id, conversation_id, seq, low_id, high_id)"
_LOAD = [
    "INSERT INTO im_outbox_shard SELECT seq FROM seq_0_to_15",
    # Alice and Bob: Bob has not read the last 100, and the last 50 are not delivered.
    f"{_MESSAGE} seq, 1 + seq % 2, 2 - seq % 2, '{LARGE}', 1, 'hello', IF(seq > {LENGTH} - 100, 1, 3), seq, 0, "
    f"{_TIMES}, 0, seq FROM seq_1_to_{LENGTH}",
    f"{_HEAD}VALUES ('{LARGE}', {shard_of(LARGE, 16)}, {LENGTH}, {LENGTH})",
    f"{_ROW} '{LARGE}', seq, 3 - seq, 1, {LENGTH}, 50, 0, 0, 0, {_TIMES}, 0, {LENGTH}, "
    f"{LENGTH}, {LENGTH} - 100, {LENGTH} - 50 FROM seq_1_to_2",
    "INSERT INTO im_friend VALUES (1, 2, UTC_TIMESTAMP()), (2, 1, UTC_TIMESTAMP())",
    # Alice and each other user: two messages, not delivered to Alice.
    f"{_MESSAGE} {LENGTH} + seq, {FRIENDS} + (seq + 1) DIV 2, 1, CONCAT('1_', {FRIENDS} + (seq + 1) DIV 2), 1, "
    f"'hello', 1, 2 - seq % 2, 0, {_TIMES}, 0, 2 - seq % 2 FROM seq_1_to_{2 * TALKS}",
    f"{_HEAD}SELECT CONCAT('1_', {FRIENDS} + seq), seq % 16, 2, 2 FROM seq_1_to_{TALKS}",
    f"{_ROW} CONCAT('1_', {FRIENDS} + seq), 1, {FRIENDS} + seq, 1, {LENGTH} + 2 * seq, 2, "
    f"seq % 50 = 0, seq % 7 = 0, seq % 11 = 0, {_TIMES}, 0, 2, 2, 0, 0 FROM seq_1_to_{TALKS}",
    f"{_ROW} CONCAT('1_', {FRIENDS} + seq), {FRIENDS} + seq, 1, 1, {LENGTH} + 2 * seq, 0, "
    f"0, 0, 0, {_TIMES}, 0, 2, 2, 0, 2 FROM seq_1_to_{TALKS}",
    # Users of whom no call asks, so that Alice's rows are a small part of the tables.
    f"{_ROW} CONCAT('3_', seq), 20000 + seq, 3, 1, NULL, 0, 0, 0, 0, {_TIMES}, 0, 0, 0, 0, 0 FROM seq_4_to_50000",
    f"INSERT INTO im_friend SELECT 1, {FRIENDS} + seq, UTC_TIMESTAMP() FROM seq_1_to_{TALKS}",
    f"INSERT INTO im_friend SELECT {FRIENDS} + seq, 1, UTC_TIMESTAMP() FROM seq_1_to_{TALKS}",
    f"INSERT INTO im_user_blacklist SELECT {FRIENDS} + seq, 77, UTC_TIMESTAMP() FROM seq_1_to_{TALKS}",
    f"INSERT INTO im_user SELECT {FRIENDS} + seq, CONCAT('u', seq), '', 'somebody', '', {_TIMES}, NULL "
    f"FROM seq_1_to_{TALKS}",
    # Replies: to what was long before, and to the first message of each of Alice's other conversations.
    f"UPDATE im_message SET extra = CONCAT('{{\"reply_to\":', id - 20000, '}}') "
    f"WHERE id BETWEEN 30001 AND 31000 OR id BETWEEN {LENGTH} - 49 AND {LENGTH} - 40",
    f"UPDATE im_message SET extra = CONCAT('{{\"reply_to\":', id - 1, '}}') WHERE id > {LENGTH} AND seq = 2",
    f"INSERT INTO im_message_hidden SELECT 1, 50 * seq FROM seq_1_to_{TALKS // 5}",
    f"INSERT INTO im_message_hidden SELECT {FRIENDS} + seq, {LENGTH} + 2 * seq FROM seq_1_to_{TALKS}",
    # Left by an outage: 100 events of each shard, each about the newest message of a conversation.
    f"INSERT INTO im_outbox (id, shard, conversation_id, kind, message_id, user_id, read_seq, change_seq, applied, "
    f"create_time) SELECT seq, seq % 16, CONCAT('1_', {FRIENDS} + seq), 1, {LENGTH} + 2 * seq, 0, 0, 2, seq <= 1600, "
    f"UTC_TIMESTAMP() FROM seq_1_to_3200",
    # Of Alice and Bob: the last replies among others.
    f"INSERT INTO im_outbox (id, shard, conversation_id, kind, message_id, user_id, read_seq, change_seq, applied, "
    f"create_time) SELECT 3200 + seq, {shard_of(LARGE, 16)}, '{LARGE}', 1, {LENGTH} - 50 + seq, 0, 0, 2, FALSE, "
    f"UTC_TIMESTAMP() FROM seq_1_to_30",
    # Every tenth message between Alice and Bob carries an upload of Alice's; one upload has been sent 10,000 times.
    "INSERT INTO im_blob (id, sha256, size, name, thumbnail_state, thumbnail_attempts, create_time) "
    f"SELECT seq, UNHEX(SHA2(seq, 256)), 7, CONCAT('b', seq), 0, 0, UTC_TIMESTAMP() FROM seq_1_to_{LENGTH // 10}",
    "INSERT INTO im_media (id, user_id, kind, blob_id, content_type, width, height, duration, sent, create_time) "
    f"SELECT LPAD(seq, 32, '0'), 1, 2, seq, 'image/png', 3, 4, 0, 1, UTC_TIMESTAMP() FROM seq_1_to_{LENGTH // 10}",
    f"{_USE} SELECT LPAD(seq, 32, '0'), seq * 10, '{LARGE}', seq * 10, 1, 2 FROM seq_2_to_{LENGTH // 10}",
    f"{_USE} SELECT LPAD(1, 32, '0'), {LENGTH} + seq, CONCAT('1_', {FRIENDS} + (seq + 1) DIV 2), 2 - seq % 2, "
    f"1, {FRIENDS} + (seq + 1) DIV 2 FROM seq_1_to_{2 * TALKS}",
    f"UPDATE im_message SET message_type = 2, extra = CONCAT('{{\"media_id\":\"', LPAD(seq DIV 10, 32, '0'), '\"}}') "
    f"WHERE conversation_id = '{LARGE}' AND seq % 10 = 0",
]
_TABLES = (
    "im_message, im_conversation, im_conversation_head, im_friend, im_user, im_user_blacklist, im_message_hidden, "
    "im_outbox, im_outbox_shard, im_blob, im_media, im_media_use"
)


@dataclass(frozen=True)
class Statement:
    """An executed statement: its plan by EXPLAIN, the rows that it read, and the rows that it answered or changed."""

    text: str
    plan: list[dict[str, Any]]
    reads: int
    rows: int

    def __str__(self) -> str:
        steps = [{name: step[name] for name in ("table", "type", "key", "rows", "Extra")} for step in self.plan]
        return f"{self.reads} read for {self.rows}: {self.text[:600]}\n{steps}"


@pytest.fixture(scope="module")
def large(mariadb: Databases) -> Iterator[str]:
    """Point the test process at a database with many rows. Yields its URL."""
    url = mariadb.create_database()
    with databases.filled(url, _LOAD, _TABLES):
        yield url


def statements_of(rule: Rule) -> list[Statement]:
    """Returns the statements that a rule executes, in a transaction that is rolled back."""
    one_by_one = {TAKES_FLIGHTS: False}
    with engine().connect().execution_options(**one_by_one) as connection, _heard(connection) as heard:
        session = Session(connection, expire_on_commit=False, autoflush=False)
        rule(session, datetime.now())  # noqa: DTZ005 - any time will do
        session.flush()
    return heard


@contextmanager
def _heard(connection: Connection) -> Iterator[list[Statement]]:
    heard: list[Statement] = []
    before: dict[str, Any] = {}

    def start(_connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        asked = cursor.connection.cursor()
        one = parameters[0] if many and isinstance(parameters, list) else parameters
        reads = statement.startswith(("SELECT", "UPDATE", "DELETE")) or "SELECT" in statement
        before["plan"] = _explain(asked, statement, one) if reads else []
        overhead = _reads(asked)
        before["overhead"] = (before_now := _reads(asked)) - overhead
        before["reads"] = before_now

    def end(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        read = _reads(cursor.connection.cursor()) - before["reads"] - before["overhead"]
        if before["plan"]:
            heard.append(Statement(statement, before["plan"], read, cursor.rowcount))

    event.listen(connection, "before_cursor_execute", start)
    event.listen(connection, "after_cursor_execute", end)
    yield heard


def _explain(cursor: Any, statement: str, parameters: Any) -> list[dict[str, Any]]:
    cursor.execute(f"EXPLAIN {statement}", parameters)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, step, strict=True)) for step in cursor.fetchall()]


def _reads(cursor: Any) -> int:
    cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
    return sum(int(value) for _, value in cursor.fetchall())


def friends(*numbers: int) -> list[str]:
    return [f"1_{FRIENDS + number}" for number in numbers]


def as_alice(rule: Callable[..., Any], **arguments: Any) -> Rule:
    return lambda session, now: rule(session, now, user_id=ALICE, **arguments)


def as_bob(rule: Callable[..., Any], **arguments: Any) -> Rule:
    return lambda session, now: rule(session, now, user_id=BOB, **arguments)


def sending(*to: int) -> Rule:
    drafts = [draft(ALICE, user, client_msg_id=f"k{user}") for user in to]
    return lambda session, now: send(session, now, drafts, may_talk=may_talk)


def sending_pictures(*numbers: int) -> Rule:
    drafts = [picture(ALICE, BOB, f"{number:032}") for number in numbers]
    return lambda session, now: send(session, now, drafts, may_talk=may_talk)


def answering(*to: int) -> Rule:
    drafts = [draft(ALICE, BOB, client_msg_id=f"k{id_}", reply_to=id_) for id_ in to]
    return lambda session, now: send(session, now, drafts, may_talk=may_talk)


def backlogs(*asked: backlog.Asked) -> Rule:
    return lambda session, now: backlog.pages(session, now, asked=asked)


def syncing(heads: dict[str, int], changes: dict[str, int] | None = None) -> Rule:
    return as_alice(sync, heads=heads, changes=changes or {})


def proven(after: int, upto: int) -> Rule:
    return proving(Proof(BOB, LARGE, after, upto))


def publishing_of(shard: int) -> Rule:
    """Returns a rule that publishes what it has applied, as a drain does in two transactions."""
    return lambda session, now: publishing(applying(shard)(session, now))(session, now)


def forwarding(*message_ids: int) -> Rule:
    return as_alice(copies, message_ids=message_ids, targets=[Target(BOB, 0), Target(0, 7)])


def forwarding_again(session: Session, now: datetime) -> None:
    """Look for what a forward has stored whose message is gone: nothing."""
    to = [Target(0, number) for number in range(1, 21)]
    with pytest.raises(Refused):
        copies(session, now, user_id=ALICE, message_ids=[*range(1, 50), 10**9], targets=to, client_msg_id="k")


OF_ALICE = LENGTH - 2  # Alice sent the messages with an even seq
MANY = range(FRIENDS + 1, FRIENDS + 49)  # users with a conversation each
THOUSAND = {name: 1 for name in friends(*range(1, 1001))}

CALLS: dict[str, Rule] = {
    "send one": sending(BOB),
    "send 64": sending(BOB, *range(FRIENDS + 1, FRIENDS + 64)),
    "send a picture": sending_pictures(7),
    "send 64 pictures": sending_pictures(*range(1, 65)),
    "a reader": lambda session, _: readable(session, user_id=BOB, media_id=f"{7:032}"),
    "a reader of what went to many": lambda session, _: readable(session, user_id=ALICE, media_id=f"{1:032}"),
    "a signed address": lambda session, _: reachable(session, media_id=f"{7:032}"),
    "a signed address of what went to many": lambda session, _: reachable(session, media_id=f"{1:032}"),
    "send a reply": answering(10_001),
    "send 64 replies": answering(*range(10_001, 10_065)),
    "history of replies": as_alice(history, conversation_id=LARGE, before_seq=30_900, limit=100),
    "sync of replies": syncing({LARGE: 30_600}),
    "recall a picture": as_alice(recall, message_id=99_990),
    "delete a picture for everyone": as_bob(delete_for_everyone, message_id=5_000),
    "history, newest": as_bob(history, conversation_id=LARGE, limit=100),
    "history, before": as_bob(history, conversation_id=LARGE, before_seq=50_000, limit=100),
    "history, after": as_bob(history, conversation_id=LARGE, after_seq=50_000, limit=100),
    "history, before a message": as_bob(history, conversation_id=LARGE, last_message_id=70_000, limit=100),
    "history, of one who hides": as_alice(history, conversation_id=LARGE, before_seq=50_000, limit=100),
    "forward 50": forwarding(*range(50_001, 50_050), LENGTH + 1),
    "unread of one": as_alice(unread, conversation_id=LARGE),
    "read one": as_bob(read, message_id=OF_ALICE),
    "read up to": as_bob(read, conversation_id=LARGE, message_id=LENGTH - 50),
    "read all": as_bob(read, conversation_id=LARGE),
    "read nothing new": as_bob(read, conversation_id=LARGE, message_id=10),
    "recall the newest": as_alice(recall, message_id=OF_ALICE),
    "recall what is answered": as_alice(recall, message_id=LENGTH - 20_044),
    "recall the preview": as_alice(recall, message_id=LENGTH),
    "delete an old one for everyone": as_alice(delete_for_everyone, message_id=10_000),
    "delete the preview for everyone": as_bob(delete_for_everyone, message_id=LENGTH),
    "delete an old one for oneself": as_alice(delete_for_oneself, message_id=10_001),
    "delete the preview for oneself": as_bob(delete_for_oneself, message_id=LENGTH),
    "sync one": syncing({LARGE: LENGTH - 150}),
    "sync changes": syncing({LARGE: LENGTH - 150}, {LARGE: LENGTH - 150}),
    "sync all changes": syncing({LARGE: LENGTH}, {LARGE: 0}),
    "sync from nothing": syncing({}),
    "arrange": lambda session, now: arrange(session, now, user_id=ALICE, conversation_id=LARGE, is_top=True),
    "backlog, next page": backlogs((ALICE, (friends(2000)[0], 2))),
    "backlog of one": backlogs((BOB, None)),
    "backlogs, next pages": backlogs((ALICE, (friends(2000)[0], 2)), (BOB, (LARGE, 0))),
    "tops": lambda session, _: tops(session, group_rows(session, [ALICE])),
    "tops of many": lambda session, _: tops(session, group_rows(session, [ALICE, BOB, *MANY])),
    "delivered": proven(LENGTH - 50, LENGTH),
    "delivered, nothing new": proven(0, 100),
    "apply": applying(3),
    "apply the first": applying(3, limit=10),
    "apply of several": applying(2, 3, 4, 9, limit=150),
    "a look at a part of a conversation": lambda session, now: looks_wrong(
        session, now, conversation_id=LARGE, part=Part(most=100, place=0.5, carrying=100)
    ),
    "an audit of a part": lambda session, now: audit(
        session, now, conversation_id=LARGE, repair=False, part=Part(most=100, place=0.5, carrying=100)
    ),
}
# These count, skip or pass over rows by their nature. An index names the rows, and no others are read.
COUNTING: dict[str, tuple[Rule, int]] = {
    "publish": (publishing_of(3), 2 * 200),  # each event is looked up by its key, and again to be deleted
    "conversations, page 1": (
        lambda session, now: conversations(session, now, user_id=ALICE, page=1, limit=50),
        TALKS + 1,
    ),
    "conversations, page 80": (
        lambda session, now: conversations(session, now, user_id=ALICE, page=80, limit=50),
        TALKS + 1,
    ),
    "unread of all": (lambda session, _: total_unread(session, ALICE), TALKS + 1),
    "hello": (lambda session, now: hellos(session, now, user_ids=[ALICE]), TALKS + 1),
    "hello of many": (lambda session, now: hellos(session, now, user_ids=[ALICE, *MANY]), TALKS + 50),
    "a page of retention": (
        lambda session, now: due(session, now, after=50_000, page=1_000, kept=86_400, withdrawn_kept=86_400),
        2 * 1_000,  # the ids are counted in a table of their own
    ),
    "forward again what is gone": (forwarding_again, 1_000),
    # Whoever has thousands waiting makes the others wait for the next transaction, but not longer.
    "backlog, first page": (backlogs((ALICE, None)), 1_000),
    "backlogs, first pages": (backlogs((ALICE, None), (BOB, None), *((user, None) for user in MANY)), 1_000),
    "sync with 1,000 named": (syncing(THOUSAND), 1_000),
    "sync with 1,000 named in both": (syncing(THOUSAND, THOUSAND), 1_000),
}


def check(asked: list[Statement], spare: int) -> None:
    for statement in asked:
        for step in statement.plan:
            whole = step["type"] in ("ALL", "index") and not str(step["table"]).startswith("<")
            assert not whole, statement
        assert statement.reads <= statement.rows + spare, statement


@pytest.mark.parametrize("name", CALLS)
def test_a_call_reads_little_more_than_it_answers(large: str, name: str) -> None:
    asked = statements_of(CALLS[name])
    assert asked
    check(asked, SPARE)


@pytest.mark.parametrize("name", COUNTING)
def test_a_call_that_counts_reads_no_more_than_there_is_to_count(large: str, name: str) -> None:
    rule, counted = COUNTING[name]
    check(statements_of(rule), counted + SPARE)


def test_what_is_measured_here_would_show_a_scan(large: str) -> None:
    def scan(session: Session, _now: datetime) -> None:
        session.connection().exec_driver_sql("SELECT id FROM im_message WHERE content = 'nothing'").all()

    (scanned,) = statements_of(scan)
    assert scanned.reads > LENGTH
    with pytest.raises(AssertionError):
        check([scanned], SPARE)
    assert Counter(step["type"] for step in scanned.plan) == {"ALL": 1}


def test_the_rules_succeed_on_the_large_database(large: str) -> None:
    """The measured transactions are rolled back, but this one is not."""
    assert write(history, user_id=BOB, conversation_id=LARGE).has_more
