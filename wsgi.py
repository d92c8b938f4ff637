"""The WSGI applications for gunicorn: `wsgi:web`, `wsgi:realtime`, or `wsgi:app` with both on one port.

Each is built at first use, so that a process loads only the door that it serves.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from environs import EnvError

_CANNOT_BOOT = 3  # gunicorn does not restart a worker that exits with it
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def __getattr__(name: str) -> WsgiApp:
    builders = {"web": _web, "realtime": _realtime, "app": _both}
    if name not in builders:
        raise AttributeError(name)
    with _told():
        built = builders[name]()
    globals()[name] = built
    return built


def preload(name: str) -> None:
    """Load the modules that the application `name` needs, in the process that will fork: its children share them.

    Nothing is built, and nothing runs: threads, loops and connections do not survive a fork.
    """
    from db.preload import preload as preload_database

    with _told():
        for module in {"web": ["web.app"], "realtime": ["realtime.app"]}.get(name, ["web.app", "realtime.app"]):
            import_module(module)
        preload_database()


@contextmanager
def _told() -> Iterator[None]:
    """Tell in a line which setting is wrong, and end this process."""
    try:
        yield
    except EnvError as error:
        print(f"not started: {error}", file=sys.stderr)
        raise SystemExit(_CANNOT_BOOT) from error


def _web() -> WsgiApp:
    from web.app import create_app

    return create_app()


def _realtime() -> WsgiApp:
    from realtime.app import create_app

    return create_app()


def _both() -> WsgiApp:
    rest, sockets = _web(), _realtime()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        door = sockets if environ["PATH_INFO"] == "/message/v1/ws" else rest
        return door(environ, start_response)

    return app
