"""The interceptor of every call: authentication, a limit of calls at once, decoding, errors, a metric, a log line."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from actions.send import TooLate
from infra import logs, trace
from messaging.errors import Code, Refused
from rpc import metrics
from rpc.auth import Callers
from rpc.deadline import too_late
from rpc.errors import CODE_KEY, refusal

log = logs.get(__name__)

_PUBLIC = "/grpc.health.v1.Health/Check"
_REQUEST_ID_KEY = "x-request-id"
_UNKNOWN = "unknown"
_PATIENCE_SECONDS = 1.0

Behaviour = Callable[[Any, grpc.ServicerContext], Any]


class Door(grpc.ServerInterceptor):  # type: ignore[type-arg]
    """Runs at most `concurrency` calls at a time; others wait for a second, or until their deadline, for their turn."""

    def __init__(self, callers: Callers, concurrency: int) -> None:
        self._callers = callers
        self._places = threading.BoundedSemaphore(concurrency)

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Returns the handler of a call, wrapped in what the door does. Only the health check needs no token."""
        handler = continuation(details)
        if details.method == _PUBLIC:
            return handler
        if handler is None:
            return self._handler(_UNKNOWN, _no_such_method)
        if handler.unary_unary is None:  # the streams of health and reflection
            return handler if self._known(details) else self._handler(_UNKNOWN, _no_such_method)
        method = details.method.rpartition("/")[2]
        return self._handler(method, _decoding(handler), handler.response_serializer)

    def _handler(self, method: str, behaviour: Behaviour, serializer: Any = None) -> Any:
        # Without a deserializer: gRPC would end a malformed request itself, without an `im-code`.
        return grpc.unary_unary_rpc_method_handler(
            lambda raw, context: self._call(method, behaviour, raw, context), response_serializer=serializer
        )

    def _known(self, details: Any) -> bool:
        """Returns whether the caller may open a stream. The transport has already checked its certificate, if any."""
        try:
            return bool(self._callers.name(details.invocation_metadata, {}))
        except Refused:
            return False

    def _call(self, method: str, behaviour: Behaviour, raw: bytes, context: grpc.ServicerContext) -> Any:
        request_id = trace.enter(method, str(dict(context.invocation_metadata()).get("traceparent")))
        line: dict[str, Any] = {"method": method, "caller": "", "status": grpc.StatusCode.OK.name}
        started = time.monotonic()
        try:
            line["caller"] = self._callers.name(context.invocation_metadata(), context.auth_context())
            with self._place(context):
                if too_late(context):
                    raise TooLate
                answer = behaviour(raw, context)
            context.set_trailing_metadata(((_REQUEST_ID_KEY, request_id),))
            return answer
        except Exception as error:  # noqa: BLE001 - `refusal` has an answer to each, and logs the unforeseen
            refused = refusal(error)
            line |= {"status": refused.status.name, "code": refused.code.value}
        finally:
            _note(line, time.monotonic() - started)
            trace.leave()
        context.set_trailing_metadata(((CODE_KEY, str(refused.code.value)), (_REQUEST_ID_KEY, request_id)))
        return context.abort(refused.status, refused.detail)

    @contextmanager
    def _place(self, context: grpc.ServicerContext) -> Iterator[None]:
        left = context.time_remaining()
        patience = _PATIENCE_SECONDS if left is None else max(0.0, min(left, _PATIENCE_SECONDS))
        if not self._places.acquire(timeout=patience):
            raise Refused(Code.TOO_MANY_REQUESTS, "too many calls at once")
        metrics.running.inc()
        try:
            yield
        finally:
            metrics.running.dec()
            self._places.release()


def _decoding(handler: Any) -> Behaviour:
    def behave(raw: bytes, context: grpc.ServicerContext) -> Any:
        try:
            request = handler.request_deserializer(raw)
        except DecodeError as error:
            raise Refused(Code.INVALID, "the request is malformed") from error
        return handler.unary_unary(request, context)

    return behave


def _no_such_method(_raw: bytes, _context: grpc.ServicerContext) -> Any:
    raise Refused(Code.UNSUPPORTED, "no such method")


def _note(line: dict[str, Any], seconds: float) -> None:
    metrics.calls.labels(line["method"], line["caller"], line["status"]).inc()
    metrics.call_seconds.labels(line["method"]).observe(seconds)
    log.info("call", log="performance", **line, ms=round(seconds * 1000, 1))
