"""Checks that tests use only public names of the product, and that each of them asserts something."""

import ast
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.processes import ROOT

_FILES = sorted((ROOT / "tests").rglob("*.py"))
_TREES = {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in _FILES}
_OWN = {"self", "cls"}
# Objects of the standard library have these names too, so that a call of one does not show an assertion.
_COMMON = set().union(
    *map(dir, (threading.Thread, threading.Event, socket.socket, subprocess.Popen, list, dict, set, str))
)
# Functions that assert by themselves: of pytest, Playwright, Hypothesis and openapi-spec-validator.
_ASSERTING = {"raises", "expect", "run_state_machine_as_test", "validate"}


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_own(node: ast.expr) -> bool:
    """Returns whether a node is the test's own object: `self`, `cls` or `super()`."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in _OWN


def _private_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields the line and name of every private name of another object or module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr) and not _is_own(node.value):
            yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, each.name) for each in node.names if _is_private(each.name))
        elif isinstance(node, ast.Call) and _replaces(node):
            yield from (
                (node.lineno, name)
                for name in _words(node)
                if _is_private(name.rpartition(".")[2]) or name.rpartition(".")[2] in sys.stdlib_module_names
            )


def _replaces(call: ast.Call) -> bool:
    return _name(call.func) in ("setattr", "getattr", "delattr")


def _words(call: ast.Call) -> list[str]:
    """Returns the strings among a call's first two arguments, which name what the call replaces."""
    return [each.value for each in call.args[:2] if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def _replaced_modules(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields the line and module of every change to a library for the whole process."""
    imported = {
        each.asname or each.name: each.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for each in node.names
    }
    ours = {path.name.removesuffix(".py") for path in ROOT.iterdir()}
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = [each.value for each in node.targets if isinstance(each, ast.Attribute)]
        elif isinstance(node, ast.Call) and _replaces(node) and _name(node.func) != "getattr":
            targets = node.args[:1]
        for target in targets:
            if isinstance(target, ast.Name) and imported.get(target.id, "").partition(".")[0] not in ours | {""}:
                yield node.lineno, target.id


def _name(node: ast.expr) -> str:
    """Returns the last part of a dotted name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _asserting(trees: list[ast.Module]) -> set[str]:
    """Returns the names of the functions that assert, or call one that does."""
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found = set(_ASSERTING)
    named = [each for each in functions if _is_private(each.name) or each.name not in _COMMON]
    while more := {each.name for each in named if each.name not in found and _asserts(each, found)}:
        found |= more
    return found


def _asserts(function: ast.FunctionDef, asserting: set[str]) -> bool:
    return any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and _name(node.func) in asserting)
        for node in ast.walk(function)
    )


@pytest.mark.parametrize("path", _TREES)
def test_no_test_touches_what_is_private(path: str) -> None:
    assert [f"{path}:{line} {name}" for line, name in _private_names(_TREES[path])] == []


@pytest.mark.parametrize("path", _TREES)
def test_no_test_replaces_part_of_a_library(path: str) -> None:
    assert [f"{path}:{line} {name}" for line, name in _replaced_modules(_TREES[path])] == []


def test_every_test_asserts_something() -> None:
    asserting = _asserting(list(_TREES.values()))
    idle = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in _TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and node.name not in asserting
    ]
    assert idle == []
