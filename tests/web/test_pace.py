"""Tests that whoever shares a pace goes on one after the other, and that nobody waits who comes late enough."""

from web.pace import Pace


def test_turns_are_so_far_apart_and_nobody_saves_them_up() -> None:
    now, waits = [100.0], list[float]()
    pace = Pace(0.5, clock=lambda: now[0], sleep=waits.append)
    for _ in range(3):
        pace.wait()
    assert waits == [0.0, 0.5, 1.0]
    now[0] = 110.0
    for _ in range(2):
        pace.wait()
    assert waits[3:] == [0.0, 0.5]
