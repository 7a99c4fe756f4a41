"""What a notebook server's facts say about its use. Pure; the server's clock is translated into ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.clock import from_ms, to_ms
from bot.idle.jupyter_facts import RESTING, WORKING, ServerFacts, is_old
from bot.idle.poll import interval
from bot.idle.ports import Evidence, Memory, Subject
from bot.rules.idle import SourceReading

NAME = "jupyter"
STEADY = timedelta(seconds=5)  # `Date` has whole seconds; a smaller difference is no difference
TOO_EARLY = timedelta(minutes=2)  # a stamp further ahead of the server's own clock contradicts it
A_MOMENT = timedelta(minutes=1)  # a pass takes its time


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an earlier reading of the same run of the server left."""

    run: int  # when the server started, ms in its time
    read_at: datetime
    active_until: datetime | None  # the last activity known, our time
    present: frozenset[str]  # kernels and terminals that were there
    ahead: timedelta  # our clock minus the server's

    @staticmethod
    def of(memory: Memory) -> "Remembered | None":
        """From JSON; None when there is nothing readable."""
        try:
            until = memory["active_until"]
            return Remembered(
                int(memory["run"]),
                from_ms(int(memory["read_at"])),
                None if until is None else from_ms(int(until)),
                frozenset(map(str, memory["present"])),
                timedelta(milliseconds=int(memory["ahead_ms"])),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    def as_memory(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "run": self.run,
            "read_at": to_ms(self.read_at),
            "active_until": None if self.active_until is None else to_ms(self.active_until),
            "present": sorted(self.present),
            "ahead_ms": self.ahead // timedelta(milliseconds=1),
        }


def cannot_tell(reason: str, memory: Memory, details: Mapping[str, str] | None = None) -> Evidence:
    """An unknown reading that keeps what was remembered."""
    return Evidence(SourceReading(NAME, "unknown", None, reason, None, dict(details or {})), memory)


def judge(server: ServerFacts, date: datetime | None, subject: Subject, now: datetime) -> Evidence:
    """The reading of one server whose answers bore `date` (its clock) and came at `now` (ours).

    Active: a kernel works, whatever the age of its last message, or a kernel or terminal was used within
    `idle_after`. Idle: since the last such use, and not before the server ran. Anything contradictory is unknown.
    """
    before = Remembered.of(subject.memory)
    before = before if before and before.run == to_ms(server.started) else None
    ahead = _ahead(now, date, before)
    details = _details(server, subject, ahead)
    strange = sorted({kernel.state for kernel in server.kernels} - WORKING - RESTING)
    if contradiction := _contradiction(server, subject, now, ahead):
        return cannot_tell(contradiction, subject.memory, details)
    working = sum(kernel.state in WORKING for kernel in server.kernels)
    used = now if working or strange else _last_use(server, before, subject, now, ahead)
    after = Remembered(to_ms(server.started), now, used, _present(server), ahead)
    if strange and not working:
        return cannot_tell(f"a kernel is in a state I do not know: {strange[0][:20]}", after.as_memory(), details)
    if working:
        kernels = "a kernel is" if working == 1 else f"{working} kernels are"
        return _evidence("active", now, f"{kernels} at work", after, details)
    return _resting(server, subject, after, details)


def _resting(server: ServerFacts, subject: Subject, after: Remembered, details: Mapping[str, str]) -> Evidence:
    now, used = after.read_at, after.active_until
    if used is not None and now - used < subject.idle_after:
        live = any(now - (each.last_activity + after.ahead) < subject.idle_after for each in server.terminals)
        reason = f"{'a terminal' if live else 'a kernel'} was in use {_minutes(now - used)} ago"
        return _evidence("active", used, reason, after, details)
    since = max(at for at in (used, server.started + after.ahead, subject.running_since) if at is not None)
    reason = "no kernel or terminal is open" if not _present(server) else "all kernels and terminals are still"
    return _evidence("idle", min(since, now), reason, after, details)


def _last_use(
    server: ServerFacts,
    before: Remembered | None,
    subject: Subject,
    now: datetime,
    ahead: timedelta,
) -> datetime | None:
    """The last time a kernel or terminal may have been in use; None if none ever was.

    The server's own last activity bounds it from above. It is used only where nothing better is known: for what
    has gone since the last reading, or when there is nothing now and nobody looked lately.
    """
    stamps = [at + ahead for at in server.uses]
    if before and before.active_until:
        stamps.append(before.active_until)
    lately = before is not None and now - before.read_at <= _usual_gap(subject)
    gone = before is not None and not before.present <= _present(server)
    if gone or (not _present(server) and not lately and server.last_activity > server.started):
        stamps.append(server.last_activity + ahead)
    return min(max(stamps), now) if stamps else None


def _usual_gap(subject: Subject) -> timedelta:
    """Between two readings, one of which may have failed."""
    return max(subject.idle_fresh, 2 * max(interval(subject.idle_after), subject.pass_interval) + A_MOMENT)


def _contradiction(server: ServerFacts, subject: Subject, now: datetime, ahead: timedelta) -> str:
    if abs(ahead) > subject.idle_fresh:  # a clock that wrong, or an answer kept somewhere on the way
        return f"the notebook's answer is dated {_minutes(abs(ahead))} {'ago' if ahead > timedelta() else 'ahead'}"
    if max(server.started, server.last_activity, *server.uses) > now - ahead + TOO_EARLY:
        return "the notebook's times are ahead of its own clock"
    if server.counted > len(server.kernels) and not any(each.state in WORKING for each in server.kernels):
        return f"the notebook says it has {server.counted} kernels and lists {len(server.kernels)}"
    return ""


def _ahead(now: datetime, date: datetime | None, before: Remembered | None) -> timedelta:
    """How far our clock is ahead of the server's; held still within a few seconds, so that `since` does not tremble."""
    held = before.ahead if before else timedelta()
    if date is None:
        return held
    ahead = now - date
    for steady in (held, timedelta()):
        if abs(ahead - steady) <= STEADY:
            return steady
    return ahead


def _present(server: ServerFacts) -> frozenset[str]:
    kernels = [f"kernel {each.id}" for each in server.kernels]
    return frozenset(kernels + [f"terminal {each.name}" for each in server.terminals])


def _details(server: ServerFacts, subject: Subject, ahead: timedelta) -> dict[str, str]:
    """Counts for people, and `blind`: what this source cannot see here, comma-joined."""
    blind = [
        *(["terminals"] if server.terminals else []),
        *(["ssh"] if subject.notebook.ssh else []),
        *(["old_server"] if is_old(server.version) else []),
    ]
    counts = {
        "kernels": len(server.kernels),
        "terminals": len(server.terminals),
        "sessions": server.sessions,
        "connections": server.connections,
        "busy": sum(kernel.state in WORKING for kernel in server.kernels),
        "dead": sum(kernel.state == "dead" for kernel in server.kernels),
    }
    told = {name: str(count) for name, count in counts.items()} | {"version": server.version or "unknown"}
    told |= {"blind": ",".join(blind)} if blind else {}
    return told | ({"clock_ahead_s": f"{ahead.total_seconds():.0f}"} if ahead else {})


def _evidence(
    state: Any,
    since: datetime,
    reason: str,
    after: Remembered,
    details: Mapping[str, str],
) -> Evidence:
    """A server knows its last use, or when it started."""
    reading = SourceReading(NAME, state, since, reason, after.read_at, dict(details), used=since)
    return Evidence(reading, after.as_memory())


def _minutes(span: timedelta) -> str:
    return f"{span // timedelta(minutes=1)} min"
