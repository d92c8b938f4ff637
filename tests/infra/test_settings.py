"""Tests that settings come from the environment, and that an error names what is missing or malformed."""

from collections.abc import Iterator
from itertools import product

import pytest
from environs import EnvError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from infra.settings import Settings, settings
from tests import databases

NEEDED = databases.environment("sqlite://", "redis://127.0.0.1:1/0")


@pytest.fixture(autouse=True)
def _nothing_else_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*NEEDED, *(name.upper() for name in Settings.__dataclass_fields__), "IM_EMBEDDED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_what_must_be_given_is_enough() -> None:
    found = settings()
    assert (found.database_url, found.redis_url) == ("sqlite://", "redis://127.0.0.1:1/0")
    assert found.jwt_secret == NEEDED["JWT_SECRET_KEY"]


def test_the_contracts_figures_are_the_defaults() -> None:
    found = settings()
    assert (found.access_token_seconds, found.recall_seconds, found.outbox_shards) == (86_400, 120, 16)
    assert (found.jwt_identity_claim, found.recalled_text) == ("sub", "[消息已撤回]")
    assert (found.rate_limits, found.embedded, found.allowed_origins) == (True, False, ())


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "JWT_SECRET_KEY"])
def test_what_is_missing_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(EnvError, match=name):
        settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET_KEY", ""),
        ("JWT_SECRET_KEY", "x" * 31),
        ("OUTBOX_SHARDS", "0"),
        ("OUTBOX_SHARDS", "1025"),
        ("OUTBOX_SHARDS", "many"),
        ("OUTBOX_BATCH", "0"),
        ("RATE_LIMITS", "perhaps"),
        ("ACCESS_TOKEN_SECONDS", "1 day"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "im.db"),
        ("DATABASE_URL", "postgres://im@127.0.0.1/im"),
        ("DATABASE_URL", "mysql://im@127.0.0.1/im"),
        ("DATABASE_URL", "mysql+pymysql://im:a/b@127.0.0.1:port/im"),
    ],
)
def test_what_is_malformed_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(EnvError, match=name):
        settings()


BUCKET = {
    "MEDIA_STORAGE": "s3://uploads/im",
    "S3_ACCESS_KEY_ID": "uploads",
    "S3_SECRET_ACCESS_KEY": "gT5x0Zk2pQ9vB7nR",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S3_ACCESS_KEY_ID", ""),
        ("S3_SECRET_ACCESS_KEY", ""),
        ("S3_SECRET_ACCESS_KEY", "minioadmin"),
        ("S3_SECRET_ACCESS_KEY", "uploads"),
        ("S3_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("S3_ENDPOINT", "s3.example"),
        ("S3_ENDPOINT", "https://user:secret@s3.example"),
        ("S3_ENDPOINT", "https://s3.example/bucket"),
        ("MEDIA_STORAGE", "s3://"),
        ("MEDIA_STORAGE", "s3:///prefix"),
        ("MEDIA_STORAGE", "s3://user:secret@bucket"),
        ("MEDIA_STORAGE", "s3://uploads/a//b"),
    ],
)
def test_a_bucket_needs_all_that_is_said_of_it(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in BUCKET.items():
        monkeypatch.setenv(*each)
    assert settings().s3_access_key_id == "uploads"
    settings.cache_clear()
    monkeypatch.setenv(name, value)
    with pytest.raises(EnvError, match=name) as caught:
        settings()
    assert not value or name == "S3_ENDPOINT" or value not in str(caught.value) or value == "s3://"


def test_a_directory_needs_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_STORAGE", "/srv/uploads")
    assert settings().media_storage == "/srv/uploads"


WEAK_KEYS = [
    *("a" * 32, "ab" * 20, "a secret key " * 3, "0123456789abcdef" * 2, "12345678901234567890123456789012"),
    *("your-access-secret-your-access-secret", "Your_Access_Secret, but longer than 32", "x7#CHANGE-ME!" + "k2v9" * 6),
    *(
        "replace_this-with-a-random-string!",
        "my super secret jwt signing value",
        "the correct horse password is a battery",
    ),
]
WEAK_PASSWORDS = ["password", "Password", "root", "123456", "changeme", "change-me", "aaaaaa", "p%61ssword", "im"]


def refused(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(variable, value)
    with pytest.raises(EnvError) as caught:
        settings()
    told = str(caught.value)
    assert told.startswith(f"{variable} ")
    assert "\n" not in told
    return told


@pytest.mark.parametrize("key", WEAK_KEYS)
def test_a_key_that_anybody_would_try_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert key not in refused("JWT_SECRET_KEY", key, monkeypatch)


@pytest.mark.parametrize("key", WEAK_KEYS)
def test_a_service_token_that_anybody_would_try_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = key.replace(",", ".")
    told = refused("RPC_SERVICE_TOKENS", f"good:{databases.SECRET.replace(',', '.')},weak:{token}", monkeypatch)
    assert token not in told


@pytest.mark.parametrize("password", WEAK_PASSWORDS)
@pytest.mark.parametrize(
    ("variable", "url"),
    [("DATABASE_URL", "mysql+pymysql://im:{}@db/im"), ("REDIS_URL", "redis://im:{}@redis:6379/0")],
)
def test_a_password_that_anybody_would_try_is_refused(
    variable: str, url: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert url.format(password) not in refused(variable, url.format(password), monkeypatch)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(
            ("JWT_SECRET_KEY", "9f2c41d7b06a5e83c1d2f4a6b8097e35"),
            ("JWT_SECRET_KEY", "q0Zr3vX-8sLwJm5TgYb1_KdHn2UcEp7aRf6iOeWt4xM"),
        ),
        ("JWT_SECRET_KEY", "correct horse battery staple, and more"),
        ("RPC_SERVICE_TOKENS", "api:q0Zr3vX-8sLwJm5TgYb1_KdHn2UcEp7aRf6iOeWt4xM"),
        ("DATABASE_URL", "mysql+pymysql://im:Zr3vX-8sLwJ@db/im"),
        *(("DATABASE_URL", "mysql+pymysql://root@127.0.0.1:3306/im"), ("DATABASE_URL", "sqlite:////password.db")),
        *(("REDIS_URL", "redis://:Zr3vX-8sLwJ@redis/0"), ("REDIS_URL", "redis://[broken")),
    ],
    ids=lambda value: value[:24],
)
def test_a_secret_of_ones_own_is_taken(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(settings(), variable.lower().removesuffix("_key"))


def test_the_embedded_mode_makes_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IM_EMBEDDED", "1")
    monkeypatch.setenv("JWT_SECRET_KEY", "a" * 32)
    assert settings().embedded


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (1, False), (86_399, False), (86_400, True), (-1, False)])
def test_messages_are_kept_for_a_day_at_least(seconds: int, good: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_SECONDS", str(seconds))
    assert _is_taken() == good


def test_a_bad_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", "short but secret")
    with pytest.raises(EnvError) as caught:
        settings()
    assert "short but secret" not in str(caught.value)


def test_a_url_is_good_when_sqlalchemy_can_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    users = ("", "im@", "im:@", "im:Zr3/vX?8s#Lw@", "im:%40:9@", "i/m@", "a@b@")
    hosts = ("", "db", "[::1]", "[::1", "db:", "db:3306", "db:port", "[::1]:3306", ":3306")
    rest = ("", "/", "/im", "/im?ssl_ca=/ca.pem&x=y", "?x=y", "//tmp/im.db", "/im\n", "/a@b:c")
    for url in ("mysql+pymysql://" + "".join(parts) for parts in product(users, hosts, rest)):
        settings.cache_clear()
        monkeypatch.setenv("DATABASE_URL", url)
        assert _is_taken() == _is_readable(url), url


def _is_readable(url: str) -> bool:
    try:
        return make_url(url).drivername == "mysql+pymysql"
    except (ArgumentError, ValueError):
        return False


def _is_taken() -> bool:
    try:
        return bool(settings())
    except EnvError:
        return False


@pytest.mark.parametrize("url", ["postgres://im:hidden@127.0.0.1/im", "mysql+pymysql://im:hid/den@127.0.0.1:x/im"])
def test_a_password_is_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(EnvError) as caught:
        settings()
    assert "hid" not in str(caught.value)


def test_several_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example, https://b.example/")
    assert settings().allowed_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(("value", "meant"), [("0", False), ("false", False), ("1", True), ("true", True)])
def test_flags_are_understood_either_way(value: str, meant: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMITS", value)
    assert settings().rate_limits is meant


def test_they_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings()
    monkeypatch.setenv("OUTBOX_SHARDS", "4")
    assert settings() is before


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"CANARY_USERS": "1,2"}, "belong together"),
        ({"CANARY_WEB_URL": "http://web", "CANARY_REALTIME_URL": "http://realtime"}, "belong together"),
        ({"CANARY_WEB_URL": "web"}, "CANARY_WEB_URL"),
        *(
            (
                {"CANARY_WEB_URL": "http://web", "CANARY_REALTIME_URL": "http://realtime", "CANARY_USERS": users},
                "CANARY_USERS",
            )
            for users in ("1", "1,1", "1,2,3", "0,1", "1,9007199254740992", "alice,bob")
        ),
    ],
)
def test_a_canary_needs_two_addresses_and_two_users(
    given: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EnvError, match=named):
        settings()


def test_a_canary(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().canary_users == ()
    settings.cache_clear()
    for name in ("CANARY_WEB_URL", "CANARY_REALTIME_URL"):
        monkeypatch.setenv(name, "https://im.example")
    monkeypatch.setenv("CANARY_USERS", "17,18")
    assert settings().canary_users == (17, 18)
