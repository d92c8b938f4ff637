"""Tests that frames have the contract's form."""

import orjson

from messaging.frame import frame


def test_a_frame_has_a_type_and_its_content() -> None:
    assert orjson.loads(frame("typing", {"user_id": 1})) == {"type": "typing", "content": {"user_id": 1}}
