"""Calls to another service over gRPC: many at once, each with a deadline and one retry, behind a breaker."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import grpc
import grpc.experimental.gevent

from infra import logs
from infra.breaker import Breaker
from infra.off_the_loop import in_gevent

log = logs.get(__name__)

DEADLINE_SECONDS = 0.3
_MOST_AT_ONCE = 32  # calls in flight; a service that sheds load would refuse hundreds
_AWAY = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.INTERNAL,  # also means that the answer could not be decoded
}
_OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    # Reconnect within a second of the service's return; the default grows to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 30_000),
]


@dataclass(frozen=True, slots=True)
class Method:
    """A unary method. With `optional` any refusal is answered with None, as NOT_FOUND always is."""

    stub: Any
    seconds: float
    optional: bool


Call = tuple[Method, Any]  # a method and its request


class ServiceAway(Exception):
    """The service did not answer in time, refused twice, answered nonsense, or its breaker is open."""


class Service:
    """One service at one address (any gRPC target). Create it after the fork and after gevent has patched."""

    def __init__(self, address: str) -> None:
        _init_gevent()
        self._address = address
        self._breaker = Breaker()
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)

    def method(self, path: str, response: Any, *, seconds: float = DEADLINE_SECONDS, optional: bool = False) -> Method:
        """Returns the method of that path and class of response, with a deadline of `seconds` for each try."""
        return Method(self._channel.unary_unary(path, _serialize, response.FromString), seconds, optional)

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        """Make all calls, 32 at a time. Returns their responses in order, None for NOT_FOUND. Raises ServiceAway."""
        if not self._breaker.allows():
            raise ServiceAway(f"{self._address} is left alone for a moment")
        starts = range(0, len(calls), _MOST_AT_ONCE)
        return [answer for start in starts for answer in self._ask(calls[start : start + _MOST_AT_ONCE])]

    def _ask(self, calls: Sequence[Call]) -> list[Any]:
        answers = self._attempt(calls)
        failed = [place for place, answer in enumerate(answers) if isinstance(answer, grpc.RpcError)]
        for place, again in zip(failed, self._attempt([calls[place] for place in failed]), strict=True):
            if isinstance(again, grpc.RpcError):
                log.warning("outside_failed", address=self._address, status=again.code().name)
                raise ServiceAway(f"{self._address}: {again.code().name}") from again
            answers[place] = again
        return answers

    def _attempt(self, calls: Sequence[Call]) -> list[Any]:
        futures = [method.stub.future(request, timeout=method.seconds) for method, request in calls]
        return [
            self._result(future, optional=method.optional) for future, (method, _) in zip(futures, calls, strict=True)
        ]

    def _result(self, future: Any, *, optional: bool) -> Any:
        """Returns the response, None, or the RpcError: a call that failed must not hide the others' answers."""
        try:
            response = future.result()
        except grpc.RpcError as error:
            if error.code() in _AWAY:
                self._breaker.failed()
                return error
            self._breaker.succeeded()  # a refusal is a sign of life: one bad id must not open the breaker for all
            return None if optional or error.code() is grpc.StatusCode.NOT_FOUND else error
        self._breaker.succeeded()
        return response


def _serialize(request: Any) -> bytes:
    encoded: bytes = request.SerializeToString()
    return encoded


@cache
def _init_gevent() -> None:
    """Make gRPC yield to greenlets: otherwise a call would block a patched process until it ends, or for good."""
    if in_gevent():
        grpc.experimental.gevent.init_gevent()
