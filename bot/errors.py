"""What can go wrong, one class per meaning. The docstring is what the person is told to do next.

`str(error)` says what happened, in the person's words; `error.next_step` what to do about it.
"""

from datetime import timedelta


class BotError(Exception):
    """Something went wrong here. Try again; if it stays, tell your admin the reference."""

    def __init__(self, what: str = "", *, next_step: str = "") -> None:
        super().__init__(what or type(self).__name__)
        self.next_step = next_step or (type(self).__doc__ or "").strip()


# --- what the person asked for -----------------------------------------------------------------


class BadInput(BotError):
    """Check the command; `help` shows how it is written."""


class NotFound(BotError):
    """`list` shows the names I know."""


class Ambiguous(BotError):
    """Pick one of these."""

    def __init__(self, what: str, choices: tuple[tuple[str, str], ...]) -> None:
        super().__init__(what)
        self.choices = choices  # (id, label)


class NotLinked(BotError):
    """Link your cloud user first: `link` gives you a private page for it."""


class LinkWaits(NotLinked):
    """Ask an admin to confirm it; nothing else is needed from you."""


class NotAllowed(BotError):
    """Ask the owner, your lead or an admin."""


class Stale(BotError):
    """That button is settled; nothing was done."""


class TooFast(BotError):
    """Wait a few seconds and try again."""


class StoreDown(BotError):
    """Nothing was stored and nothing was done. Try again in a minute."""


class SettingsError(BotError):
    """Correct the setting and start again."""


# --- the cloud ---------------------------------------------------------------------------------


class CloudError(BotError):
    """The cloud refused. Try again; if it stays, give your admin the request id."""

    def __init__(
        self,
        what: str = "",
        *,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        next_step: str = "",
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(what, next_step=next_step)
        self.status, self.code, self.request_id, self.retry_after = status, code, request_id, retry_after
        self.said = ""  # what the cloud itself says, in its words
        self.authorization = ""  # the cloud's encoded message on a 403, for its admin to decode


class CloudInvalid(CloudError):
    """Something in the request is not allowed there. Change it and try again."""


class CloudQuota(CloudError):
    """The quota is used up. Delete a notebook you no longer need, or ask your admin for more."""


class CloudSoldOut(CloudError):
    """There is no capacity for this flavor now. Try another flavor, or this one later."""


class CloudNotFound(CloudError):
    """The notebook no longer exists. `list` shows what is there."""


class CloudConflict(CloudError):
    """The notebook is in a state in which this is not possible. `show` tells its state."""


class CloudAlready(CloudConflict):
    """It is already so; nothing was changed."""


class CloudBusy(CloudConflict):
    """Another operation on this notebook is under way. Try again in a minute."""


class CloudDenied(CloudError):
    """Your cloud user may not do this. Ask your cloud admin for the permission."""


class CloudLoginFailed(CloudError):
    """The cloud did not accept the credentials. Link again with `link`."""


class CloudAccount(CloudError):
    """The cloud account is suspended, restricted or in arrears. Ask whoever pays for it."""


class CloudMisconfigured(CloudError):
    """The project's region, endpoint or project id looks wrong. Tell your admin; `leasebot check` shows which."""


class CloudThrottled(CloudError):
    """The cloud asks us to slow down. This is tried again by itself."""


class CloudDown(CloudError):
    """The cloud does not answer. This is tried again by itself where that is safe."""


class CloudGarbled(CloudError):
    """The cloud's answer could not be read. Tell your admin the request id."""

    def __init__(self, what: str, *, field: str = "", status: int = 0, request_id: str = "") -> None:
        super().__init__(what, status=status, request_id=request_id)
        self.field = field


class AnswerLost(CloudDown):
    """It is not known whether this was carried out. It is looked up before anything is tried again."""


# --- Slack -------------------------------------------------------------------------------------


class SlackError(BotError):
    """Slack refused. Tell your admin the reference."""

    def __init__(
        self,
        code: str,
        what: str = "",
        *,
        retry_after: timedelta | None = None,
        needed: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(what or f"Slack said {code}")
        self.code, self.retry_after, self.needed, self.detail = code, retry_after, needed, detail


class SlackBusy(SlackError):
    """Slack asks us to slow down; the message is sent later."""

    method = ""  # which of its methods, as far as it matters


class SlackDown(SlackError):
    """Slack does not answer; the message is sent later."""


class SlackAnswerLost(SlackDown):
    """It is not known whether Slack took the message; its history is read before it is sent again."""


class SlackUnreachable(SlackError):
    """The person or channel cannot be reached in Slack."""


class SlackContent(SlackError):
    """Slack refused the message's form; it is sent again as plain text."""
