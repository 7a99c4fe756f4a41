"""`/healthz`, `/readyz`, `/metrics`: no person and no notebook in any of them."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.rules.brakes import late_after
from bot.stores.schema import outbox, projects, stops, work
from deploy.compose import Bot

STORE_PATIENCE = 2.0


def health_routes(running: Bot) -> list[Route]:
    """The three routes."""
    health = _Health(running)
    return [
        Route("/healthz", health.healthz, methods=["GET"]),
        Route("/readyz", health.readyz, methods=["GET"]),
        Route("/metrics", health.metrics, methods=["GET"]),
    ]


class _Health:
    def __init__(self, running: Bot) -> None:
        self._running, self._began = running, running.clock.now()

    async def healthz(self, _request: Request) -> Response:
        """200 while the loop turns, whatever else is wrong."""
        told: dict[str, Any] = {"ok": True, "cloud": self._running.clouds.health()}
        try:
            async with asyncio.timeout(STORE_PATIENCE):
                told["projects"] = await self._projects()
        except Exception as error:
            told["store"] = type(error).__name__
        return JSONResponse(told)

    async def readyz(self, _request: Request) -> Response:
        """503 while the store fails; never for late passes, that would cut off an ingress that works."""
        try:
            async with asyncio.timeout(STORE_PATIENCE), self._running.db.read() as db:
                await db.execute(select(1))
        except Exception as error:
            return JSONResponse({"ready": False, "reason": f"the store fails: {type(error).__name__}"}, 503)
        return JSONResponse({"ready": True})

    async def metrics(self, _request: Request) -> Response:
        """Prometheus text."""
        try:
            async with asyncio.timeout(STORE_PATIENCE):
                lines = await self._lines()
        except Exception:
            lines = ["leasebot_store_up 0"]
        lines += cloud_lines(self._running.clouds.health())
        return PlainTextResponse("\n".join([*lines, ""]), media_type="text/plain; version=0.0.4")

    async def _projects(self) -> dict[str, Any]:
        now = self._running.clock.now()
        async with self._running.db.read() as db:
            rows = {row.name: row for row in await db.execute(select(projects))}
        poll = self._running.parts.deps.poll
        return {name: _state(rows.get(name), now, poll, self._began) for name in self._running.config.projects}

    async def _lines(self) -> list[str]:
        now = self._running.clock.now()
        async with self._running.db.read() as db:
            works = list(
                await db.execute(select(work.c.kind, work.c.state, func.count()).group_by(work.c.kind, work.c.state))
            )
            messages = list(
                await db.execute(
                    select(outbox.c.kind, outbox.c.state, func.count()).group_by(outbox.c.kind, outbox.c.state)
                )
            )
            states = list(await db.execute(select(projects)))
            made = list(
                await db.execute(
                    select(
                        stops.c.project, stops.c.cause, func.count(), func.count(stops.c.wrong_at),
                        func.count(case((stops.c.active_later, 1))),
                    ).group_by(stops.c.project, stops.c.cause)
                )
            )  # fmt: skip
        lines = ["leasebot_store_up 1", "# TYPE leasebot_work gauge"]
        lines += [f'leasebot_work{{kind="{kind}",state="{state}"}} {count}' for kind, state, count in works]
        lines += ["# TYPE leasebot_messages gauge"]
        lines += [f'leasebot_messages{{kind="{kind}",state="{state}"}} {count}' for kind, state, count in messages]
        lines += ["# TYPE leasebot_pass_age_seconds gauge"]
        ages = {row.name: (now - row.last_ok_at).total_seconds() for row in states if row.last_ok_at}
        lines += [f'leasebot_pass_age_seconds{{project="{name}"}} {age:.0f}' for name, age in ages.items()]
        lines += ["# TYPE leasebot_stops_paused gauge"]
        lines += [f'leasebot_stops_paused{{project="{row.name}"}} {int(row.paused is not None)}' for row in states]
        return [*lines, *stop_lines(made)]


def stop_lines(made: Iterable[Any]) -> list[str]:
    """Stops so far, and how many of them were wrong: as their owners said, or (shadow) as they were used soon after."""
    lines, false = ["# TYPE leasebot_stops_total counter"], ["# TYPE leasebot_false_stops_total counter"]
    for project, cause, count, wrong, used in made:
        labels = f'project="{project}",cause="{cause}"'
        lines.append(f"leasebot_stops_total{{{labels}}} {count}")
        false.append(f"leasebot_false_stops_total{{{labels}}} {used if cause == 'shadow' else wrong}")
    return lines + false


_STATES = ("closed", "half-open", "open")
_GAUGES = {"rate": "rate_per_second", "waiting": "calls_waiting", "skew_s": "clock_skew_seconds"}
_COUNTERS = {"calls": "calls_total", "repeats": "repeats_total", "throttled": "throttled_total"}


def cloud_lines(health: Mapping[str, Mapping[str, object]]) -> list[str]:
    """The clouds' breakers, rates and counters by project and service, out of `Clouds.health`.

    A breaker is 0 closed, 1 half-open, 2 open. What is not known (a rate without limit, a clock not yet seen) is
    left out.
    """
    lines = ["# TYPE leasebot_cloud_breaker gauge"]
    for labels, told in _labelled(health):
        lines.append(f"leasebot_cloud_breaker{{{labels}}} {_STATES.index(str(told['breaker']))}")
    for kind, names in (("gauge", _GAUGES), ("counter", _COUNTERS)):
        for name, metric in names.items():
            found = [(labels, told[name]) for labels, told in _labelled(health) if told.get(name) is not None]
            lines.append(f"# TYPE leasebot_cloud_{metric} {kind}")
            lines += [f"leasebot_cloud_{metric}{{{labels}}} {value}" for labels, value in found]
    return lines


def _labelled(health: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, Mapping[str, object]]]:
    for key, told in health.items():
        project, _, service = key.partition(":")
        yield f'project="{project}",service="{service or "notebooks"}"', told
        if "login_breaker" in told:
            yield f'project="{project}",service="login"', {"breaker": told["login_breaker"]}


def _state(row: Any, now: datetime, poll: timedelta, began: datetime) -> dict[str, Any]:
    """`began`: when this process did; as long as there was no pass, it is late from then on."""
    tried = row.last_pass_at if row is not None and row.last_pass_at else began
    late = now - tried > late_after(poll)
    if row is None:
        return {"last_pass_age_s": None, "late": late, "paused": None}
    age = round((now - row.last_ok_at).total_seconds(), 1) if row.last_ok_at else None
    told = {"last_pass_age_s": age, "late": late, "paused": row.paused}
    return told | {"last_error": row.last_error, "running": row.last_running}
