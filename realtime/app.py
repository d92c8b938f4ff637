"""The WebSocket door's application."""

from flask import Flask, Response, g, request

from db.readiness import database_answers
from infra import limits, logs, proxies, readiness, trace
from infra.readiness import Part
from realtime import drain, handshake, socket
from realtime.auth import authenticate
from realtime.hub import Hub

log = logs.get(__name__)

PATH = "/message/v1/ws"
_PARTS = [
    Part("database", database_answers),
    Part("Redis", readiness.redis_answers),
    Part("loops", readiness.loops_turn),
]


def create_app() -> Flask:
    """Returns a WSGI application that serves one relay's sockets. Create it after the server has forked and patched."""
    logs.configure()
    app = Flask(__name__)
    proxies.register(app)
    limits.register_tokens(app)
    hub = Hub()
    hub.start()
    drain.watch(hub)
    app.before_request(lambda: _before(hub))
    app.add_url_rule(PATH, "socket", lambda: _socket(hub), websocket=True)
    app.add_url_rule("/healthz", "healthz", _healthz)
    app.add_url_rule("/readyz", "readyz", lambda: readyz(hub))
    return app


def _before(hub: Hub) -> Response | None:
    if request.path != PATH:
        return None
    trace.enter("", request.headers.get("traceparent"))
    if hub.draining:  # a proxy finds another relay by it, and 1012 would end at the client
        return Response("this process ends", 503, {"Retry-After": "1"})
    return authenticate()


def _socket(hub: Hub) -> Response:
    answer = handshake.accept(request)
    if isinstance(answer, Response):
        return answer
    sock = request.environ["gunicorn.socket"]
    try:
        sock.sendall(answer)
        socket.serve(hub, g.claims, sock)
    except OSError as error:
        log.info("socket_lost", log="connection", reason=str(error))
    except Exception:
        log.exception("socket_failed")  # a 500 would write HTTP between two frames
    return handshake.Over()


def _healthz() -> dict[str, str]:
    return {"status": "up"}


def readyz(hub: Hub) -> Response | dict[str, str]:
    """Returns "ready", or a 503 with a line for each fault.

    A relay works only while it can ask the database who somebody is, hears Redis, and all its loops turn.
    """
    if found := readiness.faults([*_PARTS, Part("link to Redis", lambda: _hears(hub))]):
        log.warning("not_ready", faults=found)
        return Response("".join(f"{line}\n" for line in found), 503, mimetype="text/plain")
    return {"status": "ready"}


def _hears(hub: Hub) -> str:
    if hub.draining:
        return "closed, since this process ends"
    return "" if hub.listener.up else "lost; it comes back by itself when Redis answers"
