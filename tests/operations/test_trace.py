"""Tests that OpenTelemetry gets one trace of a message, from the request to the socket, and nothing where it is off."""

import os
import secrets
import subprocess
import sys
from collections import Counter

import pytest
import requests

from tests import databases
from tests.operations.conftest import Telling
from tests.processes import ROOT, wait_until

# How often at least; the fast path publishes too, unless Redis is slow.
STEPS = Counter({"POST /message/v1/send": 1, "sent": 1, "published": 1, "pushed": 2, "delivered": 1})


def test_one_trace_from_the_request_to_the_sockets(telling: Telling) -> None:
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    headers = {"traceparent": f"00-{trace_id}-{caller}-01"}
    body = {"to_user_id": telling.bob.id, "message_type": 1, "content": "a text that is in no span"}
    answer = telling.web.post("/message/v1/send", body, telling.alice.token, headers=headers)
    assert answer.headers["X-Request-ID"] == trace_id
    trace = telling.collector.trace
    wait_until(lambda: Counter(span.name for span in trace(trace_id)) >= STEPS, "all spans")
    assert {span.name for span in trace(trace_id)} == set(STEPS)
    spans = {span.name: span for span in trace(trace_id)}
    request = spans.pop("POST /message/v1/send")
    assert request.parent_span_id.hex() == caller
    assert {span.parent_span_id for span in spans.values()} == {request.span_id}
    assert spans["sent"].start_time_unix_nano >= request.start_time_unix_nano
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in trace(trace_id))
    assert "a text that is in no span" not in str(trace(trace_id))


def test_a_request_that_its_caller_does_not_want_traced_is_not(telling: Telling) -> None:
    quiet, loud = secrets.token_hex(16), secrets.token_hex(16)
    for trace_id, flag in ((quiet, "00"), (loud, "01")):
        telling.web.get("/healthz", headers={"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-{flag}"})
    wait_until(lambda: telling.collector.trace(loud), "the other")
    assert not telling.collector.trace(quiet)


def test_spans_have_no_names_that_callers_invent(telling: Telling) -> None:
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    for method, path in (("INVENTED", "/healthz"), ("GET", f"/{trace_id}")):
        requests.request(method, f"{telling.stack.web_url}{path}", headers=headers, timeout=10)
    wait_until(lambda: len(telling.collector.trace(trace_id)) == 2, "both spans")
    assert {span.name for span in telling.collector.trace(trace_id)} == {"unknown"}


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    found = os.environ | databases.environment("sqlite:////nowhere.db", "redis://127.0.0.1:1/0") | environment
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=found, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("module", ["web.app", "realtime.app", "rpc.server", "workers.work"])
def test_nothing_of_it_is_loaded_where_it_is_off(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    loaded = run(code).stdout.splitlines()
    assert "infra.trace" in loaded
    assert not {"infra.tracing", "opentelemetry.exporter", "opentelemetry.sdk.trace"} & set(loaded)


def test_packages_that_are_missing_are_told_in_one_line() -> None:
    code = "import sys; sys.modules['opentelemetry'] = None; import wsgi; wsgi.web"
    done = run(code, OTEL_TRACES="1")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "requirements/otel.txt" in done.stderr


_TWO_IDS = "from infra import trace; print(trace.enter('GET /'), trace.enter('GET /'))"


@pytest.mark.parametrize(
    ("variable", "told"), [("OTEL_BSP_MAX_EXPORT_BATCH_SIZE=5000", True), ("OTEL_SDK_DISABLED=true", False)]
)
def test_requests_keep_their_ids_where_opentelemetry_does_nothing(variable: str, told: bool) -> None:
    name, _, value = variable.partition("=")
    done = run(f"from infra import logs; logs.configure(); {_TWO_IDS}", OTEL_TRACES="1", **{name: value})
    one, other = done.stdout.split()
    assert len({one, other, "0" * 32}) == 3
    assert ('"not_traced"' in done.stderr) == told


_AT_ONCE = """
import threading
from infra import trace
barrier = threading.Barrier(32)
def request():
    barrier.wait()
    trace.enter("GET /")
threads = [threading.Thread(target=request) for _ in range(32)]
for each in threads: each.start()
for each in threads: each.join()
print(len(threading.enumerate()))
"""


def test_requests_that_come_at_once_share_what_sends_their_spans() -> None:
    assert run(_AT_ONCE, OTEL_TRACES="1").stdout == "2\n", "this thread and that one"
