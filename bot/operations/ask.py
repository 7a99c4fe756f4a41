"""One request of a person: who, what, and how it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.model import Person
from bot.operations.deps import Deps
from bot.outbox import RESULT, Say, say
from bot.stores.database import Tx
from bot.work import Claim, Done, Write


@dataclass(frozen=True, slots=True)
class Ask:
    """A `request` row while it is worked on."""

    deps: Deps
    claim: Claim
    person: Person
    projects: tuple[str, ...]
    args: Mapping[str, Any]

    @property
    def user(self) -> str:
        return self.person.slack

    @property
    def verb(self) -> str:
        return str(self.claim.data["verb"])

    @property
    def channel(self) -> str:
        """Where it was typed or clicked; "" in a modal or App Home."""
        return self.claim.data.get("channel") or ""

    @property
    def cause(self) -> str:
        """What admits one effect per verb: the button's cause, else this request itself."""
        return self.claim.data.get("cause") or self.claim.id

    async def answer(self, db: Tx, what: str, now: datetime, **facts: Any) -> None:
        """Answer the person: by `response_url` while there is one, else in their DM."""
        await answer(self.deps, db, self.claim, {"what": what, **facts}, now)

    def done(self, what: str, now: datetime, *, write: Write | None = None, **facts: Any) -> Done:
        """Settle the request with one answer; `write` joins the transaction."""

        async def both(db: Tx) -> None:
            if write:
                await write(db)
            await self.answer(db, what, now, **facts)

        return Done({"what": what}, write=both)


async def answer(deps: Deps, db: Tx, claim: Claim, facts: Mapping[str, Any], now: datetime) -> None:
    """Put the answer to `claim` in the outbox."""
    reply, user = claim.data.get("reply"), str(claim.data["user"])
    await say(
        db,
        deps.ids,
        Say(
            key=f"answer:{claim.id}",
            kind="answer",
            target_kind="response" if reply else "dm",
            target=reply or user,
            fallback=user,
            facts=facts,
            subject=f"answer:{claim.id}",
            rank=RESULT,
        ),
        now,
    )
