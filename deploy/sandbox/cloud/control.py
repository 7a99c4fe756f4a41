"""The control endpoints under `/_sim/`: clock, faults, console, activity, people, settings, log and state."""

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.sandbox.cloud.exchange import Exchange, answer, exchange_of
from deploy.sandbox.cloud.faults import Rule
from deploy.sandbox.cloud.model import Notebook
from deploy.sandbox.cloud.view import summary

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

_LOADS = ("cpu", "gpu", "npu", "network", "memory")


def routes(cloud: "SimCloud") -> list[Route]:
    panel = _Panel(cloud)
    table: list[tuple[str, str, Callable[[Exchange, dict[str, Any]], Any]]] = [
        ("POST", "/_sim/clock", panel.clock),
        ("GET", "/_sim/clock", panel.time),
        ("POST", "/_sim/faults", panel.faults),
        ("GET", "/_sim/faults", panel.fault_rules),
        ("POST", "/_sim/console", panel.console),
        ("POST", "/_sim/settings", panel.settings),
        ("POST", "/_sim/users", panel.users),
        ("POST", "/_sim/account", panel.account),
        ("POST", "/_sim/notebooks/{notebook_id}/activity", panel.activity),
        ("GET", "/_sim/log", panel.log),
        ("GET", "/_sim/state", panel.state),
    ]
    return [Route(path, _endpoint(handler), methods=[verb]) for verb, path, handler in table]


def _endpoint(handler: Callable[[Exchange, dict[str, Any]], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return answer(handler(exchange_of(request), request.path_params))
        except KeyError as exc:
            return answer({"error": f"unknown or missing: {exc.args[0]}"}, 400)
        except (ValueError, TypeError, AttributeError, re.error) as exc:
            return answer({"error": str(exc)}, 400)

    return endpoint


class _Panel:
    def __init__(self, cloud: "SimCloud") -> None:
        self._cloud = cloud

    # time

    def clock(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """`{"advance_ms": n}` or `{"set_ms": n}`; what became due on the way has happened when this answers."""
        body = exchange.json()
        if "advance_ms" in body:
            self._cloud.clock.advance_ms(int(body["advance_ms"]))
        else:
            self._cloud.clock.set_ms(int(body["set_ms"]))
        return self.time(exchange, path)

    def time(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        return {"now_ms": self._cloud.settle()}

    # troubles

    def faults(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """A rule, a list of rules, `{"rules": [...]}`, `{"clear": true}`; clear comes first."""
        body: Any = [] if not exchange.body else _any_json(exchange)
        if isinstance(body, dict):
            if body.pop("clear", False):
                self._cloud.faults.clear()
            body = body.get("rules", [body] if body else [])
        self._cloud.faults.rules += [Rule.parse(rule) for rule in body]
        return self.fault_rules(exchange, path)

    def fault_rules(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        rules = self._cloud.faults.rules
        return {"rules": [{"effect": r.effect, "path": r.path, "seen": r.seen, "hits": r.hits} for r in rules]}

    def settings(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """Any of `CloudSettings` by name."""
        self._cloud.settings.change(exchange.json())
        return {"changed": sorted(exchange.json())}

    def users(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """`{"name", "password"?, "enabled"?, "rights"?, "grant"?, "revoke"?, "kill_tokens"?}`; made if new."""
        body = exchange.json()
        identity = self._cloud.identity
        user = identity.users.get(body["name"]) or identity.add(body["name"])
        user.password = body.get("password", user.password)
        user.enabled = body.get("enabled", user.enabled)
        user.rights = (set(body.get("rights", user.rights)) | set(body.get("grant", []))) - set(body.get("revoke", []))
        if body.get("kill_tokens"):
            identity.kill_tokens(user)
        return {"name": user.name, "id": user.id, "enabled": user.enabled, "rights": sorted(user.rights)}

    def account(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """`{"arrears": bool}`, `{"sold_out": {flavor: bool}}`, `{"fail_provisioning": reason, "during": status}`."""
        body = exchange.json()
        if "arrears" in body:
            self._cloud.set_arrears(bool(body["arrears"]))
        for flavor, sold_out in body.get("sold_out", {}).items():
            self._cloud.set_sold_out(flavor, bool(sold_out))
        if "fail_provisioning" in body:
            self._cloud.fail_provisioning(body["fail_provisioning"], during=body.get("during", "CREATING"))
        return {"done": sorted(body)}

    # notebooks

    def console(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """What somebody does in the vendor's console; see `Console.act`."""
        made = self._cloud.console.act(exchange.json())
        return {"done": True, "notebook_id": made.id if made else exchange.json().get("notebook_id")}

    def activity(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """`activity` busy or idle for all at once; or loads by name, `from_ms`, `gap`, `kernel`, `terminal`, ...

        `kernel`: a state, or `{"state", "last_activity_ms"?, "until_ms"?, "id"?}`, or null for none at all.
        `terminal`: its last activity in ms, or null for none.
        """
        body, now = exchange.json(), exchange.now
        notebook = self._cloud.notebook(path["notebook_id"])
        if "activity" in body:
            {"busy": self._cloud.make_busy, "idle": self._cloud.make_idle}[body["activity"]](notebook.id)
        loads = {name: float(body[name]) for name in _LOADS if name in body}
        if loads:
            self._cloud.set_activity(notebook.id, from_ms=body.get("from_ms"), **loads)
        if "gap" in body:
            self._cloud.set_gap(notebook.id, int(body["gap"][0]), int(body["gap"][1]))
        self._jupyter(notebook, body, now)
        return summary(notebook, self._cloud.category(notebook), now)

    @staticmethod
    def _jupyter(notebook: Notebook, body: dict[str, Any], now: int) -> None:
        state = notebook.jupyter
        if "kernel" in body:
            kernel: Any = {"state": body["kernel"]} if isinstance(body["kernel"], str) else body["kernel"]
            if kernel is None:
                state.remove_kernels()
            else:
                last = int(kernel.get("last_activity_ms", now))
                state.set_kernel(kernel["state"], last, kernel_id=kernel.get("id"), until=kernel.get("until_ms"))
        if "terminal" in body:
            if body["terminal"] is None:
                state.remove_terminals()
            else:
                state.set_terminal(int(body["terminal"]))
        state.tab_open = bool(body.get("tab_open", state.tab_open))
        state.trouble = body.get("trouble", state.trouble)

    # views

    def log(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """`?since=` the last `seq` known, `?kind=call|effect`; oldest first."""
        since, kind = int(exchange.query.get("since", "0")), exchange.query.get("kind")
        entries = [e for e in self._cloud.log if e["seq"] > since and kind in (None, e["kind"])]
        return {"now_ms": exchange.now, "entries": entries}

    def state(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        now = exchange.now
        return {
            "now_ms": now,
            "dialect": self._cloud.settings.dialect,
            "arrears": self._cloud.arrears,
            "notebooks": self._cloud.view(),
            "users": [{"name": user.name, "id": user.id} for user in self._cloud.identity.users.values()],
        }


def _any_json(exchange: Exchange) -> Any:
    import json

    return json.loads(exchange.body)
