"""How gunicorn serves every door: `gunicorn wsgi:web`, `wsgi:realtime` or `wsgi:app`."""

import os
import resource
from typing import Any

from gevent import Timeout

bind = os.environ.get("BIND", "127.0.0.1:8080")
worker_class = "gevent"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))

# It counts open sockets, and a full process hangs for plain HTTP as well: more than a process should ever carry.
worker_connections = int(os.environ.get("WORKER_CONNECTIONS", "12000"))

# Process managers kill after 5 s: be done before that.
graceful_timeout = 4
timeout = 30

# Longer than the usual 60 s of a proxy, so that it is the proxy that closes an idle connection.
keepalive = 75

# From a proxy on this machine gunicorn would take the path and the scheme out of headers that anybody can send.
forwarded_allow_ips = ""
forwarder_headers = ""

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

control_socket_disable = True
accesslog = None

# A socket is a file, and the soft limit is 1,024 on most systems.
_, _most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_most_files, _most_files))


def pre_request(_worker: object, request: Any) -> None:
    """End a connection after a body in chunks: it has no known end, and what nobody wants would be read on and on."""
    if any(name == "TRANSFER-ENCODING" for name, _ in request.headers):
        request.force_close()


def post_request(_worker: object, request: Any, _environ: object, _response: object) -> None:
    """Read a little more of what was refused: a close with bytes unread is a reset, which can overtake the answer."""
    if request.must_close:
        with Timeout(1.0, False):
            request.body.read(1024 * 1024)


def post_worker_init(worker: object) -> None:
    """Let the relay see when this process is told to end."""
    from realtime.drain import worker_started

    worker_started(worker)
