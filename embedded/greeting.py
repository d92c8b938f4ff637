"""The greeting: prints the address of the page once it is ready. It runs beside the service and ends by itself."""

import os
import time
from urllib.request import urlopen

from embedded.demo import SIGN_IN
from infra.redis import RedisError, client

_MOST_SECONDS = 120
_PAUSE_SECONDS = 0.1


def main() -> None:
    """Wait until the page answers and a worker has run a sweep, and print the greeting; give up after 120 s."""
    page = f"http://localhost:{os.environ['BIND'].rpartition(':')[2]}"
    deadline = time.monotonic() + _MOST_SECONDS
    while time.monotonic() < deadline:
        if _answers(f"{page}/readyz") and _works():
            print(f"\n{page} is ready: sign in as {SIGN_IN}. Ctrl-C ends it.\n", flush=True)
            return
        time.sleep(_PAUSE_SECONDS)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own page
            return bool(answer.status == 200)
    except OSError:
        return False


def _works() -> bool:
    try:
        return bool(client().exists("im:sweep"))  # set by the sweep of each second, and kept for half a second
    except RedisError:
        return False


if __name__ == "__main__":
    main()
