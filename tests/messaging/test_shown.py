"""Tests that no name or address can look like another, or open something other than it shows."""

from collections.abc import Callable

import pytest
from marshmallow import ValidationError

from messaging.shown import require_address, require_name


def faults(require: Callable[[str], None], text: str) -> list[str]:
    """Returns the faults of a text, empty when it is accepted."""
    try:
        require(text)
    except ValidationError as error:
        return [str(error)]
    return []


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Alice",
            "爱丽丝",
            "علي",
            "עלי",
            "O'Brien <b>",
            " x ",
            "...",
            "😀" * 64,
            "👩‍👩‍👧",
            "🏳️‍🌈",
            "a\u200db",
            "é",
            "e\u0301",
            "½",
            "\ufdfd",
        ),
    ],
    ids=ascii,
)
def test_a_name_that_shows_is_taken(name: str) -> None:
    assert faults(require_name, name) == []


@pytest.mark.parametrize(
    "name",
    [
        *("A\x00", "\x07", "a\nb", "a\tb", "a\r", "\x7f", "\x85", "a\u2028b", "a\u2029b"),
        *(f"Admin{chr(code)}nimdA" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))),
        *("Ad\u200bmin", "\u200fAdmin", "a\u061cb", "Ad\u00admin"),
        *("", " ", "\u00a0", "\u3000", "\u200b", "\u200b\u200c\u200d\u2060\ufeff", "\u200e", "\u00ad", " \u200b "),
        *("\u115f", "\u1160", "\u2800", "\u3164", "\uffa0", "\ufe0f", "\u034f", "\u0301", "\U000e0041"),
    ],
    ids=ascii,
)
def test_a_name_that_does_not_show_or_turns_others_around_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        require_name(name)


@pytest.mark.parametrize(
    "address",
    [
        *("", "https://example.org/1.png", "HTTP://example.org", "http://[2001:db8::1]:8080/a?b=c#d", "/a/b.png"),
        *("a/b.png", "a.png?x=1:2", "./a:b", "../a", "x" * 255, "/头像.png", "https://例え.jp/%20"),
    ],
    ids=ascii,
)
def test_an_address_that_a_picture_may_have_is_taken(address: str) -> None:
    assert faults(require_address, address) == []


@pytest.mark.parametrize(
    "address",
    [
        *(
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\tscript:alert(1)",
            " javascript:alert(1)",
            "\x01javascript:a",
        ),
        *("data:text/html,x", "file:///etc/passwd", "vbscript:x", "blob:x", "ftp://a/b", "a:b", "mailto:a@b.c", ":x"),
        *(
            "http:",
            "http://",
            "http:///a",
            "http:a",
            "https:\\\\a",
            "http://[broken",
            "//example.org/a",
            "///a",
            "/\\a",
            "\\\\a",
        ),
        *("http://a/b c", "http://a/\n", "http://a/\x00", "http://a/\u202egnp.exe", "a\u2028b", " ", "\u3000"),
    ],
    ids=ascii,
)
def test_an_address_that_does_more_than_show_a_picture_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        require_address(address)
