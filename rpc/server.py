"""The process of the gRPC door: `python -m rpc.server`. It is never patched by gevent, which would hang gRPC."""

import logging
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from environs import EnvError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from db.readiness import database_answers
from infra import exposition, logs, loops, memory, readiness
from infra.readiness import Part
from infra.settings import Settings, settings
from rpc.auth import Callers
from rpc.door import Door
from rpc.generated import group_pb2, message_pb2
from rpc.generated.group_pb2_grpc import add_GroupServicer_to_server
from rpc.generated.message_pb2_grpc import add_MessageServicer_to_server
from rpc.group_servicer import GroupServicer
from rpc.listen import NotStarted, is_loopback, listen
from rpc.servicer import Servicer

log = logs.get(__name__)

MAX_BYTES = 1024 * 1024
GRACE_SECONDS = 3.0  # process managers kill after 5 s: end before that
_SPARE_THREADS = 64  # for calls that wait for their turn
_HEALTH_SECONDS = 2.0
_PARTS = [Part("database", database_answers), Part("loops", readiness.loops_turn)]
_ENDS = {signal.SIGTERM, signal.SIGINT}
_NAMES = tuple(
    service.full_name
    for file in (message_pb2.DESCRIPTOR, group_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
)

_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_BYTES),
    ("grpc.max_send_message_length", 4 * MAX_BYTES),  # a page of 100 messages is larger than any request
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.so_reuseport", 0),  # a second server on the port must fail, not take half of the calls
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
]


def main() -> None:
    """Serve until SIGTERM or SIGINT. Exits with one line on stderr when it cannot start."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # before there are threads, which inherit the mask
    try:
        chosen = settings()
        logs.configure()
        server, told = build(chosen)
        port = listen(server, chosen)
    except (NotStarted, EnvError) as error:
        sys.exit(f"not started: {error}")
    memory.settle()
    server.start()
    threading.Thread(
        target=loops.forever, args=("health", lambda: _tell_health(told)), name="health", daemon=True
    ).start()
    exposition.serve("rpc", readiness.application(_PARTS))
    log.info("serving", address=chosen.rpc_bind, port=port)
    signal.sigwait(_ENDS)
    _end(server, told)


def build(chosen: Settings) -> tuple[grpc.Server, health.HealthServicer]:
    """Returns a server that is not bound to an address yet, and its health servicer."""
    threads = chosen.rpc_concurrency + _SPARE_THREADS
    callers = Callers(
        chosen.rpc_service_tokens,
        certified=bool(chosen.rpc_tls_client_ca),
        legacy=chosen.rpc_legacy_callers and is_loopback(chosen.rpc_bind),
    )
    server = grpc.server(
        ThreadPoolExecutor(threads, thread_name_prefix="call"),
        interceptors=[Door(callers, chosen.rpc_concurrency)],
        options=_OPTIONS,
        maximum_concurrent_rpcs=4 * threads,  # the door refuses long before, with an `im-code`
    )
    told = health.HealthServicer()
    for name in (health.OVERALL_HEALTH, *_NAMES):
        told.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)  # until the first look: its default is SERVING
    add_MessageServicer_to_server(Servicer(), server)  # type: ignore[no-untyped-call]
    add_GroupServicer_to_server(GroupServicer(), server)  # type: ignore[no-untyped-call]
    health_pb2_grpc.add_HealthServicer_to_server(told, server)
    if chosen.rpc_reflection:
        from grpc_reflection.v1alpha import reflection  # here, because most deployments leave it off

        reflection.enable_server_reflection((*_NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server, told


def _tell_health(told: health.HealthServicer) -> None:
    """Set the health status of the server, and wait for _HEALTH_SECONDS."""
    status = health_pb2.HealthCheckResponse.SERVING if _can_work() else health_pb2.HealthCheckResponse.NOT_SERVING
    for name in (health.OVERALL_HEALTH, *_NAMES):
        told.set(name, status)
    time.sleep(_HEALTH_SECONDS)


def _can_work() -> bool:
    """Returns whether the database is there and migrated, and all loops turn. Sends and history need no Redis."""
    found = readiness.faults(_PARTS)
    if found:
        log.warning("not_ready", faults=found)
    return not found


def _end(server: grpc.Server, told: health.HealthServicer) -> None:
    """Refuse new calls, let running calls end within GRACE_SECONDS, and exit, also when one hangs in the database."""
    log.info("ending")
    told.enter_graceful_shutdown()
    server.stop(GRACE_SECONDS).wait(GRACE_SECONDS + 0.5)
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
