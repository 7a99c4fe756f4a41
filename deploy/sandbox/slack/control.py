"""Control for scripts: POST /_sim/clock, POST or DELETE /_sim/faults, GET /_sim/log."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.slack.interactions import Interactions


async def serve(slack: Interactions, request: Request) -> Response:
    """`clock` takes `advance_ms` or `set_ms`; `faults` what `Fault` takes; `log` answers all entries."""
    name = request.path_params["name"]
    if (name, request.method) == ("log", "GET"):
        return JSONResponse(slack.log)
    if (name, request.method) == ("faults", "DELETE"):
        slack.faults.clear()
        return JSONResponse({"ok": True})
    try:
        return JSONResponse(await _change(slack, f"{request.method} {name}", await request.json()))
    except LookupError:
        return JSONResponse({"error": "not_found"}, 404)
    except (TypeError, ValueError) as bad:
        return JSONResponse({"error": str(bad)}, 400)


async def _change(slack: Interactions, what: str, body: dict[str, Any]) -> dict[str, Any]:
    if what == "POST clock":
        await slack.push_clock(
            int(body["set_ms"]) - slack.clock.now_ms() if "set_ms" in body else int(body["advance_ms"])
        )
        return {"now_ms": slack.clock.now_ms()}
    if what == "POST faults":
        slack.fault(**body)
        return {"ok": True}
    raise LookupError(what)
