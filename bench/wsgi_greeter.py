"""The baseline of a storm: accepts a socket, checks its token's signature, greets, and nothing else."""

import time
from itertools import count
from typing import Any

import orjson
from flask import Flask, request
from flask_jwt_extended import get_jwt_identity, verify_jwt_in_request
from flask_sock import Sock

from bench import jwt_check

PATH = "/message/v1/ws"

app = Flask(__name__)
jwt_check.configure(app)
_numbers = count(1)


@app.before_request
def _authenticate() -> None:
    if request.path == PATH:
        verify_jwt_in_request()


@Sock(app).route(PATH)
def serve(server: Any) -> None:
    """Greet a socket, and keep it open."""
    content = {
        "connection_id": str(next(_numbers)),
        "user_id": int(get_jwt_identity()),
        "server_time": int(time.time()),
        "total_unread": 0,
    }
    server.send(orjson.dumps({"type": "hello", "content": content}).decode())
    while True:
        server.receive()


@app.get("/readyz")
def readyz() -> dict[str, str]:
    """Answer the driver, which waits for it."""
    return {"status": "ready"}
