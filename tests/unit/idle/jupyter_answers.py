"""Sample answers of a notebook server, and a subject that they are about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.idle.jupyter_facts import ServerFacts, facts
from bot.idle.ports import Subject
from bot.model import Endpoint, Notebook, NotebookId, Status

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
STARTED = NOW - timedelta(hours=9)
MINUTE = timedelta(minutes=1)
ENDPOINT = Endpoint(
    "research",
    "otc",
    "eu-de",
    "https://modelarts.example.com",
    "https://iam.example.com",
    "https://aom.example.com",
    "eu-de",
    notebook_hosts=("authoring.example.com",),
)
URL = "https://authoring.example.com/5f0c/lab"


class FixedClock:
    """Stands still at `at` until moved."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def a_subject(**changes: Any) -> Subject:
    """A CPU notebook that has been running for nine hours; `ssh`, `url`, `token`, `id` go to the notebook."""
    of_notebook = {key: changes.pop(key) for key in ("ssh", "url", "token", "id") if key in changes}
    usual = {"id": NotebookId("5f0c"), "name": "exp", "status": Status.RUNNING, "url": URL, "token": "t0k3n"}
    notebook = Notebook(**usual | of_notebook)
    given = {
        "notebook": notebook,
        "endpoint": ENDPOINT,
        "category": "CPU",
        "running_since": STARTED,
        "idle_after": 60 * MINUTE,
    }
    return Subject(**given | changes)


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def kernel(ago: timedelta, state: str = "idle", id_: str = "k1") -> dict[str, Any]:
    return {
        "id": id_,
        "name": "python3",
        "last_activity": iso(NOW - ago),
        "execution_state": state,
        "connections": 1,
    }


def session(of: dict[str, Any]) -> dict[str, Any]:
    return {"id": "s1", "path": "secret plan.ipynb", "name": "", "type": "notebook", "kernel": of}


def terminal(ago: timedelta, name: str = "1") -> dict[str, Any]:
    return {"name": name, "last_activity": iso(NOW - ago)}


def status(last_activity_ago: timedelta = timedelta(), started: datetime = STARTED) -> dict[str, Any]:
    return {
        "started": iso(started),
        "last_activity": iso(NOW - last_activity_ago),
        "kernels": 0,
        "connections": 1,
    }


def server(
    kernels: list[dict[str, Any]] | None = None,
    terminals: list[dict[str, Any]] | None = None,
    *,
    seen: timedelta = timedelta(),
    version: str = "2.16.0",
    started: datetime = STARTED,
    sessions: list[dict[str, Any]] | None = None,
) -> ServerFacts:
    """Facts of a server whose own last activity was `seen` ago: right now, as with an open tab, unless said."""
    return facts(status(seen, started), kernels or [], sessions or [], terminals, {"version": version})
