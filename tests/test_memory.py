"""Tests that each kind of process holds in memory only what it uses, and shares with its children what both use."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from tests import databases
from tests.processes import ROOT
from tests.servers import Databases, OutsideRedis, RedisServer
from tests.stack import Stack

# What no process needs once it serves: migrations and command lines.
_NOBODY = {"alembic", "mako", "prompt_toolkit", "click_repl", "celery.bin", "sqlalchemy.dialects.postgresql"}
_NO_WORKER = {"gevent", "grpc", "flask", "argon2", "web", "realtime", "rpc", "PIL", "av", "obstore"}
_NOT_FOR = {
    "web": _NOBODY | {"grpc", "websockets", "realtime.hub", "rpc"},
    "realtime": _NOBODY | {"grpc", "apispec", "flask_smorest", "argon2", "web", "rpc"},
    "worker": _NOBODY | _NO_WORKER,
    "media": _NOBODY | _NO_WORKER,
    "beat": _NOBODY
    | {"gevent", "grpc", "flask", "sqlalchemy", "pymysql", "web", "realtime", "rpc", "actions", "messaging"},
    "rpc": _NOBODY | {"gevent", "flask", "argon2", "grpc_reflection.v1alpha", "web", "realtime"},
}


@pytest.fixture(scope="module")
def imported(
    mariadb: Databases, redis_server: RedisServer | OutsideRedis, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Counter[str]]:
    """Returns how many processes of each kind import each module until they are ready. There are two web workers."""
    url = mariadb.create_database()
    databases.migrate(url)
    stack = Stack(url, redis_server.url, tmp_path_factory.mktemp("imports"), PYTHONPROFILEIMPORTTIME="1")
    try:
        stack.start(media=1, WEB_CONCURRENCY="2")
    finally:
        stack.stop()
    return {process.name.rpartition(".")[0]: Counter(_modules(process.output())) for process in stack.processes}


def _modules(output: str) -> list[str]:
    return [line.rpartition("|")[2].strip() for line in output.splitlines() if line.startswith("import time:")]


@pytest.mark.parametrize("kind", _NOT_FOR)
def test_a_process_loads_nothing_that_its_kind_does_not_use(imported: dict[str, Counter[str]], kind: str) -> None:
    assert imported[kind]["infra.settings"], "imports were recorded"
    assert {each for each in _NOT_FOR[kind] if any(_within(name, each) for name in imported[kind])} == set()


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_workers_of_one_server_share_what_it_has_loaded(imported: dict[str, Counter[str]]) -> None:
    assert [imported["web"][name] for name in ("web.openapi", "messaging.send", "pymysql")] == [1, 1, 1]
    assert imported["worker"]["pymysql"] == 1


_QUIET = """
assert threading.active_count() == 1, threading.enumerate()
assert engine.cache_info().currsize == client.cache_info().currsize == 0
assert "grpc" not in sys.modules
assert "pymysql" in sys.modules
"""


def failure(*statements: str) -> str:
    """Run statements in another process. Returns what it said when one of them failed there, or nothing."""
    code = "\n".join(["import gc, sys, threading", *statements])
    environment = os.environ | databases.environment("mysql+pymysql://im@127.0.0.1:1/im") | {"METRICS_BIND": "off"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


_CACHES = "from db.session import engine; from infra.redis import client"


@pytest.mark.parametrize("name", ["web", "realtime", "app"])
def test_nothing_that_does_not_survive_a_fork_is_there_before_it(name: str) -> None:
    patched = "from gevent import monkey; monkey.patch_all()"
    assert not failure(patched, "import wsgi", f"wsgi.preload({name!r})", _CACHES, _QUIET)


def test_a_worker_shares_its_memory_with_the_processes_of_its_pool() -> None:
    assert not failure(
        "from celery.signals import worker_before_create_process",
        "from workers.app import app; app.loader.import_default_modules()",
        _CACHES,
        "worker_before_create_process.send(sender=None)",
        "assert gc.get_freeze_count() > 10_000",
        _QUIET,
    )


_WORKER = "NS(app=NS(app_uri='wsgi:web'), wsgi=None, alive=True)"


@pytest.mark.parametrize(("hook", "given"), [("pre_fork", "None, None"), ("post_worker_init", _WORKER)])
def test_the_garbage_collector_leaves_alone_what_a_server_has_loaded(hook: str, given: str) -> None:
    assert not failure(
        "from runpy import run_path",
        "from types import SimpleNamespace as NS",
        f"run_path('gunicorn.conf.py')['{hook}']({given})",
        "assert gc.get_freeze_count() > 1_000",
    )
