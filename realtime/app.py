"""The WebSocket door's application."""

from flask import Flask, Response, g, request

from infra import limits, logs, loops, proxies
from infra.redis import RedisError, client
from realtime import drain, handshake, socket
from realtime.auth import authenticate
from realtime.hub import Hub

log = logs.get(__name__)

PATH = "/message/v1/ws"


def create_app() -> Flask:
    """Returns a WSGI application that serves one relay's sockets. Create it after the server has forked and patched."""
    logs.configure()
    app = Flask(__name__)
    proxies.register(app)
    limits.register_tokens(app)
    hub = Hub()
    hub.start()
    drain.watch(hub)
    app.before_request(_before)
    app.add_url_rule(PATH, "socket", lambda: _socket(hub), websocket=True)
    app.add_url_rule("/healthz", "healthz", _healthz)
    app.add_url_rule("/readyz", "readyz", lambda: readyz(hub))
    return app


def _before() -> Response | None:
    return authenticate() if request.path == PATH else None


def _socket(hub: Hub) -> Response:
    answer = handshake.accept(request)
    if isinstance(answer, Response):
        return answer
    sock = request.environ["gunicorn.socket"]
    try:
        sock.sendall(answer)
        socket.serve(hub, g.claims, sock)
    except OSError as error:
        log.info("socket_lost", reason=str(error))
    except Exception:
        log.exception("socket_failed")  # a 500 would write HTTP between two frames
    return handshake.Over()


def _healthz() -> dict[str, str]:
    return {"status": "up"}


def readyz(hub: Hub) -> Response | dict[str, str]:
    """Returns "ready", or a 503 with the reason: a relay works only while it hears Redis and all its loops turn."""
    if stalled := loops.stalled():
        return Response(f"standing still: {', '.join(stalled)}", 503)
    try:
        client().ping()
    except RedisError:
        return Response("Redis is away", 503)
    if not hub.listener.up or hub.draining:
        return Response("not listening", 503)
    return {"status": "ready"}
