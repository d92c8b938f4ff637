"""Tests of the text that stands for a message."""

import pytest

from infra.settings import settings
from messaging.previews import cut, preview


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("zh", ["[图片]", "[语音]", "[视频]", "[文件]", "[文件] a.pdf"]),
        ("en", ["[Picture]", "[Voice]", "[Video]", "[File]", "[File] a.pdf"]),
    ],
)
def test_what_has_no_content_is_told_by_its_kind(
    language: str, told: list[str], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IM_LANGUAGE", language)
    settings.cache_clear()
    extras = [(2, None), (3, '{"name": "x"}'), (4, None), (5, '{"name": 5}'), (5, '{"name": "a.pdf"}')]
    assert [preview(kind, " ", extra) for kind, extra in extras] == told


def test_a_caption_goes_before_the_kind_and_a_text_stands_for_itself(database: str) -> None:
    assert [preview(2, "sunset", None), preview(5, "mine", '{"name": "a"}'), preview(1, "hi", None)] == [
        "sunset",
        "mine",
        "hi",
    ]
    assert len(preview(5, "", '{"name": "' + "x" * 255 + '"}')) == 100


FAMILY = "👨‍👩‍👧"  # five characters
FLAG = "🇨🇳"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 100),
        ("好" * 101, "好" * 100),
        ("x" * 97 + FAMILY, "x" * 97),
        ("x" * 95 + FAMILY + "y", "x" * 95 + FAMILY),
        ("x" * 99 + "👍🏽", "x" * 99),
        ("x" * 99 + "e\u0301", "x" * 99),
        ("x" * 99 + "❤\ufe0f", "x" * 99),
        ("x" + FLAG * 60, "x" + FLAG * 49),
        (FLAG * 60, FLAG * 50),
        ("e" + "\u0301" * 200, "e" + "\u0301" * 99),
        ("", ""),
    ],
)
def test_what_is_drawn_as_one_is_not_cut_in_two(text: str, left: str) -> None:
    assert cut(text) == left
