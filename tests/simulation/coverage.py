"""What a set of runs must have met: a point, trouble or message that never came was not tested."""

from collections import Counter

from tests.simulation.checks import ASKED_BY
from tests.simulation.troubles import CLOUD_EFFECTS, SLACK_EFFECTS

CLOUD = ("login", "list", "list running", "flavors", "images", "create", "start", "stop", "renew", "delete", "show",
         "samples", "jupyter")  # fmt: skip
SLACK = ("auth.test", "chat.postMessage", "chat.update", "conversations.open", "conversations.members",
         "conversations.history", "users.info", "usergroups.users.list", "views.open", "views.update", "views.publish",
         "respond")  # fmt: skip
TROUBLES = ("cloud_calls", "slack_calls", "cloud_down", "slack_down", "slack_lost", "metrics_down", "jupyter_down",
            "collapse", "host_clock", "freeze", "sold_out", "password", "history", "gap", "groups",
            "slack_token")  # fmt: skip
MESSAGES = ("lease_warning", "idle_warning", "stopped", "approval_request", "approval_settled", "operation", "digest",
            "alert", "response")  # fmt: skip
DEATHS = ("db.begin", "db.committed", "db.read", "slack.chat.postMessage before", "slack.chat.postMessage after")
WRITES = ("create", "start", "stop", "renew", "delete")
CHECKED = ("idle stops", "leads due", "leads moved", "idle spells due", "renewals within the gate", "bridges",
           "load that metrics alone see",
           "renewals beyond the gate", "commands answered", "operations told to the end", "effects of CreateNotebook",
           "clicks on settled messages", "decisions while groups were unread", "idle spells of unlisted flavors",
           "promises to leave alone", "runs counted",
           *(f"addressed {kind}" for kind in ("lease_warning", "idle_warning", "stopped")),
           *(f"effects of {action}" for action in ASKED_BY))  # fmt: skip
ACTS = ("did command", "did click", "did submit", "did home", "did link", "away")
CONSOLE = ("renew", "start", "stop", "delete", "vanish", "rename", "create", "restart")


def expected() -> list[str]:
    """Every name that must have been counted."""
    return [
        *(f"cloud.{name} {when}" for name in CLOUD for when in ("before", "after")),
        *(f"slack.{name} {when}" for name in SLACK for when in ("before", "after")),
        *(f"db.{name}" for name in ("begin", "committed", "read")),
        *(f"trouble {name}" for name in TROUBLES), *(f"message {name}" for name in MESSAGES),
        *(f"fault cloud {effect}" for effect in sorted({effect for effect, _more in CLOUD_EFFECTS})),
        *(f"fault slack {effect}" for effect in sorted({effect for effect, _more in SLACK_EFFECTS})),
        *(f"death at {name}" for name in DEATHS), *CHECKED, *ACTS, *(f"console {act}" for act in CONSOLE),
    ]  # fmt: skip


def never(seen: Counter[str]) -> list[str]:
    """What was never met."""
    lonely = [
        f"death {when} any write" for when in ("before", "after")
        if not any(seen[f"death at cloud.{write} {when}"] for write in WRITES)
    ]  # fmt: skip
    return [*(name for name in expected() if not seen[name]), *lonely]
