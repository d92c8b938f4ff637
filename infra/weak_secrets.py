"""Secrets that an attacker tries first: copied from a page, typed in a hurry, or shared by every installation."""

from urllib.parse import unquote, urlsplit

_FEWEST_CHARACTERS = 10  # distinct ones; 32 random hexadecimal digits hold fewer once in ten thousand times
_PLACEHOLDERS = (
    *("youraccesssecret", "yoursecret", "yourjwt", "yourkey", "yourtoken", "youruniquesecret"),
    *("changeme", "changethis", "changeit", "replaceme", "replacethis", "placeholder"),
    *("secretkey", "supersecret", "mysecret", "jwtsecret", "accesssecret", "servicesecret"),
    *("password", "passwd", "letmein", "qwerty", "0123456789", "1234567890", "abcdefgh"),
    "examplekey",  # Amazon's documentation
)
_PASSWORDS = {
    *("root", "admin", "user", "guest", "test", "secret", "default", "pass", "toor", "dev", "demo", "example"),
    *(
        "mysql",
        "mariadb",
        "redis",
        "minioadmin",
        "123",
        "1234",
        "12345",
        "123456",
        "1234567",
        "12345678",
        "123456789",
        "111111",
    ),
}


def is_weak_key(key: str) -> bool:
    """Returns whether a key of 32 or more characters is a placeholder, repetitive, or of few distinct characters."""
    return len(set(key)) < _FEWEST_CHARACTERS or _repeats(key) or _is_placeholder(key)


def has_weak_password(url: str) -> bool:
    """Returns whether a URL's password is one that an attacker tries first. False for a URL without a password."""
    try:
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        return False  # the client that connects reports what is wrong with the URL
    return is_weak_password(user, password)


def is_weak_password(user: str, password: str) -> bool:
    """Returns whether a user's password is one that an attacker tries first. False when there is none."""
    if not password:
        return False
    return password.lower() in _PASSWORDS | {user.lower()} or len(set(password)) == 1 or _is_placeholder(password)


def _repeats(key: str) -> bool:
    return key in (key + key)[1:-1]


def _is_placeholder(text: str) -> bool:
    plain = "".join(filter(str.isalnum, text.lower()))
    return any(word in plain for word in _PLACEHOLDERS)
