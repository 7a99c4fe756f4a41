"""Keep: no idle stop until then, within a ceiling, visible to the team. It ends with the run."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from bot.clock import from_ms, to_ms
from bot.model import Status
from bot.operations.base import Operation, Parts
from bot.operations.extend import COMING_UP
from bot.operations.notices import settle
from bot.operations.policies import policy_of
from bot.rules.durations import format_duration
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.stores.schema import work
from bot.work import Claim, Outcome


class Keep(Operation):
    """Kind `keep`; `data`: project, notebook, user, until_ms or by_s, reason, shown. No outside call."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.steps = {"start": self._start}

    async def _start(self, claim: Claim, now: datetime) -> Outcome:
        project, notebook_id, data = str(claim.data["project"]), str(claim.data["notebook"]), claim.data
        async with self.deps.db.read() as db:
            row = await notebooks.get(db, project, notebook_id)
            policy = await policy_of(db, self.deps, project, notebooks.load(row.snapshot)) if row else None
            ends = row is not None and await _is_being_stopped(db, row)
        if ends:
            return self.finish(claim, "failed", now, oops=_ending(row))
        if row is None or policy is None or not Status(row.status).runs:
            return self.finish(claim, "failed", now, oops=_not_running(row))
        wish = from_ms(data["until_ms"]) if data.get("until_ms") else claim.created_at + timedelta(seconds=data["by_s"])
        if wish <= now:
            return self.finish(
                claim,
                "failed",
                now,
                oops={"what": "That time has passed, so nothing is kept.", "next_step": "Say a later one."},
            )
        until = min(wish, now + policy.keep_max)
        if row.keep_until and row.keep_until >= until:  # keeping never shortens either
            until = row.keep_until
        notes = self._notes(until, wish, row.lease_end, policy.keep_max)

        async def also(db: Tx) -> None:
            await notebooks.change(
                db,
                project,
                notebook_id,
                keep_until=until,
                keep_by=str(data["user"]),
                keep_reason=str(data.get("reason") or ""),
            )
            await settle(db, project, notebook_id, "Kept running.", now, ("idle_warning",))

        return self.finish(
            claim,
            "done",
            now,
            action="keep",
            also=also,
            until_ms=to_ms(until),
            note=notes or None,
            after_ms=to_ms(row.lease_end) if row.lease_end else None,
            offer="extend" if row.lease_end and row.lease_end < until else None,
            result={"until_ms": to_ms(until), "reason": str(data.get("reason") or "")},
        )

    def _notes(self, until: datetime, wish: datetime, end: datetime | None, most: timedelta) -> str:
        """If the lease ends before the kept time, that is said first (contract 1)."""
        words = []
        if end and end < until:
            words.append("Its lease ends before that, and the lease still stops it: extend it too.")
        if until < wish:
            words.append(f"I can keep it for at most {format_duration(most)} (keep_max).")
        return " ".join(words)


async def _is_being_stopped(db: Tx, row: Any) -> bool:
    """Somebody has ordered it, which no keep takes back; an idle stop looks for keeps until the last moment."""
    under_way = work.c.kind == "stop", work.c.state.in_(("open", "running"))
    ordered = select(work.c.id).where(work.c.id == row.stop_by, *under_way)
    return bool(row.stop_by and Status(row.status).runs and (await db.execute(ordered)).first())


def _ending(row: Any) -> dict[str, str]:
    what = f"{row.name} is being stopped, so there is nothing to keep."
    return {"what": what, "next_step": "Start it again once it has stopped."}


def _not_running(row: Any | None) -> dict[str, str]:
    """What is coming up is not to be started."""
    if row is not None and Status(row.status) in COMING_UP:
        what = f"{row.name} is {row.status.lower()}, so there is nothing to keep yet."
        return {"what": what, "next_step": "Try again when it runs."}
    return {"what": "It is not running, so there is nothing to keep.", "next_step": "Start it first."}
