"""Calls to another service over gRPC: many at once, each with a deadline and one retry, behind a breaker."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import grpc
import grpc.experimental.gevent

from infra import logs
from infra.breaker import Breaker
from infra.off_the_loop import in_gevent

log = logs.get(__name__)

DEADLINE_SECONDS = 0.3
_AWAY = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.INTERNAL,  # among others: the answer could not be decoded
}
_OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    # Come back within a second of the service coming back; the default grows to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 30_000),
]

Call = tuple[Any, Any]  # what `Service.method` made, and its request


class ServiceAway(Exception):
    """The service did not answer in time, answered nonsense, or has not done better lately."""


class Service:
    """One service at one address (any gRPC target). Make it after the fork and after gevent has patched."""

    def __init__(self, address: str) -> None:
        _init_gevent()
        self._address = address
        self._breaker = Breaker()
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)

    def method(self, path: str, response: Any) -> Any:
        """A unary method, by its path and the class of its response."""
        return self._channel.unary_unary(path, _serialize, response.FromString)

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        """Make all calls at once; their responses, None for NOT_FOUND. Raises ServiceAway."""
        if not self._breaker.allows():
            raise ServiceAway(f"{self._address} is left alone for a moment")
        answers = self._attempt(calls)
        failed = [place for place, answer in enumerate(answers) if isinstance(answer, grpc.RpcError)]
        for place, again in zip(failed, self._attempt([calls[place] for place in failed]), strict=True):
            if isinstance(again, grpc.RpcError):
                log.warning("outside_failed", address=self._address, status=again.code().name)
                raise ServiceAway(f"{self._address}: {again.code().name}") from again
            answers[place] = again
        return answers

    def _attempt(self, calls: Sequence[Call]) -> list[Any]:
        futures = [method.future(request, timeout=DEADLINE_SECONDS) for method, request in calls]
        return [self._result(future) for future in futures]

    def _result(self, future: Any) -> Any:
        """The response, None, or the RpcError itself: one that failed must not keep the others from being heard."""
        try:
            response = future.result()
        except grpc.RpcError as error:
            if error.code() in _AWAY:
                self._breaker.failed()
                return error
            self._breaker.succeeded()  # it refuses, so it lives: nobody's odd id shall cut off everybody
            return None if error.code() is grpc.StatusCode.NOT_FOUND else error
        self._breaker.succeeded()
        return response


def _serialize(request: Any) -> bytes:
    encoded: bytes = request.SerializeToString()
    return encoded


@cache
def _init_gevent() -> None:
    """Without it a call would block a patched process until it is over, or for good."""
    if in_gevent():
        grpc.experimental.gevent.init_gevent()
