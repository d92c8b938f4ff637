"""Tests that no two channels have the same name."""

from infra import channels


def test_channels_differ() -> None:
    names = [*map(channels.of_user, (1, 2)), *map(channels.of_relay, ("1", "2")), channels.for_reply()]
    assert len({*names, channels.for_reply()}) == 6


def test_a_channel_tells_its_user() -> None:
    assert channels.user_of(channels.of_user(17)) == 17
