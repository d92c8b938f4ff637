"""The settings of gunicorn for every door: `gunicorn wsgi:web`, `wsgi:realtime` or `wsgi:app`."""

import os
import resource
import sys
import warnings
from typing import Any

from gevent import Timeout, monkey, sleep

# The workers patch the rest, of which gevent warns.
warnings.filterwarnings("ignore", "Patching more than once", monkey.MonkeyPatchWarning)

# gunicorn has not put this directory among those of modules yet.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

bind = os.environ.get("BIND", "127.0.0.1:8080")
worker_class = "gevent"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))

# The limit counts open sockets, and a process that reaches it hangs for plain HTTP as well: so it is more than a
# process should ever carry.
worker_connections = int(os.environ.get("WORKER_CONNECTIONS", "12000"))

# Process managers kill after 5 s: end before that.
graceful_timeout = 4
timeout = 30

# Longer than the usual 60 s of a proxy, so that the proxy closes an idle connection, not this side.
keepalive = 75

# By default gunicorn takes path and scheme from headers of any caller on this machine; a proxy passes a client's on.
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


def on_starting(server: Any) -> None:
    """Load before the first fork what several workers can share. One alone shares nothing: it loads for itself."""
    _count_together(server)
    module, _, name = server.app.app_uri.partition(":")
    if server.cfg.workers > 1 and module == "wsgi":
        # Before the modules make their locks: a greenlet that waits for a native one stops them all. But this process
        # goes on without greenlets, and would not see its children end if gevent took its signals.
        monkey.patch_all(os=False, signal=False)
        import wsgi

        wsgi.preload(name)


def on_reload(server: Any) -> None:
    """Have the workers count together if there are more than one now."""
    _count_together(server)


def _count_together(server: Any) -> None:
    """Have several workers count in files. One counts in its memory, at half the cost."""
    if server.cfg.workers > 1:
        from infra import metric_files

        metric_files.begin()  # before anything imports prometheus-client


def pre_fork(_server: object, _worker: object) -> None:
    """Have the children share the memory of this process."""
    from infra import memory

    memory.settle()


# A body that a door has refused is read to its end before the connection is used again, however long that takes. A
# longer one ends its connection: the client would have to send all of it for nothing.
_MIB = 1024 * 1024
_LONGEST_REFUSED = _MIB
_LINGER_SECONDS = 2.0
_MOST_LINGERING = 8 * _MIB
_MOST_LINGERING_PACED = 64 * _MIB  # of an upload by a user whose token is good
_PIECE = 64 * 1024


def pre_request(_worker: object, request: Any) -> None:
    """Close the connection after a long body, and after a chunked one, whose end is unknown: it may be refused."""
    if any(name == "TRANSFER-ENCODING" or _is_long(name, value) for name, value in request.headers):
        request.force_close()


def _is_long(name: str, value: str) -> bool:
    return name == "CONTENT-LENGTH" and int(value) > _LONGEST_REFUSED  # gunicorn has checked that it is a number


def post_request(_worker: object, request: Any, environ: dict[str, Any], _response: object) -> None:
    """Read a little more of a refused body: closing with bytes unread sends a reset, which can overtake the answer."""
    if request.must_close:
        pace = environ.get("im.pace")  # web/media.py has set it
        left = _MOST_LINGERING_PACED if pace else _MOST_LINGERING
        with Timeout(_LINGER_SECONDS, False):
            while left > 0 and (data := request.body.read(_PIECE)):
                left -= len(data)
                pace() if pace else sleep(0)  # what has come already is read without a pause


def post_worker_init(worker: Any) -> None:
    """Have the relay notice when gunicorn ends this process, whose application is loaded by now; serve its metrics."""
    from infra import exposition, memory
    from realtime.drain import worker_started

    worker_started(worker)
    module, _, name = worker.app.app_uri.partition(":")
    exposition.serve("realtime" if (module, name) == ("wsgi", "realtime") else "web", worker.wsgi)
    memory.settle()
