"""Tests of places for large work: so many for all, fewer for one, and each is free again however the work ends."""

from contextlib import ExitStack

import pytest

from messaging.errors import Code, Refused
from web.places import Places


def test_a_process_has_so_many_places_and_a_caller_fewer() -> None:
    places = Places(3, most_of_one=2, retry_after=5)
    with ExitStack() as held:
        held.enter_context(places.place(1))
        held.enter_context(places.place(1))
        with pytest.raises(Refused) as own, places.place(1):
            pass
        held.enter_context(places.place(2))
        with pytest.raises(Refused) as full, places.place(2):
            pass
    assert (own.value.code, own.value.retry_after) == (Code.TOO_MANY_REQUESTS, 5)
    assert (full.value.code, full.value.retry_after) == (Code.UNAVAILABLE, 5)


def test_a_place_is_free_again_however_the_work_ends() -> None:
    places = Places(1, most_of_one=1, retry_after=1)
    for error in (ValueError, SystemExit, KeyboardInterrupt, GeneratorExit):
        with pytest.raises(error), places.place(1):
            raise error
    with places.place(1), pytest.raises(Refused), places.place(1):
        pass
