"""Forwarding: what the caller sees of the messages is read, and then copies are sent like any other messages."""

from collections.abc import Sequence
from typing import Any

from actions import send
from actions.send import Question
from db.session import read
from messaging import forward as rule
from messaging.errors import Code, Refused
from messaging.forward import Target


def forward(
    user_id: int,
    *,
    message_ids: Sequence[int],
    targets: Sequence[Target],
    client_msg_id: str | None,
    gone: Question = lambda: False,
) -> tuple[list[dict[str, Any]], dict[Target, Code]]:
    """Send copies of messages to each target, in the order of `message_ids`. `gone` is asked before each is stored.

    Returns the stored copies, those for the first target first, and the targets that did not get all of them, each
    with the code of the first refusal. A repeat with the same `client_msg_id` stores what is not stored yet.
    Raises what messaging.forward and `send.submit_all` raise.
    """
    drafts, answers = read(
        rule.copies, user_id=user_id, message_ids=message_ids, targets=targets, client_msg_id=client_msg_id
    )
    if answers is None:
        answers = send.submit_all(drafts, gone=gone)
    failed: dict[Target, Code] = {}
    for draft, answer in zip(drafts, answers, strict=True):
        if isinstance(answer, Refused):
            failed.setdefault(Target(draft.to_user_id, draft.group_id), answer.code)
    return [answer.message for answer in answers if not isinstance(answer, Refused)], failed
