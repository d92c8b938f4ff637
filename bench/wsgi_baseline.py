"""The baseline of a send: the same server, which checks the token's signature, reads the body and sends it back.

It checks no revocation, validates nothing and stores nothing. With BENCH_SYNC_FILE it also makes the body durable in
that file.
"""

import os
from typing import Any

from flask import Flask, jsonify, request
from flask_jwt_extended import jwt_required

from bench import jwt_check

app = Flask(__name__)
jwt_check.configure(app)
_file = os.environ.get("BENCH_SYNC_FILE")
_descriptor = os.open(_file, os.O_WRONLY | os.O_CREAT) if _file else None
_ROOM = 4096
if _descriptor is not None:  # filled before, as a database's log is: a growing file would cost a second write
    os.pwrite(_descriptor, bytes(_ROOM), 0)
    os.fsync(_descriptor)


@app.post("/message/v1/send")
@jwt_required()
def send() -> Any:
    """Answer with the body of the request."""
    body = request.get_json()
    if _descriptor is not None:
        os.pwrite(_descriptor, request.get_data()[:_ROOM], 0)
        os.fdatasync(_descriptor)
    return jsonify(body)


@app.get("/readyz")
def readyz() -> dict[str, str]:
    """Answer the driver, which waits for it."""
    return {"status": "ready"}
