"""The lock that keeps a place to one run at a time."""

import fcntl
import os
import socket
from typing import IO

from embedded import leftovers
from embedded.place import NotStarted, Place


def claim(place: Place) -> IO[str]:
    """Take the place: end the processes that an earlier run left over, and check that the ports are free.

    Returns the lock, to be kept open until the supervisor runs, whose mark and process id keep other runs out.
    Raises NotStarted when the place is in use.
    """
    claimed = (place.var / "run.pid").open("a+")
    try:
        fcntl.flock(claimed, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise NotStarted(f"another one is starting in {place.var}") from error
    claimed.seek(0)
    supervisor = int(claimed.read() or 0)
    if supervisor in leftovers.marked(place.mark):
        raise NotStarted(f"it runs already, as process {supervisor}, in {place.var}")
    leftovers.end(place.mark)
    _must_be_free(place.port, "PORT")
    _must_be_free(place.redis_port, "EMBEDDED_REDIS_PORT")
    _must_be_free(place.rpc_port, "EMBEDDED_RPC_PORT")
    claimed.truncate(0)
    claimed.write(str(os.getpid()))
    claimed.flush()
    return claimed


def _must_be_free(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise NotStarted(f"port {port} is taken; another one is chosen with {variable}=...") from error
