"""Settings come from the environment; what is missing or malformed is named."""

from collections.abc import Iterator

import pytest
from environs import EnvError

from infra.settings import Settings, settings
from tests import databases

NEEDED = databases.environment("sqlite://", "redis://127.0.0.1:1/0")


@pytest.fixture(autouse=True)
def _nothing_else_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*NEEDED, *(name.upper() for name in Settings.__dataclass_fields__), "IM_EMBEDDED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RATE_LIMITS")
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


def test_a_bad_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", "short but secret")
    with pytest.raises(EnvError) as caught:
        settings()
    assert "short but secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgres://im:hidden@127.0.0.1/im", "mysql+pymysql://im:hid/den@127.0.0.1:x/im"])
def test_a_password_is_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(EnvError) as caught:
        settings()
    assert "hid" not in str(caught.value)


def test_several_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example,https://b.example")
    assert settings().allowed_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(("value", "meant"), [("0", False), ("false", False), ("1", True), ("true", True)])
def test_flags_are_understood_either_way(value: str, meant: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMITS", value)
    assert settings().rate_limits is meant


def test_they_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings()
    monkeypatch.setenv("OUTBOX_SHARDS", "4")
    assert settings() is before
