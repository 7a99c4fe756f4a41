"""What a notebook is doing over time, as the platform would measure it."""

from bisect import bisect_right
from dataclasses import dataclass, field

# Under all of these for the chosen time is idle to the platform: per cent, and kbit/s of network received.
THRESHOLDS = {"cpu": 5.0, "gpu": 1.0, "npu": 1.0, "network": 1.6}
MEASURED = {"CPU": ("network", "cpu"), "GPU": ("network", "cpu", "gpu"), "ASCEND": ("network", "cpu", "npu")}
QUIET = {"cpu": 1.2, "gpu": 0.0, "npu": 0.0, "network": 0.4, "memory": 11.0}
BUSY = {"cpu": 64.0, "gpu": 71.0, "npu": 71.0, "network": 12.0, "memory": 48.0}


@dataclass
class Activity:
    """A step function of time: each step holds from its instant until the next one."""

    starts: list[int] = field(default_factory=list)
    values: list[dict[str, float]] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)  # spans in which the collector was down

    def at(self, ms: int) -> dict[str, float]:
        """Every measurement at `ms`; quiet before the first step."""
        return self.step(ms)[0]

    def step(self, ms: int) -> tuple[dict[str, float], int | None]:
        """The same, and the instant at which it changes; None: never."""
        index = bisect_right(self.starts, ms)
        until = self.starts[index] if index < len(self.starts) else None
        return (self.values[index - 1] if index else QUIET), until

    def set(self, from_ms: int, **changes: float | None) -> None:
        """From `from_ms` on; what is not named keeps the value it had there. Later steps are dropped."""
        values = dict(self.at(from_ms))
        values.update({name: float(value) for name, value in changes.items() if value is not None})
        keep = len([start for start in self.starts if start < from_ms])
        self.starts[keep:] = [from_ms]
        self.values[keep:] = [values]

    def missing(self, ms: int) -> bool:
        return any(start <= ms < end for start, end in self.gaps)

    def idle_end(self, from_ms: int, span: int, category: str) -> int | None:
        """The first instant at which everything measured has been quiet for `span`, counted from `from_ms` at most."""
        quiet_since: int | None = from_ms if not loud(self.at(from_ms), category) else None
        for start, values in zip(self.starts, self.values, strict=True):
            if start <= from_ms:
                continue
            if quiet_since is not None and start - quiet_since >= span:
                break
            if loud(values, category):
                quiet_since = None
            elif quiet_since is None:
                quiet_since = start
        return None if quiet_since is None else quiet_since + span


def loud(values: dict[str, float], category: str) -> bool:
    """Whether anything the platform measures for this kind of flavor is above its threshold."""
    return any(values[name] > THRESHOLDS[name] for name in MEASURED.get(category, MEASURED["CPU"]))
