"""Work that would stall an event loop: in a gevent-patched process a native thread does it."""

import sys
from collections.abc import Callable
from contextvars import copy_context
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from gevent.threadpool import ThreadPool

T = TypeVar("T")
_THREADS = 10  # of a pool: as many as gevent's own has


def in_gevent() -> bool:
    """Returns whether gevent has patched this process, so that greenlets share one thread."""
    monkey = sys.modules.get("gevent.monkey")  # not imported: workers and rpc have no use for gevent
    return monkey is not None and monkey.is_module_patched("socket")


def off_the_loop(work: Callable[[], T], *, pool: str | None = None) -> T:
    """Run `work` without holding up other greenlets. Returns what it returns, raises what it raises.

    Work that may wait for long names a `pool`, which has ten threads of its own: the others are never taken by it.
    """
    if not in_gevent():
        return work()
    from gevent import get_hub

    threads = get_hub().threadpool if pool is None else _pool(pool)
    context = copy_context()  # with the ids of the request, for the log
    outcome: tuple[T, None] | tuple[None, BaseException] = threads.apply(context.run, (_outcome, work))
    value, error = outcome
    if error is not None:
        raise error
    return value  # type: ignore[return-value]


@cache
def _pool(name: str) -> "ThreadPool":  # noqa: ARG001 - one for each name
    from gevent.threadpool import ThreadPool

    return ThreadPool(_THREADS)


def _outcome(work: Callable[[], T]) -> tuple[T, None] | tuple[None, BaseException]:
    """Returns an exception as a value: gevent would print one raised in its thread, with all that it carries."""
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001 - `off_the_loop` raises it in the greenlet
        return None, error
