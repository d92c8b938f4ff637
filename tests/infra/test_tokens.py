"""Tests that a token is valid only when every part of it is, whoever issued it."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from infra.settings import settings
from infra.tokens import InvalidToken, issue, issue_access, verify
from tests.databases import SECRET

HOUR = 3_600
Configure = Callable[..., None]


@pytest.fixture
def configure(database: str, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Returns a function that gives this process the built-in user centre's settings, but for the given ones."""

    def apply(**environment: str) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()

    return apply


@pytest.fixture
def own(configure: Configure) -> None:
    """Use the settings of the built-in user centre."""
    configure()


def forge(algorithm: str = "HS256", secret: str = SECRET, **claims: Any) -> str:
    """Returns a token that the product did not make. A claim of None is left out."""
    body = {"sub": "7", "exp": int(time.time()) + HOUR, "type": "access", "jti": "id"} | claims
    given = {name: value for name, value in body.items() if value is not None}
    header = _part({"alg": algorithm, "typ": "JWT"})
    signed = f"{header}.{_part(given)}"
    if algorithm == "none":
        return f"{signed}."
    key = jwt.get_algorithm_by_name(algorithm)
    return f"{signed}.{_encode(key.sign(signed.encode(), key.prepare_key(secret)))}"


def _part(content: Any) -> str:
    return _encode(json.dumps(content).encode())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refused(raw: Any, kind: str = "access") -> None:
    with pytest.raises(InvalidToken):
        verify(raw, kind=kind)


def test_what_was_issued_is_good(own: None) -> None:
    pair = issue(7, "family", 3)
    claims = verify(pair.access_token)
    assert (claims.user_id, claims.family, pair.expires_in) == (7, "family", 86_400)
    assert claims.token_id
    assert claims.revocable == (claims.token_id, "family")
    assert (claims.generation, claims.issued_at) == (3, pytest.approx(time.time(), abs=60))
    assert abs(claims.expires_at - time.time() - 86_400) < HOUR


def test_every_token_has_its_own_id(own: None) -> None:
    pairs = [issue(7, "family", 3) for _ in range(2)]
    ids = {verify(pair.access_token).token_id for pair in pairs}
    ids |= {verify(pair.refresh_token, kind="refresh").token_id for pair in pairs}
    assert len(ids) == 4


def test_lives_are_settings(configure: Configure) -> None:
    configure(ACCESS_TOKEN_SECONDS="60", REFRESH_TOKEN_SECONDS="120")
    pair = issue(7, "family", 3)
    lives = [verify(pair.access_token).expires_at, verify(pair.refresh_token, kind="refresh").expires_at]
    assert 60 <= lives[1] - lives[0] < 120
    assert pair.expires_in == 60


def test_an_access_token_does_not_refresh_and_a_refresh_token_opens_nothing(own: None) -> None:
    pair = issue(7, "family", 3)
    refused(pair.refresh_token)
    refused(pair.access_token, kind="refresh")
    assert verify(pair.refresh_token, kind="refresh").user_id == 7


@pytest.mark.parametrize("kind", ["ACCESS", "", "admin", 1, ["access"], {}])
def test_another_kind_opens_nothing(own: None, kind: Any) -> None:
    refused(forge(type=kind))


def test_the_forger_of_these_tests_can_make_a_good_one(own: None) -> None:
    assert verify(forge()).user_id == 7


@pytest.mark.parametrize(
    "raw",
    [
        *("", " ", ".", "..", "a.b.c", "nonsense", "a.b", "Bearer x", "\x00", "é.é.é", "\ud800.a.b", "a" * 8_000),
        *("null", "e30.e30.e30", "eyJhbGciOiJIUzI1NiJ9.bnVsbA.x"),
    ],
    ids=lambda raw: ascii(raw[:20]),
)
def test_what_is_no_token_is_refused(own: None, raw: str) -> None:
    refused(raw)


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_token_with_a_part_exchanged_is_refused(own: None, cut: int) -> None:
    mine, other = issue(7, "family", 3).access_token.split("."), forge(sub="8").split(".")
    mine[cut] = other[cut] if mine[cut] != other[cut] else mine[cut][::-1]
    refused(".".join(mine))


def test_another_secret_is_refused(own: None) -> None:
    refused(forge(secret="another secret of at least 32 bytes"))


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
def test_another_algorithm_is_refused(own: None, algorithm: str) -> None:
    refused(forge(algorithm))


@pytest.mark.parametrize("spelling", ["None", "NONE", "nOnE", "hs256", "", None, 1])
def test_an_unsigned_token_is_refused_however_it_is_called(own: None, spelling: Any) -> None:
    _, body, _ = forge().split(".")
    refused(f"{_part({'alg': spelling, 'typ': 'JWT'})}.{body}.")


def test_an_expired_token_is_refused(own: None) -> None:
    refused(forge(exp=int(time.time()) - 1))
    refused(forge(exp=0))
    refused(forge(exp=-1))


def test_a_token_that_never_expires_is_refused(own: None) -> None:
    refused(forge(exp=None))


@pytest.mark.parametrize("exp", ["soon", "", True, [1], {}, 1e300, "9999999999", 9999999999.5], ids=ascii)
def test_an_expiry_that_is_no_whole_number_is_refused(own: None, exp: Any) -> None:
    refused(forge(exp=exp))


def test_a_token_from_the_future_is_refused(own: None) -> None:
    refused(forge(nbf=int(time.time()) + HOUR))


@pytest.mark.parametrize("audience", ["another service", ["this", "and that"]])
def test_whom_else_a_token_is_for_does_not_matter(own: None, audience: Any) -> None:
    assert verify(forge(aud=audience)).user_id == 7


@pytest.mark.parametrize(
    "identity",
    [
        *(7, 7.0, True, None, [], {}, ["7"]),
        *("", "0", "-7", "+7", "07", " 7", "7 ", "7\n", "7.0", "0x7", "1_000", "seven", "٧", "９", "1٢"),
        *(str(2**53), "9" * 16, "9" * 17, str(2**63)),
    ],
    ids=ascii,
)
def test_a_sub_that_is_no_decimal_user_id_is_refused(own: None, identity: Any) -> None:
    refused(forge(sub=identity))


@pytest.mark.parametrize("claim", ["jti", "fam"])
@pytest.mark.parametrize(
    "name", [[1], {"a": 1}, 7, 0, True, False, 1.5, "x" * 65, "a b", " ", "a ", "a\n", "\x00", "é", "\ud800"], ids=ascii
)
def test_an_id_by_which_nothing_could_be_revoked_is_refused(own: None, claim: str, name: Any) -> None:
    refused(forge(**{claim: name}))


@pytest.mark.parametrize("claim", ["jti", "fam"])
@pytest.mark.parametrize("name", ["x" * 64, "!", "~", "urn:uuid:5f0c", "a/b+c=="])
def test_an_id_of_up_to_64_printable_characters_is_good(own: None, claim: str, name: str) -> None:
    assert name in verify(forge(**{claim: name})).revocable


def test_an_empty_id_is_none(own: None) -> None:
    assert verify(forge(jti="", fam="")).revocable == ()


@pytest.mark.parametrize("generation", ["1", 1.0, True, -1, 2**53, [1], {}], ids=ascii)
def test_a_generation_that_is_none_is_refused(own: None, generation: Any) -> None:
    refused(forge(im_gen=generation))


@pytest.mark.parametrize(("iat", "meant"), [(5, 5), (5.9, 5), (0, 0), (None, None)])
def test_when_a_token_was_issued_is_told_in_seconds(own: None, iat: Any, meant: int | None) -> None:
    assert verify(forge(iat=iat)).issued_at == meant


@pytest.mark.parametrize("iat", ["soon", [1], {}, float("inf"), float("nan")], ids=ascii)
def test_a_time_of_issue_that_is_no_number_is_refused(own: None, iat: Any) -> None:
    refused(forge(iat=iat))


@pytest.mark.parametrize("user_id", [1, 2**53 - 1])
def test_the_smallest_and_the_largest_user_are_let_in(own: None, user_id: int) -> None:
    assert verify(issue(user_id, "family", 0).access_token).user_id == user_id


@pytest.mark.parametrize("depth", [900, 2_000, 100_000])
def test_a_header_or_body_nested_without_end_is_refused(own: None, depth: int) -> None:
    """Tokens up to the longest allowed header must not end the request with a RecursionError."""
    deep = _encode(b"[" * depth)
    refused(f"{deep}.{deep}.x")
    refused(f"{_part({'alg': 'HS256'})}.{deep}.x")


def test_a_foreign_identity_claim_may_be_a_number(configure: Configure) -> None:
    configure(JWT_IDENTITY_CLAIM="userId")
    claims = verify(forge(sub=None, jti=None, type=None, userId=7))
    assert (claims.user_id, claims.token_id, claims.family, claims.revocable) == (7, None, None, ())
    assert verify(forge(sub=None, userId="7")).user_id == 7


@pytest.mark.parametrize("identity", [0, -7, 2**53, 2**80, 7.0, True, None, "", "07", [7]], ids=ascii)
def test_a_foreign_identity_that_is_no_user_id_is_refused(configure: Configure, identity: Any) -> None:
    configure(JWT_IDENTITY_CLAIM="userId")
    refused(forge(sub=None, userId=identity))


def test_a_foreign_token_names_nobody_by_its_sub(configure: Configure) -> None:
    configure(JWT_IDENTITY_CLAIM="userId")
    refused(forge(sub="7"))


def test_own_tokens_are_issued_under_the_foreign_claim_too(configure: Configure) -> None:
    configure(JWT_IDENTITY_CLAIM="userId")
    assert verify(issue(7, "family", 3).access_token).user_id == 7


def test_a_token_without_a_login_is_good_for_its_seconds_and_ends_with_all_logins(own: None) -> None:
    claims = verify(issue_access(7, 60))
    assert (claims.user_id, claims.family, claims.generation) == (7, None, None)
    assert claims.issued_at is not None
    assert claims.expires_at == claims.issued_at + 60
    refused(issue_access(7, -1))
    refused(issue_access(7, 60), "refresh")
