"""`/healthz` answers 200 while the loop turns, and says how old each project's last pass is and what holds stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
from starlette.applications import Starlette

from bot.errors import CloudDown
from bot.rules.brakes import late_after
from deploy.health import health_routes
from tests.unit.passes.stand import Stand, a_notebook

MINUTE = timedelta(minutes=1)
BREAKERS = {"research": {"breaker": "open"}}


async def asked(stand: Stand, db: Any = None, up: timedelta = timedelta(0)) -> dict[str, Any]:
    """What `/healthz` says when the process has been up for so long."""
    deps = stand.parts.deps
    running: Any = SimpleNamespace(
        clock=stand.clock, config=deps.config, parts=stand.parts, db=db or stand.db,
        clouds=SimpleNamespace(health=lambda: BREAKERS),
    )  # fmt: skip
    transport = httpx.ASGITransport(app=Starlette(routes=health_routes(running)))
    stand.clock.at += up
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as http:
        answer = await http.get("/healthz")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


async def test_before_the_first_pass_there_is_no_age(stand: Stand) -> None:
    told = await asked(stand)
    assert (told["ok"], told["cloud"]) == (True, BREAKERS)
    assert told["projects"]["research"] == {"last_pass_age_s": None, "late": False, "paused": None}


async def test_a_process_that_never_sees_a_pass_says_that_it_is_late(stand: Stand) -> None:
    told = await asked(stand, up=late_after(MINUTE) + MINUTE)
    assert told["projects"]["research"] == {"last_pass_age_s": None, "late": True, "paused": None}


async def test_the_age_of_the_last_pass_grows_until_it_is_late(stand: Stand) -> None:
    stand.cloud.add(a_notebook(1))
    await stand.sweep()
    stand.clock.at += MINUTE
    told = (await asked(stand))["projects"]["research"]
    assert (told["last_pass_age_s"], told["late"], told["running"]) == (60.0, False, 1)
    stand.clock.at += late_after(MINUTE)
    assert (await asked(stand))["projects"]["research"]["late"] is True


async def test_passes_that_fail_do_not_make_it_younger_and_say_why(stand: Stand) -> None:
    await stand.sweep()
    stand.cloud.failure = CloudDown("the cloud does not answer")
    await stand.sweep(MINUTE)
    told = (await asked(stand))["projects"]["research"]
    assert (told["last_pass_age_s"], told["last_error"]) == (60.0, "the cloud does not answer")


async def test_a_brake_is_shown_with_its_reason(stand: Stand) -> None:
    stand.cloud.skew = 3 * MINUTE
    await stand.sweep()
    assert "clock" in (await asked(stand))["projects"]["research"]["paused"]


async def test_it_answers_though_the_store_hangs(stand: Stand) -> None:
    @asynccontextmanager
    async def hang() -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    told = await asked(stand, db=SimpleNamespace(read=hang))
    assert (told["ok"], told["store"]) == (True, "TimeoutError")
