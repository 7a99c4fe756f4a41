"""The control endpoints under `/_sim/`: clock, faults, console, activity, people, settings, log and state."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.sandbox.asked import LATEST_MS, body_of, instant, json_of, known, typed, within
from deploy.sandbox.cloud.errors import CloudRefusal
from deploy.sandbox.cloud.exchange import Exchange, answer, exchange_of
from deploy.sandbox.cloud.faults import Rule
from deploy.sandbox.cloud.model import Notebook
from deploy.sandbox.cloud.view import summary

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

_LOADS = ("cpu", "gpu", "npu", "network", "memory")
_USER = {
    "name": str, "password": str, "enabled": bool, "rights": list[str], "grant": list[str], "revoke": list[str],
    "kill_tokens": bool,
}  # fmt: skip
_ACCOUNT = {
    "arrears": bool, "sold_out": dict[str, bool], "fail_provisioning": str, "during": Literal["CREATING", "STARTING"],
}  # fmt: skip
_KERNEL = {"state": str, "last_activity_ms": int, "until_ms": int | None, "id": str | None}
_ACTIVITY = {
    "activity": Literal["busy", "idle"], **dict.fromkeys(_LOADS, float), "from_ms": int | None, "gap": list[int],
    "kernel": str | dict[str, Any] | None, "terminal": int | None, "tab_open": bool,
    "trouble": Literal["", "404", "503", "500", "html", "login", "garbage"],
}  # fmt: skip
_INSTANTS = ("from_ms", "terminal", "last_activity_ms", "until_ms")


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
        except ValueError as exc:
            return answer({"error": str(exc)}, 400)
        except CloudRefusal as exc:
            return answer({"error": exc.body.get("error_msg", "refused")}, 400)

    return endpoint


class _Panel:
    def __init__(self, cloud: "SimCloud") -> None:
        self._cloud = cloud

    # time

    def clock(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """`{"advance_ms": n}` or `{"set_ms": n}`; what became due on the way has happened when this answers."""
        now = self._cloud.clock.now_ms()
        self._cloud.clock.advance_ms(instant(body_of(exchange.body), now) - now)
        return self.time(exchange, path)

    def time(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        return {"now_ms": self._cloud.settle()}

    # troubles

    def faults(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """A rule, a list of rules, `{"rules": [...]}`, `{"clear": true}`; clear comes first."""
        body = json_of(exchange.body)
        clear, rules = False, body
        if isinstance(body, dict):
            clear = body.pop("clear", False)
            typed({"clear": clear}, {"clear": bool}, "faults")
            if "rules" in body:
                known(body, ("rules",), "faults")
            rules = body.get("rules", [body] if body else [])
        if not isinstance(rules, list):
            raise ValueError("faults are a rule, a list of rules, or an object with `rules` or `clear`")
        parsed = [Rule.parse(rule) for rule in rules]
        if clear:
            self._cloud.faults.clear()
        self._cloud.faults.rules += parsed
        return self.fault_rules(exchange, path)

    def fault_rules(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        rules = self._cloud.faults.rules
        return {"rules": [{"effect": r.effect, "path": r.path, "seen": r.seen, "hits": r.hits} for r in rules]}

    def settings(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """Any of `CloudSettings` by name."""
        body = body_of(exchange.body)
        self._cloud.settings.change(body)
        return {"changed": sorted(body)}

    def users(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """`{"name", "password"?, "enabled"?, "rights"?, "grant"?, "revoke"?, "kill_tokens"?}`; made if new."""
        body = body_of(exchange.body)
        typed(body, _USER, "a user")
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
        body = body_of(exchange.body)
        typed(body, _ACCOUNT, "the account")
        for flavor in body.get("sold_out", {}):
            self._cloud.catalog.flavor(flavor)
        if "arrears" in body:
            self._cloud.set_arrears(body["arrears"])
        for flavor, sold_out in body.get("sold_out", {}).items():
            self._cloud.set_sold_out(flavor, sold_out)
        if "fail_provisioning" in body:
            self._cloud.fail_provisioning(body["fail_provisioning"], during=body.get("during", "CREATING"))
        return {"done": sorted(body)}

    # notebooks

    def console(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """What somebody does in the vendor's console; see `Console.act`."""
        body = body_of(exchange.body)
        made = self._cloud.console.act(body)
        return {"done": True, "notebook_id": made.id if made else body.get("notebook_id")}

    def activity(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """`activity` busy or idle for all at once; or loads by name, `from_ms`, `gap`, `kernel`, `terminal`, ...

        `kernel`: a state, or `{"state", "last_activity_ms"?, "until_ms"?, "id"?}`, or null for none at all.
        `terminal`: its last activity in ms, or null for none.
        """
        body, now = body_of(exchange.body), exchange.now
        _checked_activity(body)
        notebook = self._cloud.notebook(path["notebook_id"])
        if "activity" in body:
            {"busy": self._cloud.make_busy, "idle": self._cloud.make_idle}[body["activity"]](notebook.id)
        loads = {name: float(body[name]) for name in _LOADS if name in body}
        if loads:
            self._cloud.set_activity(notebook.id, from_ms=body.get("from_ms"), **loads)
        if "gap" in body:
            self._cloud.set_gap(notebook.id, *body["gap"])
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
                last = kernel.get("last_activity_ms", now)
                state.set_kernel(kernel["state"], last, kernel_id=kernel.get("id"), until=kernel.get("until_ms"))
        if "terminal" in body:
            if body["terminal"] is None:
                state.remove_terminals()
            else:
                state.set_terminal(body["terminal"])
        state.tab_open = body.get("tab_open", state.tab_open)
        state.trouble = body.get("trouble", state.trouble)

    # views

    def log(self, exchange: Exchange, path: dict[str, Any]) -> Any:
        """`?since=` the last `seq` known, `?kind=call|effect`; oldest first."""
        since, kind = _seq(exchange.query.get("since", "0")), exchange.query.get("kind")
        if kind is not None:
            typed({"kind": kind}, {"kind": Literal["call", "effect"]}, "a log")
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


def _checked_activity(body: dict[str, Any]) -> None:
    typed(body, _ACTIVITY, "activity")
    kernel = body.get("kernel")
    if isinstance(kernel, dict):
        typed(kernel, _KERNEL, "a kernel")
        if "state" not in kernel:
            raise ValueError("state is missing in a kernel")
    if len(body.get("gap", (0, 0))) != 2:
        raise ValueError("gap must be two instants in milliseconds")
    for name in _INSTANTS:
        within(body, name, 0, LATEST_MS)
        within(kernel if isinstance(kernel, dict) else {}, name, 0, LATEST_MS)


def _seq(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("since must be a whole number: the last seq known") from None
