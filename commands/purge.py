"""`im purge`: what the retention does, now and to the end."""

from collections import Counter

from actions.purge import PAGE, steps
from commands.service import Misused, say
from db.session import read
from infra.settings import settings
from messaging import retention
from messaging.retention import Due

_DAY = 86_400


def run(older_than: float | None, withdrawn: float | None, yes: bool, as_json: bool) -> None:
    """Remove what is due, or count it unless `yes`."""
    kept = settings().retention_seconds if older_than is None else int(older_than * _DAY)
    withdrawn_kept = settings().retention_deleted_seconds if withdrawn is None else int(withdrawn * _DAY)
    if not kept and not withdrawn_kept:
        raise Misused("this deployment keeps everything: say --older-than or --withdrawn")
    counts: Counter[str] = Counter()
    after: int | None = 0
    while after is not None:
        due = read(retention.due, after=after, page=PAGE, kept=kept, withdrawn_kept=withdrawn_kept)
        counts.update(_done(due) if yes else _counted(due))
        after = due.upto
    told = f"{counts['message']} messages, {counts['text']} texts {'removed' if yes else 'are due'}"
    say(as_json, {"messages": counts["message"], "texts": counts["text"], "removed": yes}, told)


def _counted(due: Due) -> dict[str, int]:
    return {"message": sum(map(len, due.old.values())), "text": len(due.withdrawn)}


def _done(due: Due) -> Counter[str]:
    done: Counter[str] = Counter()
    for step in steps(due):
        done[step.what] += step.do()
    return done
