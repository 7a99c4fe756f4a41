"""The buttons that stand on several messages, each worded once."""

from dataclasses import replace

from bot.render import ids, text
from bot.render.blocks import button, confirm
from bot.slack import Block

HOUR_S = 3600
WORK = "/home/ma-user/work"


class NotebookButtons:
    """Buttons about one notebook, drawn for one cause."""

    def __init__(self, cause: str, project: str, notebook: str, name: str) -> None:
        self._cause, self._project, self._notebook = cause, project, notebook
        self._name = text.plain_name(name, 40)

    def _value(self, seconds: int | None = None) -> ids.Button:
        return ids.Button(cause=self._cause, project=self._project, notebook=self._notebook, seconds=seconds)

    def extend(self, hours: int, *, primary: bool = False) -> Block:
        """So many hours more."""
        return button(
            f"Extend {hours} h",
            f"{ids.EXTEND}:{hours}h",
            self._value(hours * HOUR_S),
            style="primary" if primary else None,
            about=self._name,
        )

    def extend_one(self) -> Block:
        """One hour more, alone in its row."""
        return button("Extend 1 h", ids.EXTEND, self._value(HOUR_S), about=self._name)

    def extend_to(self, until_ms: int, seconds: int) -> Block:
        """To that instant, `seconds` after its present end."""
        value = replace(self._value(seconds), until_ms=until_ms)
        return button("Extend to then", ids.EXTEND, value, about=self._name)

    def set_end(self, seconds: int) -> Block:
        """Where there is no timed end: one, so far ahead."""
        value = replace(self._value(seconds), set_end=True)
        return button(f"Stop it in {text.duration(seconds)}", ids.EXTEND, value, about=self._name)

    def extend_other(self) -> Block:
        """Asks how long."""
        return button("Other…", ids.EXTEND_OTHER, self._value(), about=f"extend {self._name}")

    def stop(self) -> Block:
        """Stops it, after a question."""
        ask = confirm(
            f"Stop {self._name}?",
            f"What runs in it ends now. Files in {WORK} stay; everything else in the container is gone.",
            "Stop it",
            "Let it run",
        )
        return button("Stop now", ids.STOP, self._value(), style="danger", ask=ask, about=self._name)

    def stop_confirmed(self) -> Block:
        """Stops it; the message around it asks already."""
        return button("Stop it", ids.STOP, self._value(), style="danger", about=self._name)

    def start(self, seconds: int | None = None, words: str = "Start", *, primary: bool = False) -> Block:
        """Starts it, for so long."""
        return button(words, ids.START, self._value(seconds), style="primary" if primary else None, about=self._name)

    def open(self) -> Block:
        """Asks for the private link."""
        return button("Open", ids.OPEN, self._value(), about=self._name)

    def delete(self) -> Block:
        """Asks for the name and says what is lost."""
        return button("Delete…", ids.DELETE, self._value(), about=self._name)

    def keep(self, hours: int, *, primary: bool = True) -> Block:
        """No idle stop for so long."""
        return button(
            f"Keep running {hours} h",
            ids.KEEP,
            self._value(hours * HOUR_S),
            style="primary" if primary else None,
            about=self._name,
        )

    def keep_until(self) -> Block:
        """Asks until when and why."""
        return button("Still training…", ids.KEEP_UNTIL, self._value(), about=self._name)

    def why(self) -> Block:
        """Shows the record of decisions."""
        return button("Why", ids.WHY, self._value(), about=self._name)

    def false_stop(self) -> Block:
        """Marks a stop as wrong."""
        return button("That was wrong", ids.FALSE_STOP, self._value(), about=f"to stop {self._name}")
