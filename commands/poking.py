"""Telling the workers which shards to drain."""

from collections.abc import Sequence

import click

from actions import work
from infra.tasks import AWAY


def poke(shards: Sequence[int]) -> None:
    """Have workers drain these shards. While Redis is away this is said, and the sweep does it later."""
    try:
        work.resume(sorted(set(shards)))
    except AWAY as error:
        click.echo(f"Redis is away, so that it is told when it is back: {error}", err=True)
