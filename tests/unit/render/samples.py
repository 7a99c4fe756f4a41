"""Sample data: at least one of everything that can be drawn. `raw` is all the text that people or the cloud choose."""

from datetime import UTC, datetime
from typing import Any

from bot.clock import to_ms
from bot.render.facts import STARTED_AGAIN, at

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
MS = to_ms(NOW)
HOUR, MIN = 3_600_000, 60_000
CPU = "modelarts.vm.cpu.2u"
ID = "8d2b1f7e-0000-4000-8000-000000000001"

Sample = tuple[str, dict[str, Any]]


def samples(raw: str = "train-1", reason: str = "The last epochs need the night.") -> dict[str, Sample]:
    """Every kind in every state, with `raw` as every name."""
    return {
        **_operations(raw),
        **_leases(raw),
        **_idle(raw),
        **_approvals(raw, reason),
        **_project(raw),
        **_lists(raw),
        **_records(raw, reason),
        **_person(raw),
        **_views(raw, reason),
        **_home(raw, reason),
    }


def _operation(raw: str, **more: Any) -> Sample:
    return "operation", {"cause": "w1", "project": "research", "notebook_id": ID, "name": raw, **more}


def steps(done: int, failed: bool = False) -> list[dict[str, Any]]:
    """`done` steps completed, the next under way."""
    words = ("storage", "compute", "network", "start-up")
    now = "FAILED" if failed else "PROCESSING"
    return [
        {"step": n + 1, "status": "COMPLETED" if n < done else now if n == done else "WAITING", "text": words[n]}
        for n in range(4)
    ]


def _operations(raw: str) -> dict[str, Sample]:
    oops = {
        "what": f"The quota of {raw} is used up.",
        "ref": "req-7f3a",
        "next_step": "Delete a notebook you no longer need; `list stopped` shows them.",
    }
    found = {}
    for verb in ("create", "start", "stop", "delete", "extend", "keep"):
        found[f"operation/{verb}/accepted"] = _operation(raw, verb=verb, state="accepted", flavor=CPU)
        found[f"operation/{verb}/done"] = _operation(
            raw,
            verb=verb,
            state="done",
            flavor=CPU,
            price="0.17 EUR per hour",
            before_ms=MS + HOUR,
            after_ms=MS + 4 * HOUR,
            until_ms=MS + 5 * HOUR,
            note=f"The image of {raw} is new.",
            start_s=7200,
        )
        found[f"operation/{verb}/failed"] = _operation(raw, verb=verb, state="failed", oops=oops)
    return found | {
        "operation/start/working": _operation(
            raw,
            verb="start",
            state="working",
            steps=steps(1),
            flavor=CPU,
            price="0.17 EUR per hour",
            started_ms=MS - 2 * MIN,
            image=raw,
        ),
        "operation/start/working failed step": _operation(raw, verb="start", state="working", steps=steps(2, True)),
        "operation/stop/working": _operation(raw, verb="stop", state="working", steps=[]),
        "operation/extend/held": _operation(
            raw,
            verb="extend",
            state="held",
            oops={"what": "Your credentials have expired.", "next_step": "Link again with `link`."},
        ),
        "operation/create/held": _operation(raw, verb="create", state="held"),
        "operation/extend/asked": _operation(
            raw,
            verb="extend",
            state="asked",
            approval="ap1",
            note=f"It goes beyond what is free, until {at(MS + HOUR)}.",
        ),
    }


def warning_item(raw: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """One notebook that falls due."""
    return {
        "key": f"lease_warning:{ID[:-1]}{number}:{MS + 55 * MIN}:3600",
        "notebook_id": f"{ID[:-1]}{number}",
        "name": raw,
        "project": "research",
        "end_ms": MS + 55 * MIN,
        "lead_s": 3600,
        "flavor": CPU,
        "price": "0.17 EUR per hour",
        "cost": "0.34 EUR",
        **more,
    }


def _warning(items: list[dict[str, Any]], **more: Any) -> Sample:
    return "lease_warning", {"cause": items[0]["key"], "notebook_id": items[0]["notebook_id"], "items": items, **more}


def _leases(raw: str) -> dict[str, Sample]:
    settled = {"settled": f"It was extended; it ends {at(MS + 2 * HOUR)}.", "settled_ms": MS, "settled_by": "U0ANA"}
    stopped = {
        "cause": f"stopped:{ID}:{MS}",
        "project": "research",
        "notebook_id": ID,
        "name": raw,
        "flavor": CPU,
        "at_ms": MS,
        "start_s": 7200,
    }
    two = [warning_item(raw, 1), warning_item(raw, 2, end_ms=MS + 58 * MIN, price=None, cost=None)]
    return {
        "lease_warning/one": _warning([warning_item(raw)]),
        "lease_warning/two": _warning(two),
        "lease_warning/one of two settled": _warning([two[0] | settled, two[1]]),
        "lease_warning/settled": _warning([warning_item(raw, **settled)]),
        "lease_warning/superseded": _warning([warning_item(raw)], superseded=True),
        "lease_warning/escalated": _warning([warning_item(raw)], owner="U0GONE"),
        "lease_warning/many": _warning([warning_item(raw, n % 10) for n in range(30)]),
        "lease_warning/late": _warning([warning_item(raw, end_ms=MS - MIN)]),
        "stopped/idle": ("stopped", stopped | {"reason": "idle", "idle_since_ms": MS - 75 * MIN, "saved": "0.41 EUR"}),
        "stopped/lease": ("stopped", stopped | {"reason": "lease"}),
        "stopped/person": ("stopped", stopped | {"reason": "person", "by": "U0BO"}),
        "stopped/outside": ("stopped", stopped | {"reason": "outside"}),
        "stopped/failed": ("stopped", stopped | {"reason": "outside", "failed": "no disk could be attached"}),
        "stopped/wrong": ("stopped", stopped | {"reason": "idle", "wrong_by": "U0ANA", "wrong_ms": MS}),
        "stopped/settled": (
            "stopped",
            stopped | {"reason": "idle", "saved": "0.41 EUR", "settled": "Deleted.", "settled_ms": MS},
        ),
        "stopped/started again": (
            "stopped",
            stopped | {"reason": "idle", "saved": "0.41 EUR", "settled": STARTED_AGAIN, "settled_ms": MS},
        ),
    }


EVIDENCE = [
    {"source": "jupyter", "state": "idle", "text": "no busy kernel, no terminal"},
    {"source": "metrics", "state": "idle", "text": "CPU at most 1.2 % in 15 min"},
]


def _idle(raw: str) -> dict[str, Sample]:
    facts = {
        "cause": f"idle_warning:{ID}:{MS - HOUR}",
        "project": "research",
        "notebook_id": ID,
        "name": raw,
        "flavor": CPU,
        "idle_since_ms": MS - 62 * MIN,
        "grace_s": 900,
        "evidence": EVIDENCE,
        "price": "0.17 EUR per hour",
        "idle_cost": "0.18 EUR",
        "end_ms": MS + 5 * HOUR,
    }
    blind = {"evidence": [{"source": raw, "state": "unknown", "text": raw}], "price": None, "idle_cost": None}
    return {
        "idle_warning/now": ("idle_warning", facts),
        "idle_warning/delivered": ("idle_warning", facts | {"delivered_ms": MS - 5 * MIN}),
        "idle_warning/escalated": ("idle_warning", facts | {"owner": "U0GONE"}),
        "idle_warning/settled": ("idle_warning", facts | {"settled": "It is in use again.", "settled_ms": MS}),
        "idle_warning/strange evidence": ("idle_warning", facts | blind),
    }


def approval(raw: str, reason: str, **more: Any) -> dict[str, Any]:
    """A request that waits."""
    return {
        "cause": "approval_request:ap1",
        "id": "ap1",
        "project": "research",
        "notebook_id": ID,
        "name": raw,
        "kind": "extension",
        "requester": "U0ANA",
        "wish": "6 h",
        "wish_s": 21600,
        "base_end_ms": MS + HOUR,
        "new_end_ms": MS + 7 * HOUR,
        "why_asked": "6 h is more than 4 h in one step (max_extension)",
        "reason": reason,
        "flavor": CPU,
        "cost": "1.02 EUR",
        "idle_record": "idle 10 % of this run",
        "renewals": 2,
        "expires_ms": MS + 8 * HOUR,
        "needs": "approver",
        "state": "pending",
        **more,
    }


def _approvals(raw: str, reason: str) -> dict[str, Sample]:
    decided = {"decided_by": "U0LEAD", "decided_ms": MS}
    settled = {"cause": "approval_settled:ap1", "id": "ap1", "project": "research", "notebook_id": ID, "name": raw}
    states: dict[str, dict[str, Any]] = {
        "pending": {},
        "admin": {"needs": "admin", "escalated": True, "cost": None, "reason": ""},
        "create": {"kind": "create", "notebook_id": "", "base_end_ms": None, "new_end_ms": None},
        "start": {"kind": "start"},
        "until": {"wish": f"until {at(MS + 9 * HOUR)}"},
        "approved": decided | {"state": "approved", "granted": "6 h", "outcome": ""},
        "renewed": decided | {"state": "approved", "granted": "3 h", "outcome": f"It runs until {at(MS + 4 * HOUR)}."},
        "denied": decided | {"state": "denied", "answer": reason},
        "withdrawn": {"state": "withdrawn", "decided_by": "U0ANA", "decided_ms": MS},
        "expired": {"state": "expired"},
        "lapsed": {"state": "lapsed"},
    }
    answers: dict[str, dict[str, Any]] = {
        "approved": decided | {"state": "approved", "granted": "6 h", "end_ms": MS + 7 * HOUR},
        "denied": decided | {"state": "denied", "answer": reason, "end_ms": MS + HOUR},
        "denied, over": decided | {"state": "denied", "end_ms": MS - MIN},
        "stopped": decided | {"state": "approved", "granted": "6 h", "start_s": 21600, "expires_ms": MS + 24 * HOUR},
        "held": decided | {"state": "approved", "granted": "6 h", "held": "It waits until you `link` again."},
        "expired": {"state": "expired"},
        "lapsed": {"state": "lapsed"},
        "withdrawn": {"state": "withdrawn"},
    }
    return {f"approval_request/{n}": ("approval_request", approval(raw, reason) | f) for n, f in states.items()} | {
        f"approval_settled/{n}": ("approval_settled", settled | f) for n, f in answers.items()
    }


def cost_rows(raw: str, count: int = 5) -> list[dict[str, Any]]:
    """Lines of a digest."""
    return [
        {
            "label": f"{raw}-{n}" if n else raw,
            "hours": f"{30 - n} h",
            "cost": f"{(30 - n) * 0.17:.2f} EUR",
            "value": (30 - n) * 0.17,
        }
        for n in range(count)
    ]


def _project(raw: str) -> dict[str, Sample]:
    digest = {
        "cause": "digest:research:daily:2026-11-23",
        "project": "research",
        "period": "daily",
        "from_ms": MS - 24 * HOUR,
        "to_ms": MS,
        "currency": "EUR",
        "total": "≥ 8.50 EUR",
        "rows": cost_rows(raw),
        "saved": "1.20 EUR",
        "stops": 3,
        "wrong": 1,
        "mode": "enforce",
        "running": 4,
        "pending": 1,
        "saved_method": "running price from each idle stop to the end it would have had",
        "shadow": [],
        "unpriced": ["modelarts.vm.gpu.v100"],
        "audit_head": "a1b2c3d4",
        "notebook_id": "",
    }
    shadow = [
        {
            "name": raw,
            "owner": "Ana",
            "idle_since_ms": MS - 3 * HOUR,
            "at_ms": MS - HOUR,
            "money": "0.34 EUR",
            "active_later": False,
        },
        {"name": raw, "owner": raw, "at_ms": MS, "active_later": True},
    ]
    alert = {
        "cause": "alert:brake:research:2026-11-23",
        "kind": "brake",
        "subject": "research",
        "text": f"12 of 14 running notebooks were due to be stopped at once, {raw} among them",
        "next_step": "Look at `list running`, then release the brake if this is right.",
        "project": "research",
    }
    return {
        "digest/daily": ("digest", digest),
        "digest/weekly shadow": (
            "digest",
            digest | {"period": "weekly", "mode": "shadow", "shadow": shadow * 8, "may_enforce": True, "idle_stops": 2},
        ),
        "digest/empty": (
            "digest",
            digest
            | {
                "rows": [],
                "stops": 0,
                "wrong": 0,
                "unpriced": [],
                "mode": "shadow",
                "total": "0.00 EUR",
                "running": 0,
                "pending": 0,
            },
        ),
        "alert/release": ("alert", alert | {"button": "release", "at_ms": MS}),
        "alert/link": ("alert", alert | {"button": "link", "kind": "credentials_expire"}),
        "alert/why": ("alert", alert | {"button": "why", "kind": "stop_stuck", "notebook_id": ID, "subject": raw}),
        "alert/none": ("alert", alert | {"project": None, "button": "none", "kind": "undelivered"}),
    }


def row(raw: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A running notebook in a list."""
    return {
        "notebook_id": f"{ID[:-1]}{number}",
        "name": raw,
        "project": "research",
        "status": "RUNNING",
        "flavor": CPU,
        "end_ms": MS + 55 * MIN,
        "price": "0.17 EUR per hour",
        "cost": "0.34 EUR",
        **more,
    }


STOPPED = {
    "status": "STOPPED",
    "end_ms": None,
    "cost": None,
    "stopped_ms": MS - 30 * HOUR,
    "start_s": 7200,
    "disk_cost": "2.50 EUR per month",
}


def answer(what: str, **facts: Any) -> Sample:
    """An answer to a command."""
    return "answer", {"what": what, "cause": "c1", "request": "r1", **facts}


def _lists(raw: str) -> dict[str, Sample]:
    several = [
        row(raw, 1, idle_since_ms=MS - HOUR),
        row(raw, 2, end_ms=None, keep_until_ms=MS + HOUR, owner="U0BO"),
        row(raw, 3, **STOPPED, project_shown=True),
        row(raw, 4, status="STARTING"),
        row(raw, 5, status="ERROR", owner="cloud user bo"),
        row(raw, 6, status="NEW_WORD", flavor=""),
    ]
    page = {"title": "Your notebooks", "filtered": False, "page": 1, "pages": 1, "total": len(several)}
    choice = [{"id": f"{ID[:-1]}{n}", "label": raw, "project": "research", "note": f"of {raw}"} for n in (1, 2)]
    image = {"id": ID, "name": raw, "tag": raw, "arch": "x86_64", "kind": "BUILD_IN", "description": raw}
    flavor = [
        {"id": CPU, "size": "2 vCPUs, 8 GB", "category": "CPU", "price": "0.17 EUR per hour"},
        {"id": "modelarts.vm.gpu.v100", "size": f"64 GB, 1 x {raw}", "category": "GPU", "sold_out": True},
    ]
    show = {
        "notebook_id": ID,
        "description": raw,
        "image": raw,
        "disk": "50 GB EFS",
        "created_ms": MS - 99 * HOUR,
        "running_since_ms": MS - 2 * HOUR,
        "lease_kind": "timed",
        "free_until_ms": MS + 5 * HOUR,
        "evidence": EVIDENCE,
        "verdict": "in use",
        "month_cost": "12.10 EUR",
        "pending": "6 h more, asked for",
        "may": ["Owner: everything", "Lead and admin: stop, extend"],
    }
    return {
        "list/some": answer("list", rows=several, **page),
        "list/pages": answer(
            "list",
            rows=[row(raw, n % 10) for n in range(15)],
            failed=[raw],
            as_of_ms=MS,
            **page | {"page": 2, "pages": 3, "total": 40},
        ),
        "list/empty": answer("list", rows=[], **page | {"total": 0}),
        "list/nothing matches": answer("list", rows=[], **page | {"total": 0, "filtered": True}),
        "choices": answer("choices", text=f"Two notebooks match “{raw}”", choices=choice),
        "choices/many": answer("choices", text=f"Many match “{raw}”", choices=choice * 20),
        "show/running": answer("show", row=row(raw), **show),
        "show/idle lease": answer("show", row=row(raw, keep_until_ms=MS + HOUR), **show | {"lease_kind": "idle"}),
        "show/stopped": answer("show", row=row(raw, **STOPPED, owner="U0BO"), notebook_id=ID),
        "show/failed": answer("show", row=row(raw, status="START_FAILED"), notebook_id=ID, fail_reason=raw),
        "images": answer("images", project="research", words=raw, rows=[image] * 20, page=1, pages=2, total=38),
        "images/none": answer("images", project="research", words=raw, rows=[], page=1, pages=1, total=0),
        "flavors": answer("flavors", project="research", rows=flavor * 30),
        "flavors/none": answer("flavors", project="research", rows=[], category="npu"),
    }


def _records(raw: str, reason: str) -> dict[str, Sample]:
    decision = {
        "at_ms": MS - HOUR,
        "outcome": "left alone",
        "rule": "idle for 60 min (idle_after)",
        "source": "rule 1 of [policy]",
        "text": f"{raw} has a busy kernel.",
        "evidence": EVIDENCE,
        "confirmed_ms": MS - MIN,
        "policy": "a1b2c3d4e5",
    }
    about = {"notebook_id": ID, "name": raw, "project": "research"}
    record = {
        "at_ms": MS,
        "actor": "leasebot",
        "action": "stopped it",
        "on_request_of": "U0ANA",
        "rule": "idle_after",
        "result": "stopped",
        "shown": raw,
    }
    limits = [{"key": f"idle_after_{n}", "value": "30 min", "source": f"rule {n} of [policy]"} for n in range(30)]
    request = approval(raw, reason)
    return {
        "why": answer("why", decisions=[decision] * 12, warnings=[{"at_ms": MS, "text": raw}] * 7, more=3, **about),
        "why/nothing": answer("why", decisions=[], **about),
        "plan": answer(
            "plan",
            at_ms=MS + 7 * HOUR,
            outcome="It would be warned: idle for 1 h.",
            evidence=EVIDENCE,
            rule="idle for 60 min (idle_after)",
            source="[policy]",
            assumes="that nothing is renewed",
            ahead=[{"at_ms": MS + HOUR, "text": "lease warning", "rule": "60 min before the end"}],
            **about,
        ),
        "policy": answer("policy", project="research", name=raw, rows=limits, hash="a1b2c3"),
        "approvals": answer("approvals", for_me=[request] * 8, by_me=[request, request | {"state": "expired"}]),
        "approvals/none": answer("approvals", for_me=[], by_me=[]),
        "audit": answer("audit", rows=[record] * 40, head="a1b2c3d4", **about),
        "audit/nothing": answer("audit", rows=[], **about),
    }


def _cost(raw: str) -> dict[str, Any]:
    disk = {"notebook_id": ID, "name": raw, "project": "research", "cost": "2.50 EUR per month", "stopped_ms": MS}
    return {
        "title": "Your cost",
        "period": "the last 7 days",
        "from_ms": MS - 168 * HOUR,
        "to_ms": MS,
        "currency": "EUR",
        "total": "8.50 EUR",
        "rows": cost_rows(raw, 20),
        "saved": "1.20 EUR",
        "stops": 3,
        "wrong": 2,
        "saved_method": "running price from each idle stop to the end it would have had",
        "unpriced": [raw],
        "budget": "212.00 of 400.00 EUR this month",
        "disks": [disk] * 12,
    }


def _person(raw: str) -> dict[str, Sample]:
    link = {
        "project": "research",
        "cloud_user": raw,
        "domain": raw,
        "kind": "password",
        "state": "working",
        "expires_ms": MS + 99 * HOUR,
    }
    address = "https://leasebot.example.com/link/abc"
    notices = [
        {"key": "digest", "label": "A weekly summary of my cost", "on": True},
        {"key": "ready", "label": "When a notebook is ready", "on": False},
    ]
    about = {"notebook_id": ID, "name": raw, "project": "research"}
    return {
        "text": answer("text", text=f"{raw} is already stopped.", next_step="`start` starts it."),
        "error": answer(
            "error",
            oops={"what": f"I know no notebook {raw}", "ref": "7f3a", "next_step": "`list` shows the names I know."},
        ),
        "already": answer("already", text="It was extended by 1 h", by="U0ANA", at_ms=MS),
        "already/plain": answer("already", text="This request was denied.", at_ms=MS),
        "joined": answer("joined", text=f"starting {raw}", since_ms=MS),
        "too_fast": answer("too_fast", wait_s=4),
        "confirm_stop": answer(
            "confirm_stop", flavor=CPU, owner="U0BO", end_ms=MS + HOUR, busy="A kernel is busy.", **about
        ),
        "open": answer("open", name=raw, project="research", url="https://authoring.example.com/lab?token=secret"),
        "link": answer("link", project="research", url=address, expires_ms=MS + HOUR),
        "not_linked": answer("not_linked", project="research"),
        "not_linked/page": answer("not_linked", project="research", url=address, expires_ms=MS + HOUR),
        "whoami": answer(
            "whoami",
            user="U0ANA",
            zone="Europe/Berlin",
            links=[link, link | {"state": "expired"}],
            roles=["member of research", "approver of research"],
            projects=["research", "vision"],
        ),
        "whoami/stranger": answer("whoami", user="U0ANA", zone="UTC", links=[], roles=[], projects=[]),
        "settings": answer(
            "settings",
            zone="Europe/Berlin",
            zone_source="from your Slack profile",
            quiet="20:00-08:00",
            notices=notices,
        ),
        "cost": answer("cost", **_cost(raw)),
        "cost/elsewhere": answer("cost", **_cost(raw) | {"elsewhere": True, "stops": 0}),
        "help": answer("help"),
        "help/extend": answer("help", topic="extend"),
        "help/unknown": answer("help", topic=raw),
    }


def view(callback: str, /, **facts: Any) -> Sample:
    """A modal."""
    return "view", {"view": callback, "cause": "c1", "project": "research", "notebook_id": ID, **facts}


def _views(raw: str, reason: str) -> dict[str, Sample]:
    flavors = [
        {"id": CPU, "size": "2 vCPUs, 8 GB", "category": "CPU", "price": "0.17 EUR per hour"},
        {"id": "modelarts.vm.gpu.v100", "size": raw, "category": "GPU", "sold_out": True},
        {"id": "x" * 99, "size": "cannot be an option", "category": "CPU"},
    ]
    empty = {"projects": ["research"], "flavors": flavors, "disk_gb": 50, "lease_s": 7200}
    filled = {
        "projects": ["research", "vision"],
        "name": raw,
        "image": {"id": ID, "name": raw},
        "flavor": CPU,
        "price": "0.17 EUR per hour",
        "cost": "0.34 EUR",
        "end_ms": MS + 2 * HOUR,
        "max_lease_s": 43200,
        "asks": f"the budget of {raw} is used up",
    }
    request = {"approval": "ap1", "name": raw, "requester": "U0ANA", "wish": "6 h", "zone": "Europe/Berlin"}
    notices = [{"key": "digest", "label": "A weekly summary of my cost", "on": True}]
    return {
        "view/loading": ("view", {"view": "loading", "callback": "notebook_create", "title": "New notebook"}),
        "view/create": view("notebook_create", **empty),
        "view/create filled": view("notebook_create", **empty | filled),
        "view/create no flavors": view("notebook_create", **empty | {"flavors": [], "stop_type": "idle"}),
        "view/delete": view("notebook_delete", name=raw, running=True, disk="50 GB EFS", disk_cost="2.50 EUR a month"),
        "view/extend": view(
            "extend_other",
            name=raw,
            end_ms=MS + HOUR,
            free_until_ms=MS + 5 * HOUR,
            ceiling_ms=MS + 72 * HOUR,
            price="0.17 EUR per hour",
            zone="Europe/Berlin",
        ),
        "view/extend no end": view("extend_other", name=raw, end_ms=None, zone="Europe/Berlin"),
        "view/keep": view("keep_until", name=raw, ceiling_ms=MS + 24 * HOUR, end_ms=MS + HOUR, zone="Europe/Berlin"),
        "view/deny": view("approval_deny_reason", **request),
        "view/less": view("approval_less", **request, wish_s=21600, cost="1.02 EUR"),
        "view/less_until": view("approval_less", **request, until_ms=MS + 6 * HOUR),
        "view/settings": view(
            "settings", zone="Europe/Berlin", zone_source="from your Slack profile", quiet="", notices=notices
        ),
        "view/done": view("done", title="Extended", text=f"{raw} runs until {at(MS + HOUR)}.", next_step=""),
        "view/error": view("error", title="Not extended", oops={"what": reason, "next_step": "`list` shows it."}),
    }


def _home(raw: str, reason: str) -> dict[str, Sample]:
    facts = {
        "cause": f"home:U0ANA:{MS}",
        "user": "U0ANA",
        "linked": True,
        "has_project": True,
        "attention": [],
        "running": [],
        "stopped": [],
        "zone": "Europe/Berlin",
        "quiet": "20:00-08:00",
        "as_of_ms": MS,
    }
    request = approval(raw, reason)
    attention = [
        {"text": f"{raw} stops in 20 min.", "row": row(raw)},
        {"text": "", "approval": request},
        {"text": "Your zone is not known.", "settings": True},
    ]
    project = {
        "project": "research",
        "mode": "shadow",
        "mode_from_file": False,
        "brake": "12 of 14 were due at once",
        "running": 14,
        "last_pass_ms": MS - MIN,
        "pending": [request] * 3,
        "trouble": f"{raw} cannot be read.",
    }
    full = {
        "attention": attention * 4,
        "running": [row(raw, n % 10) for n in range(20)],
        "admin": [project] * 6,
        "stopped": [row(raw, n % 10, **STOPPED) for n in range(20)],
        "linked": False,
        "quiet": "",
    }
    few = {"attention": attention, "running": [row(raw)], "stopped": [row(raw, 2, **STOPPED)], "admin": [project]}
    return {
        "home/new": ("home", facts | {"has_project": False, "linked": False}),
        "home/empty": ("home", facts),
        "home/few": ("home", facts | few),
        "home/full": ("home", facts | full),
    }
