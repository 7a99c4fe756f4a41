"""What happened, as the simulators saw it: leases, runs, posts and calls, put in order for the checks."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.world import World

SERVICE = "notebook-bot"
NEVER = 2**62


@dataclass(frozen=True)
class Post:
    """A message that Slack took. `receipt_ms` is when the bot knew (None: it never did)."""

    at_ms: int
    channel: str
    ts: str
    kind: str
    keys: tuple[str, ...]
    receipt_ms: int | None
    to: str = ""  # the person whose DM it is, or the channel
    about: str = ""  # the notebook its metadata names


@dataclass(frozen=True)
class Write:
    """One call that changed a notebook."""

    at_ms: int
    user: str
    action: str
    notebook: str


@dataclass
class Life:
    """One notebook: its owner, its running times, and each end its lease had: (from, to, end, span)."""

    id: str
    owner: str
    runs: list[tuple[int, int]] = field(default_factory=list)
    ends: list[tuple[int, int, int, int]] = field(default_factory=list)
    stops: list[tuple[int, str, str]] = field(default_factory=list)  # at, by, user
    renewals: list[tuple[int, str, int, int]] = field(default_factory=list)  # at, by, old end, new end
    type: str = "TIMING"
    name: str = ""  # when it was first seen
    made_by_api: bool = False

    def running_at(self, ms: int) -> bool:
        return any(begin <= ms < end for begin, end in self.runs)


def posts(world: World) -> list[Post]:
    """Every chat.postMessage that Slack carried out, with the instant at which its answer, or a search, told."""
    found: list[tuple[dict[str, Any], int | None]] = []
    for entry in world.slack.log:
        if entry["kind"] != "api":
            continue
        answer = entry["answer"] or {}
        if entry["method"] == "chat.postMessage" and answer.get("ok"):
            lost = entry["fault"] in ("lost", "hang")
            found.append((entry, None if lost else entry["at_ms"]))
        elif entry["method"] == "conversations.history" and answer.get("ok") and entry["fault"] not in ("lost", "hang"):
            seen = {message["ts"] for message in answer.get("messages") or ()}
            found = [
                (each, entry["at_ms"] if receipt is None and each["answer"]["channel"] == entry["args"].get("channel")
                 and each["answer"]["ts"] in seen else receipt)
                for each, receipt in found
            ]  # fmt: skip
    return [_post(world, entry, receipt) for entry, receipt in found]


def _post(world: World, entry: dict[str, Any], receipt: int | None) -> Post:
    given = entry["args"].get("metadata")
    metadata = json.loads(given) if isinstance(given, str) else given or {}
    payload = metadata.get("event_payload") or {}
    keys = tuple(k for k in str(payload.get("keys") or payload.get("key") or "").split(",") if k)
    answer = entry["answer"]
    slack, about = world.slack.workspace, str(payload.get("notebook_id") or "")
    people = [each for each in slack.channels[answer["channel"]].members if each != slack.bot_user]
    to = people[0] if slack.channels[answer["channel"]].kind == "im" else str(answer["channel"])
    kind = str(metadata.get("event_type") or "")
    return Post(entry["at_ms"], answer["channel"], answer["ts"], kind, keys, receipt, to, about)


def writes(world: World) -> list[Write]:
    """Every write the cloud carried out, whether its answer arrived or not."""
    found, pending = [], []
    for entry in world.cloud.log:
        if entry["kind"] == "effect":
            pending.append(entry["notebook_id"])
        elif entry["action"] in _WRITES and (entry["notebook_id"] in pending or entry["action"] == "CreateNotebook"):
            if pending or (entry["status"] or 500) < 300:
                found.append(Write(entry["at_ms"], str(entry["user"]), entry["action"],
                                   str(entry["notebook_id"] or (pending or [""])[-1])))  # fmt: skip
            pending = []
        else:
            pending = []
    return found


_WRITES = frozenset({"StopNotebook", "StartNotebook", "RenewLease", "DeleteNotebook", "CreateNotebook"})


def lives(world: World) -> dict[str, Life]:
    """Each notebook's life from the cloud's effects."""
    found: dict[str, Life] = {}
    caller = _callers(world)
    for number, entry in enumerate(world.cloud.log):
        if entry["kind"] != "effect":
            continue
        life = found.setdefault(entry["notebook_id"], Life(entry["notebook_id"], entry["user"]))
        life.name = life.name or entry["details"]["name"]
        life.made_by_api |= entry["action"] == "creating" and entry["details"].get("by") == "api"
        _live(world, life, entry, caller.get(number, ""))
    return found


def _callers(world: World) -> dict[int, str]:
    """Effect -> who called: an effect of a call stands right before the call in the log."""
    found, waiting = {}, []
    for number, entry in enumerate(world.cloud.log):
        if entry["kind"] == "effect":
            if entry["details"].get("by") == "api":
                waiting.append(number)
            continue
        for effect in waiting:
            if world.cloud.log[effect]["notebook_id"] == entry["notebook_id"]:
                found[effect] = str(entry["user"])
        waiting = []
    return found


def _live(world: World, life: Life, entry: dict[str, Any], user: str) -> None:
    at, action, details = entry["at_ms"], entry["action"], entry["details"]
    match action:
        case "running" if details.get("before") != "SNAPSHOTTING":
            life.runs.append((at, NEVER))
            _stamp(life, at, details.get("lease") or _lease_of(world, life.id))
        case "lease_renewed":
            old = life.ends[-1][2] if life.ends and life.ends[-1][1] == NEVER else 0
            _stamp(life, at, details["lease"])
            new = life.ends[-1][2] if life.ends and life.ends[-1][1] == NEVER else 0
            life.renewals.append((at, str(details.get("by")) + (f" {user}" if user else ""), old, new))
        case "stopping" | "deleting" | "deleted" | "stopped" | "frozen" | "error":
            if action == "stopping":
                life.stops.append((at, str(details.get("by")), user))
            if life.runs and life.runs[-1][1] == NEVER:
                life.runs[-1] = (life.runs[-1][0], at)
            _close(life, at)


def _lease_of(world: World, notebook: str) -> dict[str, Any]:
    return world.witness.first_leases.get(notebook, {})


def _stamp(life: Life, at: int, lease: dict[str, Any]) -> None:
    _close(life, at)
    if lease.get("enable") and lease.get("type") == "TIMING":
        end = lease["create_at"] + lease["duration"]
        life.ends.append((at, NEVER, end, end - lease["update_at"]))


def _close(life: Life, at: int) -> None:
    if life.ends and life.ends[-1][1] == NEVER:
        since, _to, end, span = life.ends[-1]
        life.ends[-1] = (since, at, end, span)
