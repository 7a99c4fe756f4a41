"""The chart in a message's thread: put there after the message, and again later where Slack takes no file right now."""

import logging
from datetime import datetime, timedelta
from typing import Any

from bot.errors import SlackAnswerLost, SlackBusy, SlackDown, SlackError
from bot.next_message import DEAD_AFTER, LONGEST_WAIT
from bot.slack import Message, Posted, Slack

log = logging.getLogger(__name__)

OWED = "chart_owed"  # a fact of a message that stands there without its chart
MAY_HAVE_ONE = ("digest", "answer")
AT_LEAST = timedelta(seconds=30)


def to_send(row: Any) -> bool:
    """Whether the chart is all that is missing."""
    return bool(row.ts and row.sent_rev == row.rev and row.facts.get(OWED))


def owed_after_all(row: Any) -> timedelta | None:
    """For a post that was found after its answer was lost: the chart comes after it, so it was not sent either.

    Whoever died meanwhile may have got as far as the chart: it is not sent twice.
    """
    return timedelta(0) if row.kind in MAY_HAVE_ONE and row.claim_until is None else None


async def share(slack: Slack, row: Any, posted: Posted, message: Message, now: datetime) -> timedelta | None:
    """Put the chart of a new message into its thread. How long to wait for another try; None: there is none to make."""
    if message.image is None or not posted.ts or not (row.sent_rev == 0 or row.facts.get(OWED)):
        return None
    try:
        await slack.upload(
            posted.channel, posted.ts, message.image, title=message.image_title, alt=message.image_alt
        )  # fmt: skip
    except SlackError as error:
        log.warning("chart not uploaded: %s", error.code)
        missing_for = now - (row.delivered_at or now)
        passing = isinstance(error, SlackBusy | SlackDown) and not isinstance(error, SlackAnswerLost)
        if not passing or missing_for > DEAD_AFTER:  # it may be there, or Slack does not want it
            return None
        return min(LONGEST_WAIT, max(error.retry_after or AT_LEAST, missing_for))
    return None


def noted(facts: dict[str, Any], again_in: timedelta | None, now: datetime) -> dict[str, Any]:
    """What a message's row says of its chart, once Slack has the message. It holds back nothing meanwhile.

    It counts as tried: of what was not, a time so far ahead is taken for a wrong clock's, and it would be due at once.
    """
    if again_in is not None:
        again = {"state": "pending", "due_at": now + again_in, "failing_since": now, "tries": 1}
        return again | {"facts": facts | {OWED: True}}
    return {"facts": {name: fact for name, fact in facts.items() if name != OWED}} if OWED in facts else {}
