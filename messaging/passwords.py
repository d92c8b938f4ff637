"""Hashing and checking passwords with Argon2id, which is slow and takes much memory on purpose.

It runs outside greenlets, where it would stall the whole process, and never inside a transaction, whose locks it
would hold all the while.
"""

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from infra.off_the_loop import off_the_loop

# OWASP's recommendation for argon2id: 19 MiB, two rounds, one lane. No more: strangers can cause this cost at will.
_MEMORY_KIB, _ROUNDS, _LANES = 19_456, 2, 1
HASHER = PasswordHasher(time_cost=_ROUNDS, memory_cost=_MEMORY_KIB, parallelism=_LANES)

# A well-formed hash of no password: checking it costs as much as checking a real one.
_NOBODYS = f"$argon2id$v=19$m={_MEMORY_KIB},t={_ROUNDS},p={_LANES}${'A' * 22}${'A' * 43}"


def hash_password(password: str, *, hasher: PasswordHasher = HASHER) -> str:
    """Returns the text to store for a password: an encoded argon2id hash with its salt, about 100 characters."""
    return off_the_loop(lambda: hasher.hash(password))


def verify(password: str, password_hash: str | None, *, hasher: PasswordHasher = HASHER) -> bool:
    """Returns whether the hash is of this password. None, for an unknown user, takes the same work and is False."""
    return off_the_loop(lambda: _matches(hasher, password, password_hash or _NOBODYS)) and password_hash is not None


def _matches(hasher: PasswordHasher, password: str, password_hash: str) -> bool:
    try:
        return hasher.verify(password_hash, password)
    except VerifyMismatchError:
        return False
