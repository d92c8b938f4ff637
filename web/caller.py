"""Whether the one who asked is still there to hear the answer."""

import select
from collections.abc import Callable

from flask import request
from gevent.monkey import get_original

_poll = get_original("select", "poll")  # gevent's would hand over to other greenlets


def gone() -> Callable[[], bool]:
    """Returns a question that may be asked later, and anywhere: has the caller of this request hung up?

    A proxy hangs up when its client does. Where the server does not name its socket, nobody is ever gone.
    """
    connection = request.environ.get("gunicorn.socket")
    return (lambda: _hung_up(connection.fileno())) if connection else lambda: False


def _hung_up(descriptor: int) -> bool:
    if descriptor < 0:  # this side has closed it
        return True
    poll = _poll()
    poll.register(descriptor, select.POLLRDHUP)
    return bool(poll.poll(0))
