"""A database with the accounts of deploy/grants.sql."""

import re

from sqlalchemy import URL, create_engine

from tests.processes import ROOT


class Granted:
    """A database of which the accounts of grants.sql have their rights, under names of its own."""

    def __init__(self, server: URL, database: str) -> None:
        self._engine = create_engine(server)
        self._database = database
        self._server = server

    def grant(self, *passwords: str) -> None:
        """Run grants.sql, after the passwords of the service and of migrations are set."""
        text = re.sub(r"^--.*$", "", (ROOT / "deploy/grants.sql").read_text(), flags=re.MULTILINE)
        text = re.sub(r"\bim\b", self._database, text).replace("im_migrations", f"{self._database}_m")
        names = ("@service_password", "@migrations_password")
        with self._engine.begin() as connection:
            for name, password in zip(names, passwords, strict=False):
                connection.exec_driver_sql(f"SET {name} = '{password}'")
            for statement in filter(str.strip, text.split(";")):
                connection.exec_driver_sql(statement.replace("%", "%%"))

    def url(self, password: str, *, migrations: bool = False) -> str:
        """Returns the URL of an account."""
        name = f"{self._database}_m" if migrations else self._database
        return self._server.set(username=name, password=password, database=self._database).render_as_string(
            hide_password=False
        )

    def drop(self) -> None:
        """Drop the accounts."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"DROP USER IF EXISTS {self._database}, {self._database}_m")
        self._engine.dispose()
