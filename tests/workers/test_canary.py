"""Tests that beat's watch counts rounds of the canary, and is red after three failures in a row."""

from actions.canary import Failed
from workers.canary import RED_AFTER, Watch


class Rounds:
    """Rounds that succeed or fail as they are told."""

    def __init__(self) -> None:
        self.broken: Failed | None = None

    def __call__(self) -> dict[str, float]:
        if self.broken:
            raise self.broken
        return {"connect": 0.5, "send": 0.01, "receive": 0.02, "read": 0.01}


def test_three_failures_in_a_row_are_told_until_one_succeeds() -> None:
    rounds = Rounds()
    watch = Watch(rounds)
    assert watch.round() == 10
    rounds.broken = Failed("receive", "took too long")
    for _ in range(RED_AFTER - 1):
        assert watch.round() == 5
    assert watch.fault() == ""
    watch.round()
    assert watch.fault() == (
        "3 rounds failed in a row, the last at receive: took too long; "
        "look at /readyz of realtime and of the workers, and at Redis"
    )
    rounds.broken = None
    watch.round()
    assert watch.fault() == ""


def test_failures_with_a_success_between_them_are_not_told() -> None:
    rounds = Rounds()
    watch = Watch(rounds)
    for _ in range(RED_AFTER):
        rounds.broken = Failed("send", "HTTPError: HTTP Error 503: Service Unavailable")
        watch.round()
        rounds.broken = None
        watch.round()
    rounds.broken = Failed("send", "HTTPError: HTTP Error 503: Service Unavailable")
    watch.round()
    assert watch.fault() == ""
