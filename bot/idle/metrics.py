"""Source `metrics`: load as the platform measures it, many notebooks in one request."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.clock import Clock
from bot.errors import BotError, CloudDenied, CloudDown, CloudThrottled
from bot.idle.metrics_facts import AT_MOST, Key, Point, Question, key, period, points, request, series_count
from bot.idle.metrics_verdict import NAME, Measured, cannot_tell, judge, look_back
from bot.idle.ports import Aom, Evidence, Malformed, Subject
from bot.idle.series import MetricsPolicy, Series
from bot.model import NotebookId

TIMEOUT = timedelta(seconds=30)
AT_ONCE = 4  # requests under way at the same time

_DENIED = "the service account may not read metrics (aom:metric:get)"


@dataclass(slots=True)
class _Asked:
    """What is known so far of one notebook's measurements."""

    subject: Subject
    series: tuple[Series, ...]
    window: timedelta
    namespaces: list[str]  # still to be tried, best first
    namespace: str = ""
    where: dict[str, str] = field(default_factory=dict)  # kind -> the namespace that had points of it
    points: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    failure: str = ""

    @property
    def answered(self) -> bool:
        """Something needed has a point, so this is the namespace."""
        return any(self.points.get(each.kind) for each in self.series if each.needed_by)


class Metrics:
    """CPU, accelerators and network of notebooks, from AOM's container metrics.

    The service lags by 5 to 10 minutes. Source: AOM API reference; API digest 17.3.
    """

    name = NAME

    def __init__(
        self,
        aom: Aom,
        policy: MetricsPolicy,
        clock: Clock,
        *,
        timeout: timedelta = TIMEOUT,
        at_once: int = AT_ONCE,
    ) -> None:
        self._aom, self._policy, self._clock = aom, policy, clock
        self._timeout, self._slots = timeout, asyncio.Semaphore(at_once)

    async def read(self, subjects: Sequence[Subject]) -> Mapping[NotebookId, Evidence]:
        """One reading for each subject; a failure is an unknown reading with its reason."""
        asked = [self._asked(subject) for subject in subjects]
        waiting = asked
        while waiting := [each for each in waiting if each.namespaces and not each.answered and not each.failure]:
            for each in waiting:
                each.namespace = each.namespaces.pop(0)
            await asyncio.gather(*(self._ask(group) for group in self._groups(waiting)))
        return {each.subject.notebook.id: self._evidence(each) for each in asked}

    def _asked(self, subject: Subject) -> _Asked:
        known = subject.memory.get("namespace")
        first = [known] if known in self._policy.namespaces else []
        order = first + [each for each in self._policy.namespaces if each not in first]
        window = look_back(subject, self._clock.now())
        return _Asked(subject, self._policy.asked(subject.category), window, order, where=self._where(subject))

    def _groups(self, waiting: Sequence[_Asked]) -> list[list[_Asked]]:
        """Notebooks that fit into one request: the same window, at most `AT_MOST` series."""
        groups: list[list[_Asked]] = []
        for each in sorted(waiting, key=lambda asked: asked.window):
            fits = bool(groups) and groups[-1][0].window == each.window
            if fits and sum(len(other.series) for other in groups[-1]) + len(each.series) <= AT_MOST:
                groups[-1].append(each)
            else:
                groups.append([each])
        return groups

    async def _ask(self, group: Sequence[_Asked]) -> None:
        found: Mapping[Key, tuple[Point, ...]] = {}
        failure, apart = "", False
        questions = [
            Question(each.subject.notebook.id, series, each.where.get(series.kind, each.namespace))
            for each in group
            for series in each.series
        ]
        try:
            async with self._slots, asyncio.timeout(self._timeout.total_seconds()):
                found = points(
                    await self._aom.aom_samples(request(questions, self._policy, group[0].window)), self._policy
                )
        except (TimeoutError, BotError, Malformed) as error:
            failure = why(error)
            apart = isinstance(error, Malformed) and len(group) > 1
        if apart:  # one notebook's odd points are no reason to know nothing of the others
            await asyncio.gather(*(self._ask([each]) for each in group))
            return
        for each in group:
            each.failure = failure
            for series in each.series:
                if new := self._scaled(series, found.get(self._key(series, each.subject), ())):
                    each.where.setdefault(series.kind, each.namespace)
                    each.points[series.kind] = new  # what another namespace has told vetoes all the same
                elif series.kind not in each.points:
                    each.where.pop(series.kind, None)  # it may have moved

    def _evidence(self, asked: _Asked) -> Evidence:
        subject = asked.subject
        if asked.failure:
            return cannot_tell(asked.failure, subject.memory)
        measured = [Measured(each, asked.points.get(each.kind, ())) for each in asked.series]
        evidence = judge(measured, period(self._policy, asked.window), subject, self._clock.now())
        if not asked.answered:
            return evidence
        where = {**self._where(subject), **asked.where}  # what has no points just now is asked for where it was
        return Evidence(evidence.reading, {**evidence.memory, "namespace": asked.namespace, "where": where})

    def _where(self, subject: Subject) -> dict[str, str]:
        where = subject.memory.get("where")
        known = where if isinstance(where, dict) else {}
        return {kind: name for kind, name in known.items() if name in self._policy.namespaces}

    def _key(self, series: Series, subject: Subject) -> Key:
        return key(series.name, self._policy, subject.notebook.id)

    @staticmethod
    def _scaled(series: Series, raw: tuple[Point, ...]) -> tuple[Point, ...]:
        if series.scale == 1:
            return raw
        return tuple(Point(each.at, each.value * series.scale) for each in raw)


def why(error: Exception) -> str:
    """The failure in a few words; nothing of the service's own text, which may repeat what we sent."""
    match error:
        case CloudDenied():
            return _DENIED
        case CloudThrottled():
            return "the metrics service asks us to slow down"
        case TimeoutError():
            return "the metrics service did not answer in time"
        case CloudDown():
            return "the metrics service does not answer"
        case Malformed():
            return f"the metrics service's answer cannot be read ({error})"
    return f"metrics could not be read ({type(error).__name__})"


@dataclass(frozen=True, slots=True)
class Found:
    """Whether one series exists in the project at all: what `check` prints."""

    kind: str
    metric: str
    namespace: str
    series: int
    selectable: int  # of them, how many carry the selector's dimensions
    failure: str = ""


async def discover(aom: Aom, policy: MetricsPolicy) -> tuple[Found, ...]:
    """Looks for each configured series in each namespace. Never raises for what the service does."""
    return tuple(
        [
            await _find(aom, policy, series, space)
            for series in policy.series
            if series.name
            for space in policy.namespaces
        ]
    )


async def _find(aom: Aom, policy: MetricsPolicy, series: Series, namespace: str) -> Found:
    body = {"series": [{"namespace": namespace, "metric_name": series.name}]}
    try:
        async with asyncio.timeout(TIMEOUT.total_seconds()):
            count, selectable = series_count(await aom.aom_series(body), policy)
    except (TimeoutError, BotError, Malformed) as error:
        return Found(series.kind, series.name, namespace, 0, 0, why(error))
    return Found(series.kind, series.name, namespace, count, selectable)
