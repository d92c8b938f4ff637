"""Tests of the canary in beat's process: what it measures, and that beat says so when messages do not arrive."""

from tests.operations.counting import reached
from tests.people import Web, friends
from tests.processes import wait_until
from tests.stack import Service, Stack


def test_beat_measures_and_is_not_ready_while_it_fails(stack: Stack) -> None:
    alice, bob = friends(Web(stack.web_url))
    realtime = stack.add("realtime")
    assert isinstance(realtime, Service)
    beat = stack.add(
        "beat",
        CANARY_WEB_URL=stack.web_url,
        CANARY_REALTIME_URL=stack.realtime_urls[-1],
        CANARY_USERS=f"{alice.id},{bob.id}",
    )
    assert isinstance(beat, Service)
    try:
        reached(stack, "beat", "im_canary_seconds_count", 1)
        assert 0 < beat.metric("im_canary_seconds_sum") < 5
        assert beat.metric("im_canary_failures_total") == 0
        realtime.kill()
        wait_until(lambda: not beat.readiness()[0], "beat to be red")
        reached(stack, "beat", "im_canary_failures_total", 3)
        fault = beat.readiness()[1]
        assert "canary: 3 rounds failed in a row, the last at connect: ConnectionRefusedError" in fault
        realtime.start()
        wait_until(lambda: beat.readiness()[0], "beat to be ready again")
        assert "eyJ" not in beat.log.read_text()
    finally:
        for process in (beat, realtime):
            process.kill()
            stack.processes.remove(process)
