"""A notebook that nobody uses, and what is said and decided about it."""

from datetime import datetime
from typing import Any

from bot.clock import from_ms
from bot.stores.schema import decisions
from deploy.sandbox.cloud.model import Notebook
from tests.flows.scene import ANA, HOUR, Scene, minutes


async def idle_one(scene: Scene, owner: str = "ana", name: str = "forgotten", **options: Any) -> Notebook:
    """One that nobody has used for three hours, with a long lease; looked at, not yet warned of."""
    return await scene.notebook(owner, name, busy=False, **({"lease_ms": 9 * HOUR} | options))


async def until_warned(scene: Scene, user: str = ANA) -> datetime:
    """Passes until the idle warning is there; returns when Slack took it."""
    for _ in range(12):
        if found := scene.in_dm(user, "idle_warning"):
            return from_ms(found[-1].posted_ms)
        await scene.pass_time(minutes(2), minutes(2))
    raise AssertionError("no idle warning came")


async def about(scene: Scene, notebook: Notebook) -> list[Any]:
    """The decisions on record, oldest first."""
    rows = [row for row in await scene.rows(decisions) if row.notebook_id == notebook.id]
    return sorted(rows, key=lambda row: row.at)
