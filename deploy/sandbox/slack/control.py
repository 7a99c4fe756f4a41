"""Control for scripts: POST /_sim/clock, POST or DELETE /_sim/faults, GET /_sim/log."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.asked import arguments, body_of, instant
from deploy.sandbox.slack.faults import Fault
from deploy.sandbox.slack.interactions import Interactions


async def serve(slack: Interactions, request: Request) -> Response:
    """`clock` takes `advance_ms` or `set_ms`; `faults` what `Fault` takes; `log` answers all entries."""
    name = request.path_params["name"]
    if (name, request.method) == ("log", "GET"):
        return JSONResponse(slack.log)
    if (name, request.method) == ("faults", "DELETE"):
        slack.faults.clear()
        return JSONResponse({"ok": True})
    if (what := f"{request.method} {name}") not in ("POST clock", "POST faults"):
        return JSONResponse({"error": "not_found"}, 404)
    try:
        return JSONResponse(await _change(slack, what, body_of(await request.body())))
    except ValueError as bad:
        return JSONResponse({"error": str(bad)}, 400)


async def _change(slack: Interactions, what: str, body: dict[str, Any]) -> dict[str, Any]:
    if what == "POST clock":
        now = slack.clock.now_ms()
        await slack.push_clock(instant(body, now) - now)
        return {"now_ms": slack.clock.now_ms()}
    arguments(Fault, {"method": "*", "effect": "error", **body})
    slack.fault(**body)
    return {"ok": True}
