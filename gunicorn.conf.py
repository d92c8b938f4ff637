"""How gunicorn serves every door: `gunicorn wsgi:web`, `wsgi:realtime` or `wsgi:app`."""

import os
import resource

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

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

control_socket_disable = True
accesslog = None

# A socket is a file, and the soft limit is 1,024 on most systems.
_, _most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_most_files, _most_files))


def post_worker_init(worker: object) -> None:
    """Let the relay see when this process is told to end."""
    from realtime.drain import worker_started

    worker_started(worker)
