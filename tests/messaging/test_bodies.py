"""Tests of what the `extra` of each type of message may hold."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from infra.settings import settings
from messaging.bodies import Body, media_of, read
from messaging.errors import Code, Refused
from tests import databases

MEDIA = "0123456789abcdef" * 2
IMAGE, VOICE, VIDEO, FILE = 2, 3, 4, 5
NAMED = {"media_id": MEDIA, "name": "a.txt"}


def refused(message_type: int, extra: Any, **how: Any) -> str:
    """Returns what the refusal of an `extra` says."""
    with pytest.raises(Refused) as caught:
        read(message_type, extra, **({"in_group": False} | how))
    assert caught.value.code is Code.INVALID
    assert caught.value.fields
    assert set(caught.value.fields) == {"extra"}
    return "\n".join(caught.value.fields["extra"])


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    """Give the test process settings. Nothing here asks a database."""
    with databases.configured("sqlite://"):
        yield


@pytest.fixture
def with_urls(configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let messages carry addresses."""
    monkeypatch.setenv("MEDIA_URLS", "1")
    settings.cache_clear()


@pytest.mark.parametrize(
    ("message_type", "extra"),
    [
        *((each, {"media_id": MEDIA}) for each in (IMAGE, VOICE, VIDEO)),
        (IMAGE, {"media_id": MEDIA, "width": 3, "height": 2**31 - 1, "custom": {"a": [1]}}),
        (VOICE, {"media_id": MEDIA, "duration": 3.5}),
        (VIDEO, {"media_id": MEDIA, "width": 0, "height": 0, "duration": 0}),
        (FILE, NAMED | {"size": 2**53 - 1}),
    ],
)
def test_what_a_type_may_carry(message_type: int, extra: dict[str, Any]) -> None:
    assert read(message_type, extra, in_group=False) == Body(media_id=MEDIA)


@pytest.mark.parametrize("message_type", [IMAGE, VOICE, VIDEO, FILE])
@pytest.mark.parametrize(
    "extra",
    [
        *(None, {}, {"width": 1}),
        *({"media_id": each} for each in (None, 1, "", MEDIA[1:], MEDIA + "0", MEDIA.upper(), MEDIA + "\n", [MEDIA])),
        *({"media_id": MEDIA, "more": 1}, {"media_id": MEDIA, "custom": [1]}, {"media_id": MEDIA, "text": "x"}),
        *({"media_id": MEDIA, "url": "https://a.example/x"}, {"url": "https://a.example/x"}),
    ],
    ids=str,
)
def test_anything_else_is_refused(message_type: int, extra: Any) -> None:
    named = {"name": "a.txt"} | extra if extra and message_type == FILE else extra
    assert refused(message_type, named)


@pytest.mark.parametrize(
    ("message_type", "field", "value"),
    [
        *((IMAGE, "width", each) for each in (-1, 1.5, "1", True, 2**31, None)),
        *((VOICE, "duration", each) for each in (-1, "1", True, 2**53, None, [])),
        *((FILE, "size", each) for each in (-1, 1.5, "1", 2**53)),
        *((IMAGE, "duration", 1), (VOICE, "width", 1), (VIDEO, "size", 1), (FILE, "height", 1), (IMAGE, "name", "a")),
    ],
)
def test_numbers_have_their_types_and_belong_to_theirs(message_type: int, field: str, value: Any) -> None:
    said = refused(message_type, (NAMED if message_type == FILE else {"media_id": MEDIA}) | {field: value})
    assert said.startswith(f"{field}: ")


@pytest.mark.parametrize(
    "name", ["a", "x" * 255, "Übersicht 图片 👩‍👩‍👧.png", ".profile", " a", "שלום.txt", "a..b", "%2e%2e"]
)
def test_a_file_has_a_name(name: str) -> None:
    assert read(FILE, {"media_id": MEDIA, "name": name}, in_group=False).media_id == MEDIA


@pytest.mark.parametrize(
    "name",
    [
        *(None, 1, "", " ", ".", "..", ". .", "x" * 256),
        *("../a", "..\\a", "a/b", "\\\\host\\a", "a\x00.png", "a\nb", "a\tb", "\x7f", "\x85", "a\u2028b", "a\u2029b"),
        *(f"a{mark}b" for mark in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"),
    ],
    ids=ascii,
)
def test_which_is_no_path_and_not_turned_round(name: Any) -> None:
    assert refused(FILE, {"media_id": MEDIA, "name": name}).startswith("name: ")


def test_a_file_without_a_name_is_refused() -> None:
    assert refused(FILE, {"media_id": MEDIA}).startswith("name: ")


@pytest.mark.parametrize(
    "url",
    [
        *("http://a.example", "https://a.example/x?y=1#z", "HTTPS://A.example:8443/图片.jpg", "http://[::1]/x"),
        "http://a.example/" + "x" * 2_031,
    ],
    ids=lambda url: url[:40],
)
@pytest.mark.usefixtures("with_urls")
def test_an_address_may_stand_for_an_upload(url: str) -> None:
    assert read(IMAGE, {"url": url, "width": 3}, in_group=False) == Body()
    assert read(FILE, {"url": url, "name": "a"}, in_group=False) == Body()


@pytest.mark.parametrize(
    "url",
    [
        *(None, 1, "", "a.example/x", "//a.example/x", "/x", "http:", "http://", "http:///x", "http://?x"),
        *(
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://a.example/x",
            "file:///etc/passwd",
            "blob:http://a.example/x",
        ),
        *(" http://a.example", "http://a.example ", "http://a.example/\n", "http://a.exa mple", "java\nscript:x"),
        *("http://a@b.example", "http://a:b@b.example/x", "http://a.example\\@b.example", "http:\\\\a.example"),
        *("http://a.example/\x00", "http://a.example/\\x", "http://a.example/" + "x" * 2_032),
    ],
    ids=lambda url: ascii(url)[:40],
)
@pytest.mark.usefixtures("with_urls")
def test_of_http_alone(url: Any) -> None:
    assert refused(IMAGE, {"url": url}).startswith("url: ")
    assert refused(IMAGE, {"url": url, "text": "x"}, free=True).startswith("url: ")


@pytest.mark.parametrize(
    "extra", [None, {}, {"text": "file.txt"}, {"w": 1, "custom": 1}, {"url": "http://a.example/x", "w": 1}], ids=str
)
def test_a_free_body_need_carry_nothing(extra: Any) -> None:
    for message_type in (IMAGE, VOICE, VIDEO, FILE):
        assert read(message_type, extra, in_group=False, free=True) == Body()
        assert refused(message_type, extra), "of anybody else"


def test_but_with_an_upload_it_is_bound_like_any_other() -> None:
    assert read(IMAGE, {"media_id": MEDIA}, in_group=False, free=True) == Body(media_id=MEDIA)
    assert refused(IMAGE, {"media_id": MEDIA, "w": 1}, free=True)
    assert refused(IMAGE, {"media_id": "x"}, free=True)


def test_a_text_has_an_extra_of_its_own() -> None:
    assert read(1, {"media_id": 7, "url": "javascript:", "width": "x", "mentions": 3}, in_group=False) == Body()


@pytest.mark.parametrize("message_type", [1, IMAGE])
def test_all_types_may_answer_and_mention(message_type: int) -> None:
    extra = {"reply_to": 3, "mentions": [4]} | ({"media_id": MEDIA} if message_type == IMAGE else {})
    found = read(message_type, extra, in_group=True)
    assert (found.reply_to, found.mentions) == (3, (4,))
    assert read(message_type, extra, in_group=False).mentions == ()
    assert refused(message_type, extra | {"mentions": [4, 4]}, in_group=True)


@pytest.mark.parametrize("answered", [None, 0, -1, 1.0, "1", True, [1], 2**53], ids=str)
def test_an_answer_names_a_message(answered: Any) -> None:
    assert refused(1, {"reply_to": answered}).startswith("reply_to ")


@pytest.mark.parametrize("message_type", [1, IMAGE, FILE])
@pytest.mark.parametrize("free", [False, True])
def test_nobody_says_themselves_what_was_forwarded(message_type: int, *, free: bool) -> None:
    extra = NAMED | {"forwarded_from": {"user_id": 1, "message_id": 1}}
    assert refused(message_type, extra, free=free).startswith("forwarded_from ")


def test_a_refusal_stays_small() -> None:
    said = refused(IMAGE, {"x" * 200 + str(number): 1 for number in range(100)})
    assert len(said) < 1_000


@pytest.mark.parametrize(
    ("message_type", "extra", "media_id"),
    [
        (IMAGE, {"media_id": MEDIA}, MEDIA),
        (1, {"media_id": MEDIA}, None),
        (0, {"media_id": MEDIA}, None),
        (IMAGE, None, None),
        *((FILE, {"media_id": each}, None) for each in (7, "x", MEDIA + "\n", [MEDIA], None)),
    ],
)
def test_what_a_stored_message_carries(message_type: int, extra: Any, media_id: str | None) -> None:
    text = None if extra is None else orjson.dumps(extra).decode()
    assert media_of(SimpleNamespace(message_type=message_type, extra=text)) == media_id
