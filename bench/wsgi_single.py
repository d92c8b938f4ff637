"""The baseline of group commit: the web door with every send in a transaction of its own."""

from db import group_commit

group_commit.MAX_BATCH = 1

from wsgi import web  # noqa: E402 - the limit must be set before anything is built

__all__ = ["web"]
