"""How evidence of idleness is combined (contract 1). Unknown is never idle, and any sign of life wins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from bot.clock import from_ms, to_ms

State = Literal["active", "idle", "unknown"]
METRICS = "metrics"
NEEDED_IN_A_ROW = 2
UNKNOWN_LEAST = timedelta(hours=6)  # not knowing for less is no reason for an alert
UNKNOWN_SPANS = 4  # of idle_after
SAME_SPELL = timedelta(minutes=1)  # what is told of one and the same use may differ by less than this
CLOCKS = timedelta(minutes=2)  # sources judge by the host's clock, we by the cloud's


@dataclass(frozen=True, slots=True)
class SourceReading:
    """What one source says of one notebook.

    `since`: idle - quiet from then on (it may be younger than `idle_after`: compare); active - its last known use.
    `newest`: the newest thing the source knows, for freshness; None if unknown.
    `used`: the last use it knows of, or the start where there was none; None where `since` is only how far back it saw.
    `details`: for people; `blind` names, comma-joined, what this source cannot see here (terminals, ssh, old_server).
    """

    source: str
    state: State
    since: datetime | None
    reason: str
    newest: datetime | None
    details: Mapping[str, str] = field(default_factory=dict)
    used: datetime | None = None


class IdlePolicy(Protocol):
    """What of the effective policy counts here."""

    @property
    def idle_after(self) -> timedelta: ...
    @property
    def idle_fresh(self) -> timedelta: ...
    @property
    def idle_blind(self) -> bool: ...
    @property
    def idle_sources(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all sources together say. Kept between passes: it is also the memory of the two results in a row.

    `idle_since` and `found_at` (when it was first believed) are set only while the state is idle.
    """

    state: State
    idle_since: datetime | None
    reason: str
    readings: tuple[SourceReading, ...] = ()
    found_at: datetime | None = None
    in_a_row: int = 0  # idle results so far; results from the same samples count once
    counted: Mapping[str, datetime] = field(default_factory=dict)  # source -> newest sample of the last one counted
    spell: datetime | None = None  # where the present quiet began; survives an unknown, ends with activity

    @property
    def last_use(self) -> datetime | None:
        """The last use that any source knows of."""
        return _last_use(self.readings)

    @property
    def wants_confirmation(self) -> bool:
        """One idle result is there and the second is awaited: read again soon."""
        return self.in_a_row == 1


def combine(
    now: datetime, readings: Iterable[SourceReading], policy: IdlePolicy, previous: Verdict | None = None
) -> Verdict:
    """One verdict from each source's last reading. `previous` is this run's last verdict, None after a start."""
    told = tuple(readings)
    if busy := _alive(now, told, policy):
        return Verdict("active", None, f"{busy.source}: {busy.reason}", told)
    spell, used = _spell(told, previous), _last_use(told)
    if doubt := _doubt(now, told, policy):
        return Verdict("unknown", None, doubt, told, spell=spell)
    if used is not None and now - used < policy.idle_after:
        said = f"quiet for {_minutes(now - used)}, less than {_minutes(policy.idle_after)}"
        return Verdict("active", None, said, told)
    agreeing = _agreeing(now, told, policy)
    since = max(reading.since for reading in agreeing if reading.since is not None)
    if now - since < policy.idle_after - CLOCKS:
        said = f"seen quiet for {_minutes(now - since)} only, less than {_minutes(policy.idle_after)}"
        return Verdict("unknown", None, said, told, spell=spell)
    return _idle(now, spell or since, told, agreeing, previous)


def _last_use(told: tuple[SourceReading, ...]) -> datetime | None:
    return max((reading.used for reading in told if reading.used is not None), default=None)


def _spell(told: tuple[SourceReading, ...], previous: Verdict | None) -> datetime | None:
    """Where the quiet that goes on began; None if there was a use since, or none is known.

    Not knowing ends nothing, nor does a source that sees less far back than another did: however seldom somebody
    looks, one spell is warned of once.
    """
    spell, used = previous.spell if previous else None, _last_use(told)
    return None if spell is not None and used is not None and used > spell + SAME_SPELL else spell


def unknown_too_long(idle_after: timedelta) -> timedelta:
    """For how long it may not be told whether a notebook is idle before an admin hears of it."""
    return max(UNKNOWN_LEAST, UNKNOWN_SPANS * idle_after)


def _alive(now: datetime, told: tuple[SourceReading, ...], policy: IdlePolicy) -> SourceReading | None:
    """A reading that shows use: fresh, or (whatever its age) use within `idle_after`."""
    for reading in told:
        lately = reading.since is not None and now - reading.since < policy.idle_after
        if reading.state == "active" and (lately or _fresh(now, reading, policy)):
            return reading
    return None


def _fresh(now: datetime, reading: SourceReading, policy: IdlePolicy) -> bool:
    return reading.newest is not None and now - reading.newest <= policy.idle_fresh


def _agrees(now: datetime, reading: SourceReading, policy: IdlePolicy) -> bool:
    return reading.state == "idle" and reading.since is not None and _fresh(now, reading, policy)


def _agreeing(now: datetime, told: tuple[SourceReading, ...], policy: IdlePolicy) -> list[SourceReading]:
    return [reading for reading in told if _agrees(now, reading, policy)]


def _doubt(now: datetime, told: tuple[SourceReading, ...], policy: IdlePolicy) -> str:
    """Why it cannot be told; empty if every source that is needed says idle."""
    by_source = {reading.source: reading for reading in told}
    agreeing = {reading.source for reading in _agreeing(now, told, policy)}
    needed = [*policy.idle_sources, *({METRICS} - {*policy.idle_sources})]
    for source in needed:
        if source not in agreeing and not (source == METRICS and policy.idle_blind):
            return _why_not(now, source, by_source.get(source), policy)
    if not agreeing:
        return "no source answered"
    if METRICS not in agreeing:
        return _blind_spot(told)
    return ""


def _why_not(now: datetime, source: str, reading: SourceReading | None, policy: IdlePolicy) -> str:
    if reading is None:
        return f"{source}: no reading yet" if source in policy.idle_sources else f"{source}: not asked (idle_sources)"
    if reading.state == "unknown" or reading.newest is None or reading.since is None:
        return f"{source}: {reading.reason}"
    return f"{source}: the newest sample is {_minutes(now - reading.newest)} old"


def _blind_spot(told: tuple[SourceReading, ...]) -> str:
    """Without metrics there must be nothing that a source cannot see into."""
    for reading in told:
        if blind := reading.details.get("blind"):
            return f"{reading.source}: cannot see into {blind.replace(',', ', ')} without metrics"
    return ""


def _idle(
    now: datetime,
    spell: datetime,
    told: tuple[SourceReading, ...],
    agreeing: list[SourceReading],
    previous: Verdict | None,
) -> Verdict:
    before = previous if previous and previous.in_a_row and previous.spell == spell else None
    newest = {reading.source: reading.newest for reading in agreeing if reading.newest is not None}
    fresh_result = before is None or all(at > before.counted.get(source, _NEVER) for source, at in newest.items())
    in_a_row = min(NEEDED_IN_A_ROW, (before.in_a_row if before else 0) + fresh_result)
    counted = newest if fresh_result or before is None else before.counted
    reason = "; ".join(f"{reading.source}: {reading.reason}" for reading in agreeing)
    if in_a_row < NEEDED_IN_A_ROW:
        return Verdict("unknown", None, f"idle once, a second look is due ({reason})", told, None, 1, counted, spell)
    found_at = (before.found_at if before else None) or now
    return Verdict("idle", spell, reason, told, found_at, in_a_row, counted, spell)


_NEVER = from_ms(0)


def _minutes(span: timedelta) -> str:
    return f"{span // timedelta(minutes=1)} min"


# --- kept as JSON ------------------------------------------------------------------------------


def encode(verdict: Verdict) -> dict[str, object]:
    """A verdict as JSON: instants in ms."""
    return {
        "state": verdict.state,
        "idle_since": _ms(verdict.idle_since),
        "reason": verdict.reason,
        "readings": [
            {
                "source": each.source,
                "state": each.state,
                "since": _ms(each.since),
                "reason": each.reason,
                "newest": _ms(each.newest),
                "details": dict(each.details),
                "used": _ms(each.used),
            }
            for each in verdict.readings
        ],
        "found_at": _ms(verdict.found_at),
        "in_a_row": verdict.in_a_row,
        "counted": {source: to_ms(at) for source, at in verdict.counted.items()},
        "spell": _ms(verdict.spell),
    }


def decode(data: object) -> Verdict | None:
    """The verdict back; None for what cannot be read: then two new results are needed."""
    try:
        return _decoded(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _decoded(data: object) -> Verdict:
    if not isinstance(data, dict):
        raise TypeError("not a verdict")
    readings = tuple(
        SourceReading(
            str(each["source"]), _state(each["state"]), _at(each["since"]), str(each["reason"]), _at(each["newest"]),
            {str(name): str(text) for name, text in each["details"].items()}, _at(each.get("used")),
        )
        for each in data["readings"]
    )  # fmt: skip
    counted = {str(source): from_ms(int(at)) for source, at in data["counted"].items()}
    return Verdict(
        _state(data["state"]), _at(data["idle_since"]), str(data["reason"]), readings, _at(data["found_at"]),
        int(data["in_a_row"]), counted, _at(data["spell"]),
    )  # fmt: skip


def _state(word: object) -> State:
    for state in ("active", "idle", "unknown"):
        if word == state:
            return state
    raise ValueError(f"not a state: {word}")


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def _at(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
