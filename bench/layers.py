"""Tells which layer of a process a sampled stack was in: the innermost function decides that is of one.

A stack is a tuple of "function (file)", from the outermost to the innermost.
"""

from collections import Counter

from tests.processes import ROOT

Stacks = Counter[tuple[str, ...]]

_LAYERS = {
    "database: PyMySQL, SQLAlchemy, db/": ("/pymysql/", "/sqlalchemy/", f"{ROOT}/db/"),
    "Redis": ("/redis/",),
    "Celery": ("/celery/", "/kombu/", "/billiard/", "/amqp/", "/vine/"),
    "HTTP: gunicorn": ("/gunicorn/",),
    "Flask, schemas": ("/flask/", "/werkzeug/", "/flask_smorest/", "/marshmallow/", "/webargs/", "/apispec/"),
    "token": ("/jwt/", "/flask_jwt_extended/", f"{ROOT}/infra/tokens.py"),
    "WebSocket: websockets": ("/websockets/",),
    **{
        f"ours: {name}/": (f"{ROOT}/{name}/",)
        for name in ("web", "realtime", "actions", "messaging", "workers", "infra")
    },
}
_LOOP = ("/gevent/", "/greenlet/")  # runs below what waits in it, and alone while nothing else does
_REST = "Python, the rest"


def shares(stacks: Stacks) -> dict[str, float]:
    """Returns the share of the samples in each layer."""
    counted: Counter[str] = Counter()
    for stack, count in stacks.items():
        counted[_layer(stack)] += count
    return {name: count / counted.total() for name, count in counted.items()}


def functions(stacks: Stacks) -> Counter[str]:
    """Returns the samples by function, those within the standard library counted for the function that called it."""
    counted: Counter[str] = Counter()
    for stack, count in stacks.items():
        known = next((place for place in reversed(stack) if _of(place)), stack[-1])
        counted[_short(known)] += count
    return counted


def _layer(stack: tuple[str, ...]) -> str:
    found = next((layer for place in reversed(stack) if (layer := _of(place))), None)
    if found is None:
        return "gevent's loop" if any(part in place for place in stack for part in _LOOP) else _REST
    return found


def _of(place: str) -> str | None:
    return next((layer for layer, parts in _LAYERS.items() if any(part in place for part in parts)), None)


def _short(place: str) -> str:
    name, _, file = place.rpartition(" (")
    return f"{name} ({'/'.join(file.rstrip(')').rsplit('/', 2)[-2:])})"
