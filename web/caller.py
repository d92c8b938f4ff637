"""The check whether the caller of a request is still connected."""

import select
from collections.abc import Callable

from flask import request
from gevent.monkey import get_original

_poll = get_original("select", "poll")  # gevent's would switch to other greenlets


def gone() -> Callable[[], bool]:
    """Returns a function that says whether this request's caller has hung up. It may be called later, in any thread.

    A proxy hangs up when its client does. Where the server does not name its socket, the function returns False.
    """
    connection = request.environ.get("gunicorn.socket")
    return (lambda: _hung_up(connection.fileno())) if connection else lambda: False


def _hung_up(descriptor: int) -> bool:
    if descriptor < 0:  # this side has closed it
        return True
    poll = _poll()
    poll.register(descriptor, select.POLLRDHUP)
    return bool(poll.poll(0))
