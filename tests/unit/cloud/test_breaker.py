"""A project that does not answer is left alone, then tried with one call."""

import pytest

from bot.cloud.breaker import Breaker
from bot.cloud.pace import Pace
from bot.errors import CloudDown


async def _no_wait(seconds: float) -> None:
    return None


@pytest.fixture
def pace() -> Pace:
    return Pace(_no_wait, lambda: 0.0)


def opened(pace: Pace) -> Breaker:
    breaker = Breaker(pace)
    for _ in range(5):
        assert not breaker.admit()
        breaker.failed()
    return breaker


async def test_five_failures_in_a_row_open_it(pace: Pace) -> None:
    breaker = opened(pace)
    assert breaker.state == "open"
    with pytest.raises(CloudDown) as caught:
        breaker.admit()
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 15


async def test_an_answer_in_between_starts_the_count_again(pace: Pace) -> None:
    breaker = Breaker(pace)
    for _ in range(20):
        breaker.failed()
        breaker.succeeded()
    assert breaker.state == "closed"


async def test_after_the_rest_one_call_tries(pace: Pace) -> None:
    breaker = opened(pace)
    await pace.sleep(15)
    assert breaker.state == "half-open"
    assert breaker.admit()
    with pytest.raises(CloudDown):
        breaker.admit()
    breaker.succeeded()
    assert breaker.state == "closed"
    assert not breaker.admit()


async def test_each_failed_trial_doubles_the_rest_up_to_a_minute(pace: Pace) -> None:
    breaker = opened(pace)
    rests = []
    for _ in range(4):
        await pace.sleep(breaker.rests_for.total_seconds())
        breaker.admit()
        breaker.failed()
        rests.append(breaker.rests_for.total_seconds())
    assert rests == [30, 60, 60, 60]


async def test_calls_that_were_under_way_when_it_opened_do_not_prolong_the_rest(pace: Pace) -> None:
    breaker = opened(pace)
    await pace.sleep(10)
    breaker.failed()
    assert breaker.rests_for.total_seconds() == 5


async def test_an_abandoned_trial_leaves_room_for_the_next(pace: Pace) -> None:
    breaker = opened(pace)
    await pace.sleep(15)
    breaker.admit()
    breaker.abandoned()
    assert breaker.admit()
