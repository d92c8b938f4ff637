"""The WSGI applications for gunicorn: `wsgi:web`, `wsgi:realtime`, or `wsgi:app` with both on one port.

Each is built at first use, so that a process loads only the door that it serves.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any

from environs import EnvError

_CANNOT_BOOT = 3  # gunicorn does not restart a worker that exits with it
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def __getattr__(name: str) -> WsgiApp:
    builders = {"web": _web, "realtime": _realtime, "app": _both}
    if name not in builders:
        raise AttributeError(name)
    try:
        built = builders[name]()
    except EnvError as error:
        print(f"not started: {error}", file=sys.stderr)
        raise SystemExit(_CANNOT_BOOT) from error
    globals()[name] = built
    return built


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
