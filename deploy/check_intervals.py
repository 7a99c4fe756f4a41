"""How seldom and how often passes may come and still keep what the policy promises. Pure."""

import math
from datetime import timedelta

from bot.config.model import Config
from bot.config.policy import EffectivePolicy, effective
from bot.idle import poll
from bot.model import Listing
from bot.rules.durations import format_duration

PAGE = 50  # notebooks per page of a listing
CALLS_PER_POLL = 3  # show, Jupyter through the proxy, a share of a metrics query


def shortest(listing: Listing, policy: EffectivePolicy, rate: float, took: timedelta) -> timedelta:
    """The shortest interval between passes that the rate limit allows: its calls must fit in, evidence included."""
    pages = math.ceil(len(listing.notebooks) / PAGE) + 1
    running = sum(1 for each in listing.notebooks if each.status.runs)
    per_second = running * CALLS_PER_POLL / poll.interval(policy.idle_after).total_seconds()
    left = max(rate - per_second, rate / 10)  # polls are spread; whatever is left is for the listing
    return max(timedelta(seconds=1), timedelta(seconds=math.ceil(pages / left)), took)


def longest(config: Config, project: str) -> tuple[timedelta, str]:
    """The longest at which evidence is read as often as promised and no warning is missed; and which of them it is."""
    limits = [(lead, f"a warning goes {format_duration(lead)} before an end") for lead in _leads(config, project)]
    if effective(config, project).idle_mode != "off":
        least = _least_idle_after(config, project)
        every = poll.interval(least)
        said = f"at `idle_after` {format_duration(least)} evidence is read every {format_duration(every)}"
        limits.append((every, said))
    return min(limits, default=(timedelta(hours=1), "nothing depends on it"))


def missed(config: Config, project: str, interval: timedelta) -> timedelta | None:
    """The shortest lead of a warning, if such an interval may skip it altogether."""
    least = min(_leads(config, project), default=None)
    return least if least is not None and least <= interval else None


def _leads(config: Config, project: str) -> list[timedelta]:
    """Of the project, and of every rule, whatever it is for."""
    ruled = [rule.settings["warnings"].value for rule in config.rules if "warnings" in rule.settings]
    every = [effective(config, project).warnings, *(value for value in ruled if isinstance(value, tuple))]
    return [lead for leads in every for lead in leads if isinstance(lead, timedelta)]


def _least_idle_after(config: Config, project: str) -> timedelta:
    ruled = [rule.settings["idle_after"].value for rule in config.rules if "idle_after" in rule.settings]
    return min([effective(config, project).idle_after, *(each for each in ruled if isinstance(each, timedelta))])
