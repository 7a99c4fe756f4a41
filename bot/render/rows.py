"""One notebook as a row: in lists, in `show` and on App Home."""

from collections.abc import Callable
from datetime import datetime

from bot.clock import to_ms
from bot.render import text
from bot.render.answer_facts import NotebookRow, RowAction
from bot.render.buttons import NotebookButtons
from bot.slack import Block

_RUNS = ("RUNNING", "SNAPSHOTTING")


def said(row: NotebookRow, now: datetime) -> str:
    """Name, state, flavor, time left, cost so far: two lines."""
    first = [text.status(row["status"])]
    if row.get("owner"):
        first.append(f"of {text.person(row['owner'])}")
    if row.get("project_shown"):
        first.append(f"in {text.name(row['project'])}")
    return f"{text.bold(row['name'])}: {', '.join(first)}\n{', '.join(filter(None, details(row, now)))}"


def details(row: NotebookRow, now: datetime) -> list[str]:
    """What is known beside name and state."""
    runs, end, idle, keep = runs_now(row), row.get("end_ms"), row.get("idle_since_ms"), row.get("keep_until_ms")
    stopped = row.get("stopped_ms")
    return [
        text.code(row["flavor"]) if row["flavor"] else "",
        countdown(end, now) if runs else "",
        f"{text.escape(row['cost'])} so far" if row.get("cost") and runs else "",
        f"idle since {text.when(idle)}" if idle and runs else "",
        f"kept until {text.when(keep)}" if keep and runs else "",
        f"since {text.when(stopped)}" if stopped and not runs else "",
        f"disk {text.escape(row['disk_cost'])}" if row.get("disk_cost") and not runs else "",
    ]


def countdown(end_ms: int | None, now: datetime) -> str:
    """`55 min left, until today at 18:00`, or that no end is set."""
    if not end_ms:
        return "no timed end"
    if end_ms <= to_ms(now):
        return f"its time was up {text.when(end_ms)}"
    return f"{text.left(end_ms, now)}, until {text.when(end_ms)}"


def runs_now(row: NotebookRow) -> bool:
    """Compute is billed and the lease counts."""
    return row["status"] in _RUNS


def may(row: NotebookRow) -> list[RowAction]:
    """What the reader may do; what the state allows, when nothing is said."""
    if (given := row.get("actions")) is not None:
        return given
    if runs_now(row):
        return ["open", "extend", "stop"]
    if row["status"] in ("STOPPED", "START_FAILED"):
        return ["start", "delete"]
    return ["delete"] if row["status"] in ("ERROR", "CREATE_FAILED", "DELETE_FAILED") else []


def row_buttons(cause: str, row: NotebookRow, most: int = 5) -> list[Block]:
    """The row's buttons; each row is a cause of its own."""
    draw = NotebookButtons(f"{cause}:{row['notebook_id']}", row["project"], row["notebook_id"], row["name"])
    drawn: dict[RowAction, Callable[[], Block]] = {
        "open": draw.open,
        "extend": draw.extend_one,
        "stop": draw.stop,
        "delete": draw.delete,
        "why": draw.why,
        "start": lambda: draw.start(row.get("start_s")),
        "keep": lambda: draw.keep(2),
    }
    return [drawn[action]() for action in dict.fromkeys(may(row)) if action in drawn][:most]
