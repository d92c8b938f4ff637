"""The baseline of the relay: redis-py's listen, and simple-websocket's send to the user's sockets, and nothing else.

It has one subscription for the process, as the relay has, but no token, queue, backlog, ping or proof of delivery.
"""

import os
from typing import Any

import gevent
import redis
from flask import Flask, request
from flask_sock import Sock

OWN = "bare:own"  # keeps redis-py's `listen` from ending at once, as it does without a subscription

app = Flask(__name__)
_sockets: dict[str, list[Any]] = {}
_pubsub = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True).pubsub()


@Sock(app).route("/message/v1/ws")
def serve(server: Any) -> None:
    """Serve a socket of the user that the query names."""
    channel = f"bare:user:{request.args['user']}"
    _sockets.setdefault(channel, []).append(server)
    _pubsub.subscribe(channel)
    server.send('{"type":"backlog_end","content":{}}')
    while True:
        server.receive()


@app.get("/readyz")
def readyz() -> dict[str, str]:
    """Answer the driver, which waits for it."""
    return {"status": "ready"}


def _listen() -> None:
    _pubsub.subscribe(OWN)
    for message in _pubsub.listen():
        if message["type"] == "message":
            for server in _sockets.get(message["channel"], ()):
                server.send(message["data"])


gevent.spawn(_listen)
