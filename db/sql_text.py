"""SQL for MariaDB and MySQL, made once from a SQLAlchemy statement and then only filled with the values of each call.

SQLAlchemy would look the statement up, copy its parameters and wrap its rows at every execution, which costs several
times what the driver does. What this module cannot do as SQLAlchemy would is refused with TypeError, never left out.
"""

import re
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import Column, Dialect, Executable, Insert
from sqlalchemy.sql.compiler import ExpandedState, SQLCompiler
from sqlalchemy.types import TupleType

Parameters = Mapping[str, Any]
Given = Parameters | Sequence[Parameters] | None
Process = Callable[[Any], Any] | None

_PLACE = re.compile(r"%%|%\(([^)]+)\)s")
_ROW = re.compile(r"VALUES (\(%\([^)]+\)s(?:, %\([^)]+\)s)*\))")
_MOST = 512  # texts that are kept: more than there are statements that are built once


class Bound(NamedTuple):
    """SQL with a `%s` for each value, and the values in their order."""

    sql: str
    values: list[Any]


class _Part(NamedTuple):
    """A stretch of the SQL, and the names of its values. One that `repeats` a parameter stands once for each element.

    The rows of an INSERT repeat the parameter _ROWS.
    """

    sql: str
    names: tuple[str, ...]
    processes: tuple[Process, ...]
    repeats: str | None = None


_ROWS = ""


def sql_text(statement: Executable, dialect: Dialect, given: Given) -> "SqlText":
    """Returns the text of a statement for parameters with the names of the given ones, made at its first use."""
    first = given if isinstance(given, Mapping) or not given else given[0]
    return _made(statement, dialect, tuple(first or ()))


@lru_cache(_MOST)
def _made(statement: Executable, dialect: Dialect, names: tuple[str, ...]) -> "SqlText":
    return SqlText(statement, dialect, names)


class SqlText:
    """The SQL of a statement whose parameters have these names, and what turns an answer's rows into SQLAlchemy's."""

    def __init__(self, statement: Executable, dialect: Dialect, names: tuple[str, ...]) -> None:
        changes = getattr(statement, "is_dml", False)
        self._compiled = _compiled(statement, dialect, names if changes else None)
        self._inserts = isinstance(statement, Insert) and statement.select is None
        self._names = set(names)
        if self._names - self._compiled.binds.keys():
            raise TypeError(f"{self._names - self._compiled.binds.keys()} are no parameters of {self}")
        self._constants = _constants(self._compiled, self._names)
        self._lists = [name for name, bind in self._compiled.binds.items() if bind.expanding]
        self._parts: dict[frozenset[str], list[_Part]] = {}  # by the names of the empty lists
        columns = getattr(statement, "exported_columns", ())
        self._processes = [each.type.dialect_impl(dialect).result_processor(dialect, None) for each in columns]

    def __str__(self) -> str:
        return self._compiled.string

    def bind(self, given: Given) -> Bound:
        """Returns the SQL with a place for each value, and the values. Raises TypeError for a missing parameter."""
        if self._inserts and given:
            return self._bind([given] if isinstance(given, Mapping) else given)
        if given is not None and not isinstance(given, Mapping):
            raise TypeError("only an INSERT takes a list of parameters")
        return self._bind([given or {}])

    def rows(self, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Returns rows with attributes of these names, their values as SQLAlchemy would give them."""
        make = _row_type(names)._make
        if not any(self._processes):
            return [make(row) for row in rows]
        return [
            make(each if process is None else process(each) for process, each in zip(self._processes, row, strict=True))
            for row in rows
        ]

    def _bind(self, rows: Sequence[Parameters]) -> Bound:
        if any(row.keys() != self._names for row in rows):
            raise TypeError("all rows of an INSERT must have the same columns")
        every = [{**self._constants, **row} for row in rows] if self._constants else rows
        one = every[0]
        sql: list[str] = []
        values: list[Any] = []
        for part in self._parts_for(one):
            if part.repeats is None:
                sql.append(part.sql)
                values += _processed(part, [one[name] for name in part.names])
            elif part.repeats == _ROWS:
                sql.append(", ".join([part.sql] * len(every)))
                for row in every:
                    values += _processed(part, [row[name] for name in part.names])
            else:
                elements = one[part.repeats]
                sql.append(", ".join([part.sql] * len(elements)))
                for element in elements:
                    values += _processed(part, element if len(part.names) > 1 else (element,))
        return Bound("".join(sql), values)

    def _parts_for(self, parameters: Parameters) -> list[_Part]:
        empty = frozenset(name for name in self._lists if not parameters[name])
        if empty not in self._parts:
            self._parts[empty] = list(_split(state := self._expanded(empty), self._repeats(state)))
        return self._parts[empty]

    def _expanded(self, empty: frozenset[str]) -> ExpandedState:
        """Returns the statement with one element in each list that is not empty."""
        filled = {name: [] if name in empty else [self._element(name)] for name in self._lists}
        return self._compiled.construct_expanded_state({**dict.fromkeys(self._compiled.binds), **filled})

    def _element(self, name: str) -> Any:
        type_ = self._compiled.binds[name].type
        return (None,) * len(type_.types) if isinstance(type_, TupleType) else None

    def _repeats(self, state: ExpandedState) -> Iterator[tuple[int, int, str]]:
        """Yields where the SQL has an INSERT's row, or an element of a list, and what is to be repeated there."""
        if self._inserts and self._names:
            row = _ROW.search(state.statement)
            if row is None:
                raise TypeError(f"values and expressions in one INSERT: {state.statement}")
            yield *row.span(1), _ROWS
        places = [found for found in _PLACE.finditer(state.statement) if found.group(1)]
        for name, elements in state.parameter_expansion.items():
            around = int(isinstance(self._compiled.binds[name].type, TupleType))  # parentheses
            for number, place in enumerate(places):
                if elements and place.group(1) == elements[0]:
                    yield place.start() - around, places[number + len(elements) - 1].end() + around, name


def _split(state: ExpandedState, repeats: Iterator[tuple[int, int, str]]) -> Iterator[_Part]:
    begin = 0
    for start, end, name in sorted(repeats):
        yield _part(state, state.statement[begin:start])
        yield _part(state, state.statement[start:end], name)
        begin = end
    yield _part(state, state.statement[begin:])


def _part(state: ExpandedState, sql: str, repeats: str | None = None) -> _Part:
    names = tuple(found.group(1) for found in _PLACE.finditer(sql) if found.group(1))
    processes = tuple(state.processors.get(name) for name in names)
    text = _PLACE.sub(lambda found: "%s" if found.group(1) else "%%", sql)
    return _Part(text, names, processes if any(processes) else (), repeats)


def _processed(part: _Part, values: Sequence[Any]) -> Sequence[Any]:
    if not part.processes:
        return values
    return [each if process is None else process(each) for process, each in zip(part.processes, values, strict=True)]


def _compiled(statement: Executable, dialect: Dialect, columns: tuple[str, ...] | None) -> SQLCompiler:
    compiled = cast(Any, statement).compile(dialect=dialect, column_keys=columns)
    if not isinstance(compiled, SQLCompiler) or compiled.literal_execute_params:
        raise TypeError(f"not a statement with plain parameters: {compiled}")
    return compiled


def _constants(compiled: SQLCompiler, given: set[str]) -> dict[str, Any]:
    """Returns the values that stand in the statement or are its columns' defaults, by their parameters' names."""
    values = {name: bind.value for name, bind in compiled.binds.items() if not bind.required and name not in given}
    if any(compiled.binds[name].callable for name in values):
        raise TypeError(f"a value that is computed at each call: {compiled}")
    return values | {column.key: _default(column) for column in compiled.prefetch}


def _default(column: Column[Any]) -> Any:
    if column.default is None or not column.default.is_scalar:
        raise TypeError(f"the default of {column} is computed at each call")
    return cast(Any, column.default).arg


@lru_cache(_MOST)
def _row_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Row", names, rename=True)
