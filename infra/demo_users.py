"""The users who can sign in to the embedded default. No other deployment has them."""

DEMO_USERS = [
    {"username": "alice", "password": "demo-password"},
    {"username": "bob", "password": "demo-password"},
]
