"""The drain: on SIGTERM every socket is closed with 1012, while the server still waits for its handlers.

gunicorn does not notify the application, so `gunicorn.conf.py` hands its worker over, whose `alive` is polled.
"""

from typing import TYPE_CHECKING, Any

import gevent

if TYPE_CHECKING:
    from realtime.hub import Hub  # gunicorn loads this module in web processes too, which have no hub

_LOOK_SECONDS = 0.1

_workers: list[Any] = []


def worker_started(worker: Any) -> None:
    """Watch a gunicorn worker. gunicorn calls this in each process, before or after the application is created."""
    _workers.append(worker)


def watch(hub: "Hub") -> None:
    """Close the hub's sockets, in the background, as soon as this process has to end."""
    gevent.spawn(_wait, hub)


def _wait(hub: "Hub") -> None:
    while all(worker.alive for worker in _workers):
        gevent.sleep(_LOOK_SECONDS)
    hub.close_all(1012, "restarting")
