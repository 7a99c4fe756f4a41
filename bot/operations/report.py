"""`operation` messages: one per operation, in the person's DM, updated in place from accepted to done or failed."""

from datetime import datetime
from typing import Any

from bot.clock import to_ms
from bot.errors import BotError, CloudError
from bot.operations.deps import Deps
from bot.outbox import PROGRESS, RESULT, Say, say
from bot.rules import keys
from bot.rules.costs import format_rate
from bot.stores.database import Tx
from bot.work import Claim


async def report(deps: Deps, db: Tx, claim: Claim, state: str, now: datetime, **facts: Any) -> None:
    """Say how far the operation of `claim` has come. The facts it always carries are in `claim.data["shown"]`."""
    shown = dict(claim.data["shown"]) | {k: v for k, v in facts.items() if v is not None}
    shown |= {"cause": claim.id, "state": state, "started_ms": to_ms(claim.created_at)}
    rank = PROGRESS if state in ("accepted", "working") else RESULT
    await say(
        db,
        deps.ids,
        Say(
            key=keys.operation(claim.id),
            kind="operation",
            target_kind="dm",
            target=str(claim.data["user"]),
            facts=shown,
            subject=f"notebook:{claim.data['notebook']}" if claim.data.get("notebook") else claim.serial,
            rank=rank,
            project=shown["project"],
        ),
        now,
    )


def oops(error: BaseException, ref: str) -> dict[str, str]:
    """A failure in the person's words. What we did not foresee is only a reference; the log has the rest."""
    if not isinstance(error, BotError):
        return {
            "what": "Something went wrong here; it was not your doing.",
            "next_step": "Try again; if it stays, tell your admin the reference.",
            "ref": ref,
        }
    told = {"what": str(error), "next_step": error.next_step}
    request_id = error.request_id if isinstance(error, CloudError) else ""
    return told | {"ref": request_id or ref}


def price_text(deps: Deps, flavor: str) -> str | None:
    """ "0.17 EUR per hour"; None without a price."""
    price = deps.config.prices.per_hour(flavor)
    return None if price is None else format_rate(price, deps.config.prices.currency, flavor)
