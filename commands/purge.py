"""`im purge`: what the retention does, now and to the end."""

from collections import Counter

import click

from actions.purge import PAGE, steps
from commands.service import Misused, OnDatabase, as_json, say
from db.session import read
from infra.settings import settings
from messaging import retention
from messaging.retention import Due

_DAY = 86_400
_days = click.FloatRange(1, 36_500)


@click.command("purge", cls=OnDatabase)
@click.option("--older-than", type=_days, metavar="DAYS", help="Instead of RETENTION_SECONDS.")
@click.option("--withdrawn", type=_days, metavar="DAYS", help="Instead of RETENTION_DELETED_SECONDS.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--yes", is_flag=True, help="Do it.")
@as_json
def command(older_than: float | None, withdrawn: float | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove old messages for good, and the texts of those that were withdrawn long ago. It may be run again."""
    kept = settings().retention_seconds if older_than is None else int(older_than * _DAY)
    withdrawn_kept = settings().retention_deleted_seconds if withdrawn is None else int(withdrawn * _DAY)
    if not kept and not withdrawn_kept:
        raise Misused("this deployment keeps everything: say --older-than or --withdrawn")
    if dry_run is yes:
        raise Misused("say --dry-run to count, or --yes to remove for good")
    counts: Counter[str] = Counter()
    after: int | None = 0
    while after is not None:
        due = read(retention.due, after=after, page=PAGE, kept=kept, withdrawn_kept=withdrawn_kept)
        counts.update(_counted(due) if dry_run else _done(due))
        after = due.upto
    told = f"{counts['message']} messages, {counts['text']} texts {'are due' if dry_run else 'removed'}"
    say(as_json, {"messages": counts["message"], "texts": counts["text"], "removed": not dry_run}, told)


def _counted(due: Due) -> dict[str, int]:
    return {"message": sum(map(len, due.old.values())), "text": len(due.withdrawn)}


def _done(due: Due) -> Counter[str]:
    done: Counter[str] = Counter()
    for step in steps(due):
        done[step.what] += step.do()
    return done
