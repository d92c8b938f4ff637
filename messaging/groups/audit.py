"""The audit of a group: its head and its members' rows must equal a recount."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from db.group import Group, GroupStatus
from db.group_member import GroupMember
from db.head import Head
from db.message import Message
from messaging import unread
from messaging.conversation_id import group_of
from messaging.drift import Drift, Part
from messaging.groups import views
from messaging.groups.roles import Role
from messaging.message import by_seq
from messaging.message_type import MessageType
from messaging.status import Status

_ROWS_AT_ONCE = 500
_CHECKED = ("read_seq", "delivered_seq", "base")

# Built once: putting a statement together costs as much as running it.
_HEADS, _GROUPS, _MEMBERS = table(Head).c, table(Group).c, table(GroupMember).c
_ROWS, _MESSAGES = table(Conversation).c, table(Message).c
_NAME: BindParameter[str] = bindparam("name")
_GROUP: BindParameter[int] = bindparam("group")
_HEAD = select(_HEADS.last_seq, _HEADS.counted, _HEADS.last_message_id).where(_HEADS.conversation_id == _NAME)
_THE_GROUP = select(_GROUPS.owner_id, _GROUPS.member_count, _GROUPS.status).where(_GROUPS.id == _GROUP)
_IN_IT = select(_MEMBERS.user_id, _MEMBERS.role).where(_MEMBERS.group_id == _GROUP)
_OWNERS = _IN_IT.where(_MEMBERS.role == Role.OWNER)
_HOW_MANY = select(func.count()).select_from(table(GroupMember)).where(_MEMBERS.group_id == _GROUP)
_SOME_OF_THEM = _IN_IT.where(_MEMBERS.user_id.in_(bindparam("users", expanding=True)))
_ALL_ROWS = select(func.count()).select_from(table(Conversation)).where(_ROWS.conversation_id == _NAME)
_OPEN_ROWS = _ALL_ROWS.where(_ROWS.upto_seq.is_(None))
_SOME_ROWS = (
    select(*(_ROWS[field.name] for field in fields(views.GroupView)))
    .where(_ROWS.conversation_id == _NAME)
    .order_by(_ROWS.read_seq, _ROWS.id)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_COUNTED = (
    select(func.count())
    .select_from(table(Message))
    .where(_MESSAGES.conversation_id == _NAME, _MESSAGES.message_type != MessageType.SYSTEM)
)
_LAST_SHOWN = (
    by_seq(select(Message.id).where(Message.conversation_id == _NAME, Message.status != Status.DELETED))
    .order_by(Message.seq.desc())
    .limit(1)
)


def group_drift(
    session: Session, now: datetime, name: str, newest: int, part: Part, *, lock: bool, repair: bool
) -> list[Drift]:
    """Returns what differs in a group whose newest seq is `newest`, repaired with `repair`.

    With `lock` the rows of members are locked, as the head has to be.
    """
    named, of = {"name": name}, {"group": group_of(name)}
    (head,), found, owners, ((count,),), shown = fly(
        session,
        Call(_HEAD, named),
        Call(_THE_GROUP, of),
        Call(_OWNERS, of),
        Call(_HOW_MANY, of),
        Call(_LAST_SHOWN, named),
    )
    if not found:
        return [Drift(name, 0, "conversation_id", name, None)]
    drift = list(_of_head(session, name, head, newest, shown, part))
    counted = next((each.right for each in drift if each.what == "head counted"), head.counted)
    if count <= part.members:
        drift += _without_rows(session, name, count)
    if found[0].member_count != count:
        drift.append(Drift(name, 0, "member_count", found[0].member_count, count))
    gone = not owners and found[0].status == GroupStatus.DISSOLVED  # which its owner may leave
    # Not repaired: nobody else can say whose it is.
    if [row.user_id for row in owners] != [found[0].owner_id] and not gone:
        drift.append(Drift(name, found[0].owner_id, "owner", [row.user_id for row in owners], found[0].owner_id))
    if repair:
        _repair(session, name, drift)
    for rows in _rows(session, name, part, lock=lock):
        drift += _of_rows(session, now, rows, newest, counted, part, repair=repair)
    return drift


def _without_rows(session: Session, name: str, count: int) -> Iterator[Drift]:
    """Yields a drift when fewer rows are of members than there are members. That of each row is found with the row."""
    (((rows,),),) = fly(session, Call(_OPEN_ROWS, {"name": name}))
    if rows < count:  # not repaired: what they have read is lost
        yield Drift(name, 0, "rows", rows, count)


def _of_head(session: Session, name: str, head: Any, newest: int, shown: Sequence[Any], part: Part) -> Iterator[Drift]:
    if newest <= part.most:
        (((counted,),),) = fly(session, Call(_COUNTED, {"name": name}))
        if counted != head.counted:
            yield Drift(name, 0, "head counted", head.counted, counted)
    last = shown[0][0] if shown else None
    if head.last_message_id != last:
        yield Drift(name, 0, "head last_message_id", head.last_message_id, last)


def _repair(session: Session, name: str, drift: Sequence[Drift]) -> None:
    columns = {each.what.removeprefix("head "): each.right for each in drift if each.what.startswith("head ")}
    if columns:
        session.execute(update(table(Head)).where(_HEADS.conversation_id == name).values(columns))
    for each in drift:
        if each.what == "member_count":
            session.execute(update(table(Group)).where(_GROUPS.id == group_of(name)).values(member_count=each.right))


def _rows(session: Session, name: str, part: Part, *, lock: bool) -> Iterator[list[views.GroupView]]:
    """Yields the rows to check, some at a time."""
    (((total,),),) = fly(session, Call(_ALL_ROWS, {"name": name}))
    offset, count = part.rows_of(total)
    users: list[views.GroupView] = []
    for start in range(0, count, _ROWS_AT_ONCE):  # all are read before any is changed, which would move it
        limit = min(_ROWS_AT_ONCE, count - start)
        (found,) = fly(session, Call(_SOME_ROWS, {"name": name, "limit": limit, "offset": offset + start}))
        users += [views.GroupView(*row) for row in found]
    for start in range(0, len(users), _ROWS_AT_ONCE):
        some = users[start : start + _ROWS_AT_ONCE]
        yield list(views.lock(session, [(name, row.user_id) for row in some]).values()) if lock else some


def _of_rows(
    session: Session,
    now: datetime,
    rows: list[views.GroupView],
    newest: int,
    counted: int,
    part: Part,
    *,
    repair: bool,
) -> Iterator[Drift]:
    if not rows:
        return
    name = rows[0].conversation_id
    stored = [{what: getattr(row, what) for what in _CHECKED} for row in rows]
    countable: list[views.GroupView] = []
    for row in rows:
        last = newest if row.upto_seq is None else min(newest, row.upto_seq)
        row.read_seq = min(row.read_seq, last)
        row.delivered_seq = min(row.delivered_seq, last)
        if last - max(row.read_seq, row.first_seq) <= part.most:
            countable.append(row)
    asked = {"group": group_of(name), "users": [row.user_id for row in rows]}
    there, *counts = fly(
        session, Call(_SOME_OF_THEM, asked), *(unread.counting_in_group(row, upto=newest) for row in countable)
    )
    for row, ((count,),) in zip(countable, counts, strict=True):
        row.discount(row.unread_count(counted) - count)
    drifted = []
    for row, before in zip(rows, stored, strict=True):
        changed = [what for what in _CHECKED if before[what] != getattr(row, what)]
        drifted += [row] if changed else []
        for what in changed:
            yield Drift(name, row.user_id, what, before[what], getattr(row, what))
    if repair and drifted:
        fly(session, views.writing(session, now, drifted))
    members = {row.user_id for row in there}
    for row in rows:  # not repaired: nothing says which of the two is right
        if (row.user_id in members) != (row.upto_seq is None):
            yield Drift(name, row.user_id, "membership", row.upto_seq is None, row.user_id in members)
