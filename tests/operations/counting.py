"""Asks the processes of a deployment what they have counted, as Prometheus does."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.processes import wait_until
from tests.stack import Service, Stack


def total(stack: Stack, kind: str, name: str, /, **labels: str) -> float:
    """Returns what all processes of a kind have counted."""
    return sum(each.metric(name, **labels) for each in stack.named(kind) if isinstance(each, Service))


@contextmanager
def counted(stack: Stack, kind: str, name: str, /, **labels: str) -> Iterator[None]:
    """Fail unless what is done in the block is counted, soon after."""
    before = total(stack, kind, name, **labels)
    yield
    wait_until(lambda: total(stack, kind, name, **labels) > before, f"{name} to grow")


def reached(stack: Stack, kind: str, name: str, least: float, /, **labels: str) -> None:
    """Wait until the processes of a kind show at least so much."""
    wait_until(lambda: total(stack, kind, name, **labels) >= least, f"{name} to be {least:g}")
