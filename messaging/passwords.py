"""Argon2id: slow and hungry for memory on purpose.

It runs outside greenlets, where it would stall the whole process, and never inside a transaction, whose locks it
would hold all the while.
"""

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from infra.off_the_loop import off_the_loop

# OWASP's recommendation for argon2id: 19 MiB, two rounds, one lane. What a login costs, a stranger can make us pay.
_MEMORY_KIB, _ROUNDS, _LANES = 19_456, 2, 1
HASHER = PasswordHasher(time_cost=_ROUNDS, memory_cost=_MEMORY_KIB, parallelism=_LANES)

# Well formed and nobody's: checking it costs what checking a real one costs.
_NOBODYS = f"$argon2id$v=19$m={_MEMORY_KIB},t={_ROUNDS},p={_LANES}${'A' * 22}${'A' * 43}"


def hash_password(password: str, *, hasher: PasswordHasher = HASHER) -> str:
    """What to store of a password: an encoded argon2id hash with its salt, about 100 characters."""
    return off_the_loop(lambda: hasher.hash(password))


def verify(password: str, password_hash: str | None, *, hasher: PasswordHasher = HASHER) -> bool:
    """Whether the hash is this password's. None stands for an unknown user: the same work, and never true."""
    return off_the_loop(lambda: _matches(hasher, password, password_hash or _NOBODYS)) and password_hash is not None


def _matches(hasher: PasswordHasher, password: str, password_hash: str) -> bool:
    try:
        return hasher.verify(password_hash, password)
    except VerifyMismatchError:
        return False
