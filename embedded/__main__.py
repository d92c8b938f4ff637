"""The start of the embedded service: prepares its directory and database, then becomes its supervisor."""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from embedded import demo, sole, valkey
from embedded.access import access
from embedded.keys import keys
from embedded.place import MARK, ROOT, NotStarted, Place, chosen


def main() -> None:
    """Start the embedded service. Exits with one line on stderr when it cannot start."""
    os.chdir(ROOT)
    os.umask(0o077)  # only the owner may read the files of a run
    try:
        place = chosen()
        with sole.claim(place):
            os.environ.update(_environment(place))
            command.upgrade(Config(str(ROOT / "alembic.ini")), "head")
            demo.seed()
            print("starting ...", flush=True)
            os.execv(sys.executable, [sys.executable, "-m", "embedded.supervise"])  # noqa: S606
    except NotStarted as error:
        sys.exit(f"not started: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _environment(place: Place) -> dict[str, str]:
    return access(place) | {
        MARK: str(place.var),
        "BIND": f"127.0.0.1:{place.port}",
        "RPC_BIND": f"127.0.0.1:{place.rpc_port}",
        "WEB_CONCURRENCY": "1",
        "FORCE_COLOR": "1" if sys.stdout.isatty() else "",  # the processes themselves write into the supervisor's pipe
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        "VALKEY_SERVER": str(valkey.server()),
        "VALKEY_CONFIG": str(valkey.configure(place, keys(place.var)["VALKEY_PASSWORD"])),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


if __name__ == "__main__":
    main()
