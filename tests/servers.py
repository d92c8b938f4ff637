"""A private MariaDB and a private Redis, or the servers that TEST_DATABASE_URL and TEST_REDIS_URL name."""

import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pymysql
import redis
from sqlalchemy import URL, create_engine, make_url

from embedded import valkey
from tests.processes import Process, free_port

_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
_AS_ROOT = ["--user=root"] if os.geteuid() == 0 else []


class Databases:
    """Makes databases with random names on a MariaDB or MySQL server."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._names: list[str] = []

    def create_database(self) -> str:
        """Make a new, empty database. Returns its URL."""
        name = f"im_test_{uuid.uuid4().hex[:12]}"
        self._execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        self._names.append(name)
        return self._server.set(database=name).render_as_string(hide_password=False)

    def drop_databases(self) -> None:
        """Drop every database that this object made."""
        while self._names:
            self._execute(f"DROP DATABASE IF EXISTS {self._names.pop()}")

    def _execute(self, statement: str) -> None:
        engine = create_engine(self._server)
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


class MariaDB(Process, Databases):
    """A MariaDB server in a directory of its own, as durable as in production. It keeps its port over restarts."""

    def __init__(self, directory: Path) -> None:
        self._data = directory / "data"
        self._port = free_port()
        Databases.__init__(self, URL.create("mysql+pymysql", "root", host="127.0.0.1", port=self._port))
        Process.__init__(self, "mariadb", self._server_command(directory), log=directory / "mariadb.log")

    def _server_command(self, directory: Path) -> list[str]:
        program = shutil.which("mariadbd", path=_PATH)
        assert program, "mariadbd is missing: see tests/install.sh"
        return [
            program,
            "--no-defaults",
            *_AS_ROOT,
            f"--datadir={self._data}",
            f"--tmpdir={self._data}",  # a starting server removes the temporary tables of all servers with its tmpdir
            f"--socket={directory}/s",
            f"--pid-file={directory}/pid",
            "--bind-address=127.0.0.1",
            f"--port={self._port}",
            "--max-connections=500",
            "--innodb-flush-log-at-trx-commit=1",
            "--innodb-buffer-pool-size=256M",
            "--skip-name-resolve",
        ]

    def launch(self) -> None:
        """Start the server, and make its data first when there is none."""
        if not self._data.exists():
            self._install()
        super().launch()

    def ready(self) -> bool:
        return _answers(self._server)

    def _install(self) -> None:
        command = ["mariadb-install-db", "--no-defaults", *_AS_ROOT, f"--datadir={self._data}", "--skip-test-db"]
        method = "--auth-root-authentication-method=normal"
        done = subprocess.run([*command, method], env=os.environ | {"PATH": _PATH}, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


class MySQL(Process):
    """A MySQL server unpacked below `root`, run by the loader and the libraries that came with it."""

    def __init__(self, root: Path, directory: Path) -> None:
        self._data = directory / "data"
        port = free_port()
        self.url = URL.create("mysql+pymysql", "root", host="127.0.0.1", port=port)
        libraries = next(root.glob("usr/lib/*/ld-linux*.so.*")).parent
        self._program = [
            *(str(next(libraries.glob("ld-linux*.so.*"))), "--library-path", str(libraries)),
            *(str(root / "usr/sbin/mysqld"), "--no-defaults", *_AS_ROOT, f"--datadir={self._data}"),
            *(f"--lc-messages-dir={root}/usr/share/mysql", "--secure-file-priv=NULL", "--auto-generate-certs=OFF"),
        ]
        self._users = directory / "users.sql"
        # MySQL makes root@localhost itself. Without name resolution 127.0.0.1 is not localhost, and needs its own root.
        self._users.write_text("CREATE USER root@127.0.0.1; GRANT ALL ON *.* TO root@127.0.0.1 WITH GRANT OPTION;")
        options = [
            f"--socket={directory}/s",
            f"--pid-file={directory}/pid",
            "--bind-address=127.0.0.1",
            f"--port={port}",
            "--mysqlx=OFF",
            "--skip-log-bin",
            "--skip-name-resolve",
            "--max-connections=500",
            "--innodb-flush-log-at-trx-commit=1",
            "--innodb-buffer-pool-size=256M",
        ]
        super().__init__("mysql", [*self._program, *options], log=directory / "mysql.log")

    def launch(self) -> None:
        """Start the server, and make its data first when there is none."""
        if not self._data.exists():
            command = [*self._program, "--initialize-insecure", f"--init-file={self._users}"]
            done = subprocess.run(command, capture_output=True, check=False)
            assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        super().launch()

    def ready(self) -> bool:
        return _answers(self.url)


def _answers(url: URL) -> bool:
    """Returns whether a database server takes connections."""
    try:
        pymysql.connect(host=url.host, port=url.port or 0, user="root", connect_timeout=2).close()
    except pymysql.err.OperationalError:
        return False
    return True


class RedisServer(Process):
    """A Redis that forgets everything when it ends. It keeps its port over restarts."""

    def __init__(self, directory: Path, *, user: str = "", **more: str) -> None:
        self._port = free_port()
        self.url = f"redis://{user}127.0.0.1:{self._port}/0"
        options: dict[str, object] = {"bind": "127.0.0.1", "port": self._port, "dir": directory}
        options |= {"appendonly": "no", "save": ""} | more
        options["set-proc-title"] = "no"  # the title would overwrite the mark by which the guard finds this process
        program = shutil.which("redis-server") or str(valkey.server())
        command = [program, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
        super().__init__("redis", command, log=directory / "redis.log")

    def ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def stop(self) -> None:
        """Stop the server as an operator does."""
        self.terminate()

    def flushall(self) -> None:
        """Remove everything in this Redis."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


class OutsideRedis:
    """The Redis that TEST_REDIS_URL names."""

    def __init__(self, url: str) -> None:
        self.url = url


def outside_databases() -> Databases | None:
    """Returns the server that TEST_DATABASE_URL names, None when it is not set."""
    url = os.environ.get("TEST_DATABASE_URL")
    return Databases(make_url(url)) if url else None
