"""The backlog: messages for which none of a user's devices has answered yet, in pages.

It holds at most the newest 200 messages of each conversation. Older ones are left to `sync`: their run is not `whole`.
Pages of many users are read together, by a few statements that are built once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Select, and_, bindparam, case, cast, func, or_, select, true
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from db.message import Message
from messaging.draft import MAX_CONTENT, MAX_EXTRA, MOST_ADDED
from messaging.groups.rows import GroupRow, group_rows
from messaging.hidden import hiding
from messaging.message import COLUMNS, wire
from messaging.replies import MARKED, MOST_BYTES, originals
from messaging.tops import Top, tops

PAGE = 200
PAGE_BYTES = 256 * 1024  # of frames: Redis cuts off a relay that falls behind, and with it all users connected there
TOGETHER_BYTES = 10 * PAGE_BYTES  # of the pages that are read in one transaction
MOST_PER_CONVERSATION = 200
_AROUND = 640  # the most bytes that a frame holds besides content and extra
# JSON spells a character in 6 bytes at most.
_LARGEST = 6 * MAX_CONTENT + MAX_EXTRA + MOST_ADDED + MOST_BYTES + _AROUND
_ROWS_TOGETHER = 1_000  # conversations that wait; more than one user has in a page
_AT_ONCE = 32  # ranges in a statement
_IDS_AT_ONCE = 500  # in a statement

Cursor = tuple[str, int]  # conversation_id and seq of the last message sent so far
Asked = tuple[int, Cursor | None]  # user id, and where the page before ended
_Place = tuple[str, int]  # conversation_id, seq
_Waiting = tuple[str, int, int]  # conversation_id, the last seq, the seq up to which a device has answered

_ROWS, _MESSAGES = table(Conversation).c, table(Message).c


def _waits(*conditions: ColumnElement[bool]) -> Select[Any]:
    # The order is the index's, so that no more rows are read than are wanted. IS TRUE would use no index. Without the
    # hint MySQL may go through all of a user's conversations in the order of another index.
    statement = (
        select(_ROWS.user_id, _ROWS.conversation_id, _ROWS.last_seq, _ROWS.delivered_seq)
        .where(_ROWS.undelivered == true(), *conditions)
        .order_by(_ROWS.user_id, _ROWS.undelivered, _ROWS.conversation_id)
    )
    for dialect in ("mysql", "mariadb"):
        statement = statement.with_hint(table(Conversation), "FORCE INDEX (idx_im_conversation_backlog)", dialect)
    return statement


# Built once: putting a statement together costs more than running it.
_FIRST = _waits(_ROWS.user_id.in_(bindparam("users", expanding=True))).limit(_ROWS_TOGETHER)
_NEXT = _waits(_ROWS.user_id == bindparam("user"), _ROWS.conversation_id >= bindparam("name")).limit(PAGE + 1)


@dataclass(frozen=True, slots=True)
class Run:
    """The messages of one conversation in a page: the seqs in (`after`, `upto`].

    `whole` says that the run follows on the delivered messages, or on the page before, with no message left out.
    """

    conversation_id: str
    after: int
    upto: int
    whole: bool

    @property
    def places(self) -> list[_Place]:
        """Returns the places of its messages, in their order."""
        return [(self.conversation_id, seq) for seq in range(self.after + 1, self.upto + 1)]


@dataclass(frozen=True, slots=True)
class Page:
    """`messages` in the order to push them in, and the `cursor` of the next page: None when this is the last.

    A first page has the `tops` of its user's conversations.
    """

    messages: list[dict[str, Any]]
    runs: list[Run]
    cursor: Cursor | None
    tops: list[Top] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a page will hold, and whether more messages are waiting behind it."""

    runs: list[Run]
    more: bool

    @property
    def places(self) -> list[_Place]:
        return [place for run in self.runs for place in run.places]

    @property
    def cursor(self) -> Cursor | None:
        return (self.runs[-1].conversation_id, self.runs[-1].upto) if self.more else None


def pages(session: Session, _now: datetime, *, asked: Sequence[Asked]) -> list[Page | None]:
    """Returns the next page for each that is asked for: messages up to the `last_seq` of their conversation rows.

    None stands for a page that has to be asked for again, because the others fill the transaction. At least one page
    is read.
    """
    groups = group_rows(session, {user_id for user_id, _ in asked})
    known = tops(session, {user_id: groups[user_id] for user_id, cursor in asked if cursor is None})
    waiting = _waiting(session, asked, groups)
    plans = [None if rows is None else _fit(rows, cursor) for rows, (_, cursor) in zip(waiting, asked, strict=True)]
    plans = _within_bytes(session, plans)
    found = _read(session, _messages, plans)
    by_place = {(row.conversation_id, row.seq): row for row in found}
    rows = [[by_place[place] for place in plan.places if place in by_place] if plan else [] for plan in plans]
    hidden = _hidden(session, [row.id for row in found])
    answered = originals(session, _by_user(asked, rows))
    of_groups = [row for its in groups.values() for row in its] if answered.by_id else []
    ranges = {(row.user_id, row.conversation_id): row.seen for row in of_groups}
    answers: list[Page | None] = []
    for (user_id, cursor), plan, of in zip(asked, plans, rows, strict=True):
        messages = [
            wire(row, hidden=(user_id, row.id) in hidden, reply=answered.reply(row, user_id, ranges=ranges))
            for row in of
        ]
        at_top = [] if cursor else known[user_id]
        answers.append(Page(messages, plan.runs, plan.cursor, at_top) if plan else None)
    return answers


def _by_user(asked: Sequence[Asked], rows: Sequence[list[Any]]) -> dict[int, list[Any]]:
    shown: dict[int, list[Any]] = {}
    for (user_id, _), some in zip(asked, rows, strict=True):
        shown.setdefault(user_id, []).extend(some)
    return shown


def _waiting(
    session: Session, asked: Sequence[Asked], groups: Mapping[int, Sequence[GroupRow]]
) -> list[Sequence[_Waiting] | None]:
    """Returns the conversations that wait, for each that is asked for; None where they were not read to the page's end.

    They are in the order of their ids, by which groups come after all pairs.
    """
    first = _first(session, {user_id for user_id, cursor in asked if cursor is None})
    nexts = [Call(_NEXT, {"user": user_id, "name": cursor[0]}) for user_id, cursor in asked if cursor]
    found = iter(fly(session, *nexts))
    pairs = [[row[1:] for row in next(found)] if cursor else first.get(user_id) for user_id, cursor in asked]
    return [
        None if of is None else [*of, *_waiting_groups(groups[user_id], cursor)]
        for of, (user_id, cursor) in zip(pairs, asked, strict=True)
    ]


def _waiting_groups(rows: Sequence[GroupRow], cursor: Cursor | None) -> list[_Waiting]:
    """Returns the groups that wait, of all of a user's, from that of the cursor on."""
    since = cursor[0] if cursor else ""
    return [
        (row.conversation_id, row.end_seq, row.received_seq)
        for row in rows
        if row.waits and row.conversation_id >= since
    ]


def _first(session: Session, users: Collection[int]) -> dict[int, list[_Waiting]]:
    """Returns the conversations that wait, by user, of those users whose first page they surely fill or end.

    A user with thousands of them takes the others' place, but never that of their own page.
    """
    (rows,) = fly(session, Call(_FIRST, {"users": sorted(users)})) if users else ([],)
    found: dict[int, list[_Waiting]] = {user_id: [] for user_id in users}
    for user_id, *row in rows:
        found[user_id].append((row[0], row[1], row[2]))
    if len(rows) < _ROWS_TOGETHER:
        return found
    last = rows[-1].user_id
    return {user_id: of for user_id, of in found.items() if user_id < last or len(of) > PAGE}


def _fit(waiting: Sequence[_Waiting], cursor: Cursor | None) -> _Plan:
    """Returns what fits into one page by the number of messages."""
    runs: list[Run] = []
    room = PAGE
    for name, last_seq, delivered_seq in waiting:
        known = max(delivered_seq, cursor[1] if cursor and cursor[0] == name else 0)
        after = max(known, last_seq - MOST_PER_CONVERSATION)
        if after >= last_seq:
            continue
        if not room:
            return _Plan(runs, more=True)
        upto = min(last_seq, after + room)
        runs.append(Run(name, after, upto, whole=after == known))
        room -= upto - after
        if upto < last_seq:
            return _Plan(runs, more=True)
    return _Plan(runs, more=len(waiting) > PAGE)


def _within_bytes(session: Session, plans: Sequence[_Plan | None]) -> list[_Plan | None]:
    """Returns as much of each plan as PAGE_BYTES hold, and None instead of those that TOGETHER_BYTES do not hold.

    It reads only the messages' sizes, and not even these when the largest messages would fit.
    """
    counts = [len(plan.places) if plan else 0 for plan in plans]
    if max(counts) * _LARGEST <= PAGE_BYTES and sum(counts) * _LARGEST <= TOGETHER_BYTES:
        return list(plans)
    sizes = {(name, seq): size for name, seq, size in _read(session, _sizes, plans)}
    fitting: list[_Plan | None] = []
    room = TOGETHER_BYTES
    for plan in plans:
        light, weight = _light(plan, sizes) if plan else (None, 0)
        if weight > room != TOGETHER_BYTES:
            light, weight = None, 0
        fitting.append(light)
        room -= weight
    return fitting


def _light(plan: _Plan, sizes: Mapping[_Place, int]) -> tuple[_Plan, int]:
    """Returns as much of a plan as PAGE_BYTES hold, at least one message, and how many bytes that is."""
    weight = 0
    last: _Place | None = None
    for place in plan.places:
        size = sizes.get(place, 0)
        if last and weight + size > PAGE_BYTES:
            return _Plan(_upto(plan.runs, *last), more=True), weight
        weight, last = weight + size, place
    return plan, weight


def _upto(runs: Sequence[Run], name: str, seq: int) -> list[Run]:
    place = [run.conversation_id for run in runs].index(name)
    return [*runs[:place], replace(runs[place], upto=seq)]


def _read(session: Session, built: Callable[[int], Select[Any]], plans: Iterable[_Plan | None]) -> list[Any]:
    """Returns the rows of the plans' messages, once each, by a statement that is built for a number of ranges."""
    ranges = sorted({(run.conversation_id, run.after, run.upto) for plan in plans if plan for run in plan.runs})
    parts = [ranges[start : start + _AT_ONCE] for start in range(0, len(ranges), _AT_ONCE)]
    found = fly(session, *(Call(built(len(part)), _named(part)) for part in parts))
    return [row for rows in found for row in rows]


def _hidden(session: Session, message_ids: Sequence[int]) -> set[tuple[int, int]]:
    """Returns user id and message id for each user who has hidden one of these messages."""
    parts = [message_ids[start : start + _IDS_AT_ONCE] for start in range(0, len(message_ids), _IDS_AT_ONCE)]
    found = fly(session, *(hiding(part) for part in parts))
    return {(row.user_id, row.message_id) for rows in found for row in rows}


def _named(ranges: Sequence[tuple[str, int, int]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for number, (name, after, upto) in enumerate(ranges):
        values |= {f"name_{number}": name, f"after_{number}": after, f"upto_{number}": upto}
    return values


@cache
def _messages(count: int) -> Select[Any]:
    return _in_order(select(*COLUMNS), count)


@cache
def _sizes(count: int) -> Select[Any]:
    reply = case((MARKED, MOST_BYTES), else_=0)
    size = _bytes(func.json_quote(_MESSAGES.content)) + func.coalesce(_bytes(_MESSAGES.extra), 0) + _AROUND + reply
    return _in_order(select(_MESSAGES.conversation_id, _MESSAGES.seq, size), count)


def _bytes(text: ColumnElement[Any]) -> ColumnElement[int]:
    return func.length(cast(text, LargeBinary))  # SQLite would count characters


def _in_order(statement: Select[Any], count: int) -> Select[Any]:
    ranges = [
        and_(
            _MESSAGES.conversation_id == bindparam(f"name_{number}"),
            _MESSAGES.seq > bindparam(f"after_{number}"),
            _MESSAGES.seq <= bindparam(f"upto_{number}"),
        )
        for number in range(count)
    ]
    return statement.where(or_(*ranges)).order_by(_MESSAGES.conversation_id, _MESSAGES.seq)
