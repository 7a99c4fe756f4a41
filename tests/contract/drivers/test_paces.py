"""Messages of several processes to one channel: at Slack's pace, in order, each once."""

import time
from collections import Counter
from itertools import pairwise

from bot.outbox import CHANNEL_PACE
from deploy.sandbox.slack.sim import SimSlack
from tests.contract.drivers.crew import Crew, until

CHANNEL = "C0RESEARCH"
CLOCKS_S = 0.02  # the host's clock is read in whole milliseconds, and may be put right a little
REST_S = 3


def texts(slack: SimSlack) -> list[str]:
    """What the channel shows, oldest first."""
    return [message.text for message in slack.messages(CHANNEL)]


def arrivals(slack: SimSlack) -> list[float]:
    """When posts came in, refused ones too; on the machine's monotonic clock."""
    ahead = slack.clock.now_ms() / 1000 - time.monotonic()
    return [call["at_ms"] / 1000 - ahead for call in slack.calls("chat.postMessage")]


async def test_messages_to_one_channel_keep_its_pace_and_their_order_over_two_processes(
    crew: Crew, slack: SimSlack
) -> None:
    two, told = await crew.start_two(slack=slack.api_url), [f"m{n}" for n in range(5)]
    for place, key in enumerate(told):
        assert "stored" in await two[place % 2].ask("say", key=key, channel=CHANNEL, subject=key)
    await until(lambda: len(texts(slack)) == 5, "all five are there")
    await until(lambda: recorded(crew, told), "each is recorded once")
    assert texts(slack) == told
    began = {effect.key: effect.at for effect in crew.effects.all("sets-out")}
    # Whatever holds a process up on the way: from before one sets out until the next arrives is never less.
    gaps = [there - began[before] for (before, _), there in zip(pairwise(told), arrivals(slack)[1:], strict=True)]
    assert min(gaps) >= CHANNEL_PACE.total_seconds() - CLOCKS_S


async def test_when_slack_asks_for_a_rest_in_a_channel_every_process_rests(crew: Crew, slack: SimSlack) -> None:
    """Also with messages that are about something else."""
    two, told = await crew.start_two(slack=slack.api_url), [f"m{n}" for n in range(3)]
    slack.fault("chat.postMessage", "ratelimited", nth=2, retry_after=REST_S)
    for place, key in enumerate(told):
        assert "stored" in await two[place % 2].ask("say", key=key, channel=CHANNEL, subject=key)
    await until(lambda: recorded(crew, told), "all three are there, and each is recorded once")
    assert Counter(texts(slack)) == Counter(told)
    assert [call["status"] for call in slack.calls("chat.postMessage")] == [200, 429, 200, 200]
    _, asked, after, _ = arrivals(slack)
    assert after - asked >= REST_S - CLOCKS_S


async def recorded(crew: Crew, keys: list[str]) -> bool:
    return await crew.recorded() == Counter(keys)
