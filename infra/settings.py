"""Every setting of every process, read once from the environment.

A secret has no default: a process that needs one and lacks it, or has one that anybody would try first, refuses to
start. The embedded mode (`make run`) creates its secrets at first start, and passes them in the environment too.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from environs import Env, EnvError, validate

from infra.ids import MAX_ID
from infra.weak_secrets import has_weak_password, is_weak_key, is_weak_password

_DRIVERS = ("mysql+pymysql", "mariadb+pymysql", "sqlite")
# As SQLAlchemy reads it: beat has settings too, and shall not load SQLAlchemy for this alone.
_DATABASE_URL = re.compile(
    r"(?P<driver>[\w+]+)://"
    r"(?:[^:/]*(?::[^@]*)?@)?"  # user and password
    r"(?:\[[^/?]+\]|[^/:?]+)?(?::(?P<port>[^/?]*))?"
    r"(?:/[^?]*)?(?:\?.*)?"  # database and options
)
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?$")
_RETENTION = validate.Range(min=0, max=3_153_600_000)  # a hundred years
_LEAST_RETENTION = 86_400
_BIND = re.compile(r"(off|[^\s:]*:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5})?$")
_ENDPOINT = re.compile(r"(https?://[^/?#@\s]+/?)?$")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a process; times are seconds unless the name says otherwise."""

    database_url: str
    redis_url: str
    jwt_secret: str
    jwt_identity_claim: str
    access_token_seconds: int
    refresh_token_seconds: int
    embedded: bool
    allowed_origins: tuple[str, ...]
    trusted_proxies: int
    outbox_shards: int
    outbox_batch: int
    fast_publish: bool
    recall_seconds: int
    group_max_members: int
    recalled_text: str
    language: str
    media_storage: str
    s3_endpoint: str
    s3_region: str
    s3_access_key_id: str
    s3_secret_access_key: str
    media_redirect: bool
    media_keep_metadata: bool
    media_urls: bool
    media_unused_seconds: int
    media_bytes_a_day: int
    rate_limits: bool
    db_pool_size: int
    log_level: str
    log_sample: float
    slow_seconds: float
    otel_traces: bool
    metrics_bind: str
    drill: bool
    canary_web_url: str
    canary_realtime_url: str
    canary_users: tuple[int, ...]
    retention_seconds: int
    retention_deleted_seconds: int
    friend_rpc: str
    usercenter_rpc: str
    rpc_bind: str
    rpc_service_tokens: dict[str, str]
    rpc_tls_certificate: str
    rpc_tls_key: str
    rpc_tls_client_ca: str
    rpc_legacy_callers: bool
    rpc_reflection: bool
    rpc_concurrency: int


@cache
def settings() -> Settings:
    """Returns this process's settings. Raises environs.EnvError that names a missing, malformed or weak variable."""
    env = Env()
    if bool(env.str("FRIEND_RPC", "")) != bool(env.str("USERCENTER_RPC", "")):
        raise EnvError("FRIEND_RPC and USERCENTER_RPC belong together: one is set, the other is missing")
    origins: list[str] = env.list("ALLOWED_ORIGINS", [])
    found = Settings(
        database_url=_database_url(env.str("DATABASE_URL")),
        redis_url=env.str("REDIS_URL"),
        jwt_secret=env.str("JWT_SECRET_KEY", validate=validate.Length(min=32)),
        jwt_identity_claim=env.str("JWT_IDENTITY_CLAIM", "sub"),
        access_token_seconds=env.int("ACCESS_TOKEN_SECONDS", 86_400),
        refresh_token_seconds=env.int("REFRESH_TOKEN_SECONDS", 30 * 86_400),
        embedded=env.bool("IM_EMBEDDED", False),
        allowed_origins=tuple(each.strip().rstrip("/") for each in origins),
        trusted_proxies=env.int("TRUSTED_PROXIES", 0, validate=validate.Range(min=0, max=5)),
        outbox_shards=env.int("OUTBOX_SHARDS", 16, validate=validate.Range(min=1, max=1024)),
        outbox_batch=env.int("OUTBOX_BATCH", 600, validate=validate.Range(min=1, max=5_000)),
        fast_publish=env.bool("FAST_PUBLISH", True),
        recall_seconds=env.int("RECALL_SECONDS", 120),
        group_max_members=env.int("GROUP_MAX_MEMBERS", 500, validate=validate.Range(min=1, max=100_000)),
        recalled_text=env.str("RECALLED_TEXT", "[消息已撤回]"),
        language=env.str("IM_LANGUAGE", "zh", validate=validate.OneOf(["zh", "en"])),
        media_storage=env.str("MEDIA_STORAGE", "var/media", validate=validate.Length(min=1)),
        s3_endpoint=env.str("S3_ENDPOINT", ""),
        s3_region=env.str("S3_REGION", "us-east-1"),
        s3_access_key_id=env.str("S3_ACCESS_KEY_ID", ""),
        s3_secret_access_key=env.str("S3_SECRET_ACCESS_KEY", ""),
        media_redirect=env.bool("MEDIA_REDIRECT", False),
        media_keep_metadata=env.bool("MEDIA_KEEP_METADATA", False),
        media_urls=env.bool("MEDIA_URLS", False),
        media_unused_seconds=env.int("MEDIA_UNUSED_SECONDS", 86_400, validate=validate.Range(min=0, max=31_536_000)),
        media_bytes_a_day=env.int(
            "MEDIA_BYTES_A_DAY", 1_073_741_824, validate=validate.Range(min=1, max=1_099_511_627_776)
        ),
        rate_limits=env.bool("RATE_LIMITS", True),
        db_pool_size=env.int("DB_POOL_SIZE", 10),
        log_level=env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])),
        log_sample=env.float("LOG_SAMPLE", 0.01, validate=validate.Range(min=0, max=1)),
        slow_seconds=env.float("SLOW_SECONDS", 1.0, validate=validate.Range(min=0.001, max=3_600)),
        otel_traces=env.bool("OTEL_TRACES", False),
        metrics_bind=env.str("METRICS_BIND", "", validate=validate.Regexp(_BIND)),
        drill=env.bool("DRILL", False),
        canary_web_url=env.str("CANARY_WEB_URL", "", validate=validate.Regexp(_ENDPOINT)),
        canary_realtime_url=env.str("CANARY_REALTIME_URL", "", validate=validate.Regexp(_ENDPOINT)),
        canary_users=tuple(env.list("CANARY_USERS", [], subcast=int)),
        retention_seconds=env.int("RETENTION_SECONDS", 0, validate=_RETENTION),
        retention_deleted_seconds=env.int("RETENTION_DELETED_SECONDS", 0, validate=_RETENTION),
        # Addresses of an outside directory; without them the built-in tables are read.
        friend_rpc=env.str("FRIEND_RPC", ""),
        usercenter_rpc=env.str("USERCENTER_RPC", ""),
        rpc_bind=env.str("RPC_BIND", "127.0.0.1:8081"),
        rpc_service_tokens=_named_tokens("RPC_SERVICE_TOKENS", env.list("RPC_SERVICE_TOKENS", [])),
        rpc_tls_certificate=env.str("RPC_TLS_CERTIFICATE", ""),
        rpc_tls_key=env.str("RPC_TLS_KEY", ""),
        rpc_tls_client_ca=env.str("RPC_TLS_CLIENT_CA", ""),
        rpc_legacy_callers=env.bool("RPC_LEGACY_CALLERS", False),
        rpc_reflection=env.bool("RPC_REFLECTION", False),
        rpc_concurrency=env.int("RPC_CONCURRENCY", 128, validate=validate.Range(min=1, max=1024)),
    )
    _check_storage(found)
    if found.otel_traces and not _has_opentelemetry():
        raise EnvError("OTEL_TRACES=1 needs the packages of requirements/otel.txt, which are not installed")
    _check_canary(found)
    _check_retention(found)
    if not found.embedded:
        _refuse_weak_secrets(found)
    return found


def _has_opentelemetry() -> bool:
    try:
        return all(map(find_spec, ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")))
    except ModuleNotFoundError:
        return False


def _refuse_weak_secrets(found: Settings) -> None:
    weak = {
        "JWT_SECRET_KEY": is_weak_key(found.jwt_secret),
        "RPC_SERVICE_TOKENS": any(map(is_weak_key, found.rpc_service_tokens.values())),
        "DATABASE_URL": has_weak_password(found.database_url),
        "REDIS_URL": has_weak_password(found.redis_url),
        "S3_SECRET_ACCESS_KEY": is_weak_password(found.s3_access_key_id, found.s3_secret_access_key),
    }
    for variable, is_weak in weak.items():
        if is_weak:
            raise EnvError(
                f"{variable} holds a secret that is well known or easily guessed: set one of your own, "
                'for example what "openssl rand -hex 32" prints'
            )


def _check_canary(found: Settings) -> None:
    given = [bool(each) for each in (found.canary_web_url, found.canary_realtime_url, found.canary_users)]
    if any(given) and not all(given):
        raise EnvError("CANARY_WEB_URL, CANARY_REALTIME_URL and CANARY_USERS belong together: one is missing")
    users = found.canary_users
    if users and (len(set(users)) != 2 or len(users) != 2 or min(users) < 1 or max(users) > MAX_ID):
        raise EnvError("CANARY_USERS has to be the ids of two users, like 17,18")


def _check_storage(found: Settings) -> None:
    """Raise EnvError, never with a secret, for a bucket that has no name, no keys, or no address that can be used."""
    if not found.media_storage.startswith("s3://"):
        return
    if not _BUCKET.match(found.media_storage):
        raise EnvError("MEDIA_STORAGE is a directory, or s3://bucket or s3://bucket/prefix")
    for variable, value in (
        ("S3_ACCESS_KEY_ID", found.s3_access_key_id),
        ("S3_SECRET_ACCESS_KEY", found.s3_secret_access_key),
    ):
        if not value:
            raise EnvError(f"{variable} is missing: MEDIA_STORAGE names a bucket")
    if not _ENDPOINT.match(found.s3_endpoint):
        raise EnvError("S3_ENDPOINT is a URL like https://s3.example, without a path, or empty for Amazon's")


def _check_retention(found: Settings) -> None:
    if 0 < found.retention_seconds < _LEAST_RETENTION:  # by a wrong unit messages would go before devices fetch them
        raise EnvError(f"RETENTION_SECONDS must be 0, or at least {_LEAST_RETENTION}: a day")


def _database_url(url: str) -> str:
    """Returns the URL unchanged. Raises EnvError, never with a password, for one that names no known driver."""
    found = _DATABASE_URL.match(url)
    if not found or not (found["port"] is None or found["port"].isdecimal()):
        raise EnvError(
            "DATABASE_URL is no URL like mysql+pymysql://user:password@host/name; in its password all but letters and "
            "digits are percent-encoded"
        )
    driver = found["driver"]
    if driver not in _DRIVERS:
        raise EnvError(f"DATABASE_URL begins with {' or '.join(f'{each}://' for each in _DRIVERS)}, not {driver}://")
    return url


def _named_tokens(variable: str, entries: list[str]) -> dict[str, str]:
    """Returns service tokens by caller name, from "name:token" entries. Raises EnvError, never with a token."""
    tokens = {name.strip(): token.strip() for name, _, token in (entry.partition(":") for entry in entries)}
    if len(tokens) != len(entries) or any(not name or len(token) < 32 for name, token in tokens.items()):
        raise EnvError(
            f'{variable} takes "name:token" entries, separated by commas; a token has at least 32 characters'
        )
    return tokens
