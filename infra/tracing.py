"""OpenTelemetry's traces, with OTEL_TRACES=1: one of each request, over all processes that it concerns.

Only infra/trace.py imports this module, and only then: nothing of OpenTelemetry is loaded otherwise. A thread sends the
spans, every five seconds. Those of a process's last seconds are lost: its end waits for no collector.
"""

import os
import threading
from functools import cache

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracer, Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from infra import logs

log = logs.get(__name__)

_NANOSECONDS = 1_000_000_000
_W3C = TraceContextTextMapPropagator()
_making = threading.Lock()  # each tracer has a thread of its own


def begin(name: str, given: str | None) -> Span | None:
    """Returns the span of a request, just begun: below the one that its caller names by `given`, if any.

    Returns None where OpenTelemetry is switched off, or refuses its settings: such a span would have no id.
    """
    span = _tracer().start_span(name, _below(given), SpanKind.SERVER)
    return span if span.get_span_context().is_valid else None


def traceparent(span: Span) -> str:
    """Returns the traceparent by which other processes put their spans below this one."""
    found = span.get_span_context()
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"


def step(name: str, parent: str, began: float, ended: float, **about: str | int) -> None:
    """Record a span that is over, below the one that `parent` names. Times are Unix seconds."""
    span = _tracer().start_span(name, _below(parent), attributes=about, start_time=int(began * _NANOSECONDS))
    span.end(int(max(began, ended) * _NANOSECONDS))


def _below(parent: str | None) -> Context:
    return _W3C.extract({"traceparent": parent} if parent else {}, Context())


def _tracer() -> Tracer:
    with _making:
        return _made()


@cache
def _made() -> Tracer:
    """Returns this process's tracer, made at first use: its thread would not survive a fork.

    Settings that OpenTelemetry refuses are logged: no request fails for them.
    """
    ours = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "im-message"}
    try:
        provider = TracerProvider(resource=Resource.create(ours), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    except Exception:
        log.exception("not_traced")
        return NoOpTracer()
    return provider.get_tracer("im-message")
