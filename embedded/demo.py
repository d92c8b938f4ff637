"""The demo users, who are friends, to sign in as at first start."""

from datetime import datetime
from itertools import permutations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.session import write
from db.user import User
from infra.demo_users import DEMO_USERS
from messaging import friends, login, passwords

SIGN_IN = f"{' or '.join(user['username'] for user in DEMO_USERS)}, password {DEMO_USERS[0]['password']}"


def seed() -> None:
    """Create the demo users that are missing, and make them friends; a second start changes nothing."""
    hashes = {user["username"]: passwords.hash_password(user["password"]) for user in DEMO_USERS}
    write(_seed, hashes)


def _seed(session: Session, now: datetime, hashes: dict[str, str]) -> None:
    known = set(session.scalars(select(User.username).where(User.username.in_(hashes))))
    added = [
        login.add(session, now, username=username, password_hash=password_hash, nickname=username.capitalize())["id"]
        for username, password_hash in hashes.items()
        if username not in known
    ]
    for one, other in permutations(added, 2):  # the second of a pair accepts what the first has asked
        friends.request(session, now, user_id=one, to_user_id=other)
