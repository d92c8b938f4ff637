"""Work that would stall an event loop: in a gevent-patched process a native thread does it."""

import sys
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_gevent() -> bool:
    """Returns whether gevent has patched this process, so that greenlets share one thread."""
    monkey = sys.modules.get("gevent.monkey")  # not imported: workers and rpc have no use for gevent
    return monkey is not None and monkey.is_module_patched("socket")


def off_the_loop(work: Callable[[], T]) -> T:
    """Run `work` without holding up other greenlets. Returns what it returns, raises what it raises."""
    if not in_gevent():
        return work()
    from gevent import get_hub

    outcome: tuple[T, None] | tuple[None, BaseException] = get_hub().threadpool.apply(_outcome, (work,))
    value, error = outcome
    if error is not None:
        raise error
    return value  # type: ignore[return-value]


def _outcome(work: Callable[[], T]) -> tuple[T, None] | tuple[None, BaseException]:
    """Returns an exception as a value: gevent would print one raised in its thread, with all that it carries."""
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001 - `off_the_loop` raises it in the greenlet
        return None, error
