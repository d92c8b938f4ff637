"""Tests of what checking a password costs, and that it costs the same for a user who does not exist."""

import subprocess
import sys

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from messaging.passwords import hash_password, verify
from tests.processes import ROOT

_IN_GEVENT = """
from gevent import monkey
monkey.patch_all()
from messaging import passwords

native = monkey.get_original("_thread", "get_ident")
threads = []

class Hasher:
    def hash(self, password):
        threads.append(native())
        return passwords.HASHER.hash(password)
    def verify(self, stored, password):
        threads.append(native())
        return passwords.HASHER.verify(stored, password)

hasher = Hasher()
stored = passwords.hash_password("right", hasher=hasher)
found = [passwords.verify(password, stored, hasher=hasher) for password in ("right", "wrong")]
print(*found, native() in threads, len(threads))
"""


def test_only_the_right_password_matches() -> None:
    stored = hash_password("correct horse")
    assert verify("correct horse", stored)
    assert not verify("correct horsf", stored)
    assert not verify("Correct horse", stored)


@pytest.mark.parametrize("password", ["x" * 128, "密码密码密码密码", "\x00" * 8 + "a"], ids=repr)
def test_a_password_counts_whole(password: str) -> None:
    stored = hash_password(password)
    assert verify(password, stored)
    assert not verify(password[:-1] + "b", stored)


def test_equal_passwords_are_stored_differently() -> None:
    assert hash_password("correct horse") != hash_password("correct horse")


def test_a_hash_fits_its_column() -> None:
    assert len(hash_password("x" * 128)) <= 255


def test_the_cost_is_what_owasp_recommends() -> None:
    cost = extract_parameters(hash_password("x"))
    assert (cost.type, cost.memory_cost, cost.time_cost, cost.parallelism) == (Type.ID, 19_456, 2, 1)


def test_nobodys_password_is_never_right_and_costs_the_same() -> None:
    checked: list[str] = []

    class Hasher(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            checked.append(str(hash))
            return super().verify(hash, password)

    stored = hash_password("x")
    assert not verify("x", None, hasher=Hasher())
    assert verify("x", stored, hasher=Hasher())
    nobodys, somebodys = map(extract_parameters, checked)
    assert nobodys == somebodys


def test_in_gevent_it_leaves_the_loop_alone() -> None:
    found = subprocess.run([sys.executable, "-c", _IN_GEVENT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.stdout.split() == ["True", "False", "False", "3"], found.stderr
