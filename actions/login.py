"""Registering, signing in and out, and the changes of an account that need its password.

Invariants: a password is checked between two transactions, never in one; a change compares the hash again in the
second. Unknown names are checked like known ones, so that nothing tells the two apart.
"""

from contextlib import suppress

from actions.closing import leave_groups
from actions.friends import tell
from actions.revocations import revocations
from db.errors import DatabaseUnavailable
from db.session import write
from infra import logs
from messaging import attempts, passwords, tokens
from messaging import login as rules
from messaging.errors import Code, Refused
from messaging.login import Account, SignedIn
from messaging.revocations import Token
from messaging.tokens import Refresh

log = logs.get(__name__)


def register(*, username: str, password: str, address: str, nickname: str | None = None) -> SignedIn:
    """Make an account and sign the user in. Raises Refused(USERNAME_TAKEN)."""
    password_hash = passwords.hash_password(password)
    fields = {"username": username, "password_hash": password_hash, "nickname": nickname or username}
    return write(rules.register, **fields, address=address)


def login(*, username: str, password: str, address: str) -> SignedIn:
    """Check a password, and sign the user in.

    Raises Refused: WRONG_CREDENTIALS, for an unknown name as well; TOO_MANY_REQUESTS, even with the right password.
    """
    account = _checked(write(rules.begin, username=username, address=address), password)
    write(attempts.succeeded, username=username, address=address)
    return SignedIn(account.user, account.generation)


def spend_refresh(*, token: Token, token_id: str, family: str, expires_at: int) -> bool:
    """Spend a refresh token. Returns whether it earns new tokens; a second use ends its whole login.

    `expires_at`, Unix seconds, is the token's end.
    """
    spent = write(tokens.spend_refresh, token=token, token_id=token_id, family=family, expires_at=expires_at)
    if spent is Refresh.REUSED:
        revocations().look_again()
        log.warning("refresh_token_reused", user_id=token.user_id)
    return spent is Refresh.SPENT


def log_out(*, user_id: int, family: str | None, expires_at: int, everywhere: bool) -> None:
    """End the login `family`, unless it is None, and with `everywhere` all logins of the user.

    `expires_at`, Unix seconds, is the end of the token at hand.
    """
    write(tokens.log_out, user_id=user_id, family=family, expires_at=expires_at, everywhere=everywhere)
    revocations().look_again()


def change_password(*, user_id: int, old_password: str, new_password: str, address: str) -> SignedIn:
    """Change a password, and end all logins. Returns the one that begins now.

    Raises Refused: NOT_FOUND, WRONG_CREDENTIALS, TOO_MANY_REQUESTS.
    """
    account = _prove(user_id, old_password, address)
    password_hash = passwords.hash_password(new_password)
    signed_in = write(rules.change_password, account=account, password_hash=password_hash, address=address)
    revocations().look_again()
    return signed_in


def close_account(*, user_id: int, password: str, address: str) -> None:
    """Close an account for good, and have former friends and members notified. Raises as `change_password` does."""
    account = _prove(user_id, password, address)
    former = write(rules.close_account, account=account)
    revocations().look_again()
    for news in former:
        tell(news)
    with suppress(DatabaseUnavailable):  # the account is closed, and the upkeep does what is left
        leave_groups(user_id)


def _prove(user_id: int, password: str, address: str) -> Account:
    return _checked(write(rules.begin_for, user_id=user_id, address=address), password)


def _checked(account: Account | None, password: str) -> Account:
    right = passwords.verify(password, account.password_hash if account else None)
    if account is None or not right:
        raise Refused(Code.WRONG_CREDENTIALS)
    return account
