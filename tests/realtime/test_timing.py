"""Of messages written together the oldest is measured, and not every one under load."""

from prometheus_client import REGISTRY

from realtime.timing import Timing


class Clock:
    """A clock that a test sets. Each test has hours of its own, as the pace is the process's."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def measured(until: str) -> tuple[float, float]:
    """Returns how many were measured, and their seconds."""
    found = [REGISTRY.get_sample_value(f"im_push_seconds_{what}", {"until": until}) for what in ("count", "sum")]
    count, seconds = (value or 0.0 for value in found)
    return count, seconds


def push(timing: Timing, *committed: float | None) -> None:
    for each in committed:
        timing.pushed(each)
    timing.written()


def test_the_oldest_of_those_written_together_is_measured_once() -> None:
    timing, (count, seconds) = Timing(clock=Clock(100.0)), measured("written")
    push(timing, None, 97.0, 99.0)
    timing.written()
    assert measured("written") == (count + 1, seconds + 3)


def test_what_the_device_answers_for_is_what_was_there_when_it_was_asked() -> None:
    clock = Clock(200.0)
    timing, (count, seconds) = Timing(clock=clock), measured("answered")
    push(timing, 198.0)
    timing.asked()
    push(timing, 199.0)
    timing.answered()
    timing.answered()
    assert measured("answered") == (count + 1, seconds + 2)


def test_a_clock_of_another_machine_that_is_ahead_counts_as_none() -> None:
    timing, (count, seconds) = Timing(clock=Clock(300.0)), measured("written")
    push(timing, 301.0)
    assert measured("written") == (count + 1, seconds)


def test_one_in_two_milliseconds_is_measured_of_all_connections_together() -> None:
    clock, (count, _) = Clock(400.0), measured("written")
    timings = [Timing(clock=clock) for _ in range(40)]
    for place, timing in enumerate(timings):
        clock.now = 400.0 + place / 10_000  # four milliseconds in all
        push(timing, 399.0)
    assert measured("written")[0] == count + 2


def test_a_clock_that_is_set_back_does_not_end_it() -> None:
    clock, (count, _) = Clock(500.0), measured("written")
    timing = Timing(clock=clock)
    push(timing, 499.0)
    clock.now = 450.0
    push(timing, 449.0)
    assert measured("written")[0] == count + 2
