"""The WebSocket door put together."""

from flask import Flask, Response, request
from flask_sock import Sock

from infra import limits, logs, loops, proxies, tokens
from infra.redis import RedisError, client
from realtime import drain, socket
from realtime.auth import SUBPROTOCOL, authenticate
from realtime.frames import MAX_INBOUND
from realtime.hub import Hub
from realtime.line import ReadingLoop

PATH = "/message/v1/ws"


def create_app() -> Flask:
    """A WSGI application that serves the sockets of one relay. Make it after the server has forked and patched."""
    logs.configure()
    app = Flask(__name__)
    app.config["SOCK_SERVER_OPTIONS"] = {
        "max_message_size": MAX_INBOUND,
        "subprotocols": [SUBPROTOCOL],
        "thread_class": ReadingLoop,
    }
    tokens.configure(app)
    proxies.register(app)
    limits.register_tokens(app)
    hub = Hub()
    hub.start()
    drain.watch(hub)
    app.before_request(_before)
    Sock(app).route(PATH)(lambda server: socket.serve(hub, server))
    app.add_url_rule("/healthz", "healthz", _healthz)
    app.add_url_rule("/readyz", "readyz", lambda: readyz(hub))
    return app


def _before() -> Response | None:
    if request.path != PATH:
        return None
    # Compression would cost 100 KB a socket, and simple-websocket accepts it whenever it is offered.
    request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
    return authenticate()


def _healthz() -> dict[str, str]:
    return {"status": "up"}


def readyz(hub: Hub) -> Response | dict[str, str]:
    """A relay can do its work only while it hears Redis and all its loops turn."""
    if stalled := loops.stalled():
        return Response(f"standing still: {', '.join(stalled)}", 503)
    try:
        client().ping()
    except RedisError:
        return Response("Redis is away", 503)
    if not hub.listener.up or hub.draining:
        return Response("not listening", 503)
    return {"status": "ready"}
