"""Sending a message: the outside directory is asked, then come the group commit, the fast path and the poke."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from actions import directory
from actions.fast import publish_fast
from actions.poke import poke
from db.errors import DatabaseUnavailable
from db.flight import Call, Rows
from db.group_commit import GroupCommit
from infra import logs, trace
from infra.metrics import sends
from infra.settings import settings
from messaging.directory import MayTalk, Pair
from messaging.draft import Draft
from messaging.errors import Refused
from messaging.send import Sent, ask, store

log = logs.get(__name__)

Question = Callable[[], bool]

_TOGETHER = 32  # half of a batch: what others send has the other half


class TooLate(Exception):
    """The caller stopped waiting before COMMIT; their message was not stored."""


class _SomebodyTooLate(Exception):
    """Rolls back a batch in which a caller stopped waiting meanwhile: the other callers go again without them."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    draft: Draft
    talking: frozenset[Pair]
    gone: Question
    too_late: Question


def submit(draft: Draft, *, gone: Question = lambda: False, too_late: Question = lambda: False) -> Sent:
    """Store a draft and have it delivered, unless its caller has stopped waiting. Returns the stored message.

    `gone` is asked when the draft's turn comes. `too_late` is asked then and again before COMMIT, where it rolls back
    the whole batch: it is for callers who can be trusted not to do that to others on purpose.

    Raises the Refused that messaging.send answers, DatabaseUnavailable (also for an outside directory that is away),
    and TooLate.
    """
    (answer,) = _submit([draft], gone, too_late)
    if isinstance(answer, BaseException):
        raise answer
    return answer


def submit_all(drafts: Sequence[Draft], *, gone: Question = lambda: False) -> list[Sent | Refused]:
    """Store many drafts of one caller as `submit` does, in their order. Returns the answer to each.

    They go in parts, so that what others send meanwhile is stored between them. Raises what `submit` raises but for
    Refused: some of the drafts may be stored then, and those behind the part that failed are not.
    """
    answers: list[Sent | Refused] = []
    for start in range(0, len(drafts), _TOGETHER):
        for answer in _submit(drafts[start : start + _TOGETHER], gone, lambda: False):
            if not isinstance(answer, Sent | Refused):
                raise answer
            answers.append(answer)
    return answers


def _submit(drafts: Sequence[Draft], gone: Question, too_late: Question) -> Sequence[Sent | BaseException]:
    answers: Sequence[Sent | BaseException]
    began = time.time()
    try:
        talking = directory.asked({pair for draft in drafts for pair in _pairs(draft)})
        answers = _commit([_Asked(draft, talking, gone, too_late) for draft in drafts])
    except Exception as error:  # noqa: BLE001 - whoever asked raises it
        answers = [error] * len(drafts)
    for answer in answers:
        if isinstance(answer, Sent):
            _deliver(answer, began)
        else:
            sends.labels(_outcome(answer)).inc()
    return answers


def _commit(asked: Sequence[_Asked]) -> Sequence[Sent | BaseException]:
    while True:
        answers = _commits.submit_all(asked)
        if not any(isinstance(answer, _SomebodyTooLate) for answer in answers):  # which rolls back all of a batch
            return answers


def _deliver(sent: Sent, began: float) -> None:
    sends.labels("duplicate" if sent.duplicate else "stored").inc()
    traced = trace.traced(sent.message["id"], trace.current())
    if traced:
        place = {name: sent.message[name] for name in ("conversation_id", "seq", "from_user_id")}
        trace.tell(log, "sent", [traced], began=began, duplicate=sent.duplicate, **place)
    if settings().fast_publish and not sent.duplicate:
        publish_fast(sent.message, sent.members_seq, sent.quote, traced)
    poke(sent.shard)


def _outcome(error: BaseException) -> str:
    match error:
        case Refused():
            return "refused"
        case TooLate():
            return "too_late"
        case DatabaseUnavailable():
            return "unavailable"
    return "failed"


def _pairs(draft: Draft) -> set[Pair]:
    return set() if draft.group_id else {(draft.from_user_id, draft.to_user_id)}


def _ask(batch: Sequence[_Asked], again: bool) -> list[Call]:
    return ask([each.draft for each in batch], may_talk=_may_talk(batch), again=again)


def _store(
    session: Session, now: datetime, rows: Sequence[Rows], batch: Sequence[_Asked], again: bool
) -> list[Sent | Exception]:
    places = [place for place, each in enumerate(batch) if not each.gone() and not each.too_late()]
    waiting = [batch[place] for place in places]
    drafts = [each.draft for each in waiting]
    asked = [each.draft for each in batch]
    stored = store(session, now, rows, drafts, may_talk=_may_talk(batch), again=again, asked=asked)
    if any(each.too_late() for each in waiting):
        raise _SomebodyTooLate
    answers: list[Sent | Exception] = [TooLate()] * len(batch)
    for place, answer in zip(places, stored, strict=True):
        answers[place] = answer
    return answers


def _may_talk(batch: Sequence[_Asked]) -> MayTalk:
    return directory.within({pair for each in batch for pair in each.talking})


_commits: GroupCommit[_Asked, Sent] = GroupCommit(
    _ask, _store, repeatable=lambda asked: asked.draft.client_msg_id is not None
)
