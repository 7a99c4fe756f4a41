"""The table of policy keys: what the README lists, what `leasebot init` writes and what the file may say."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.config import values
from bot.config.values import Reader

_HOUR = timedelta(hours=1)
_UP_TO_72H = values.duration(longest=72 * _HOUR)


@dataclass(frozen=True, slots=True)
class PolicyKey:
    """One key of `[policy]`. `default` is as it is written in the file."""

    name: str
    kind: str
    default: Any
    meaning: str
    read: Reader
    in_rules: bool = True  # False: it holds for a whole project, so `[[policy.rules]]` cannot set it

    @property
    def default_value(self) -> Any:
        """The default, read."""
        return self.read(self.default)


POLICY_KEYS: tuple[PolicyKey, ...] = (
    PolicyKey("lease", "duration", "2h", "lease asked for when nothing is said", _UP_TO_72H),
    PolicyKey("max_extension", "duration", "4h", "one step without asking", _UP_TO_72H),
    PolicyKey("free_total", "duration", "12h", "continuous running time without asking", values.duration()),
    PolicyKey("max_total", "duration", "72h", "beyond it only an admin can approve", values.duration()),
    PolicyKey(
        "lease_max", "duration", "72h", "no lease reaches further ahead than this, approved or not",
        values.duration(_HOUR, 72 * _HOUR),
    ),
    PolicyKey("warnings", "list of durations", ["60m", "15m"], "warn so long before a lease ends", values.leads),
    PolicyKey("idle_after", "duration", "60m", "without activity for so long it counts as idle", values.duration()),
    PolicyKey("idle_grace", "duration", "15m", "from the delivered idle warning to the stop", values.duration()),
    PolicyKey(
        "idle_mode", "shadow, enforce or off", "shadow",
        "what happens to idle notebooks; without a value the admin's choice per project holds",
        values.choice("shadow", "enforce", "off"),
    ),
    PolicyKey(
        "idle_sources", "list", ["jupyter", "metrics"], "sources that must all answer before anything is idle",
        values.distinct(values.list_of(values.choice("jupyter", "metrics"))),
    ),
    PolicyKey("idle_fresh", "duration", "15m", "older samples prove nothing", values.duration()),
    PolicyKey("idle_blind", "true or false", False, "believe Jupyter alone, without metrics", values.boolean),
    PolicyKey("keep_max", "duration", "24h", "`keep` reaches at most so far ahead", values.duration()),
    PolicyKey("undo_for", "duration", "24h", "so long after a stop `that was wrong` can be said", values.duration()),
    PolicyKey(
        "approvers", "list of U… and S…", [], "who may approve in this project",
        values.list_of(values.slack_user_or_group),
    ),
    PolicyKey("approval_expires", "duration", "8h", "an unanswered request expires", values.duration()),
    PolicyKey(
        "escalate_after", "duration", "30m", "unanswered requests and undelivered notices are escalated",
        values.duration(),
    ),
    PolicyKey(
        "escalate_to", "list of U… and S…", [], "whom they are escalated to", values.list_of(values.slack_user_or_group)
    ),
    PolicyKey(
        "hold_max", "duration", "2h", "a lease is bridged for at most so long while a request waits",
        values.duration(shortest=_HOUR),
    ),
    PolicyKey("quorum", "whole number", 1, "approvals needed; only 1 in this version", values.quorum, in_rules=False),
    PolicyKey(
        "quiet_hours", "HH:MM-HH:MM or none", "none", "lease warnings move before them, in the person's zone",
        values.quiet_hours,
    ),
    PolicyKey(
        "max_stops_per_pass", "whole number", 20, "more wait for the next pass", values.whole(1, 10_000), in_rules=False
    ),
    PolicyKey("digest_at", "HH:MM", "09:00", "when digests are posted, in `timezone`", values.clock, in_rules=False),
    PolicyKey(
        "digest_weekday", "mon … sun", "mon", "day of the weekly digest", values.weekday, in_rules=False
    ),
    PolicyKey(
        "keep_decisions", "duration", "90d",
        "how long decision records are kept; messages as long, 180 days at least", values.duration(), in_rules=False
    ),
)  # fmt: skip

BY_NAME = {key.name: key for key in POLICY_KEYS}
