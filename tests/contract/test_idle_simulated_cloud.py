"""Both sources against the simulated cloud over HTTP, and what the rules make of them, as time passes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import httpx
import pytest

from bot.clock import from_ms
from bot.cloud.auth import TokenSession
from bot.cloud.line import Line, ServerClock
from bot.cloud.pace import Pace
from bot.cloud.sending import Patience, Sender
from bot.idle.aom import HttpAom
from bot.idle.fetch import Fetcher, notebook_client
from bot.idle.jupyter import Jupyter
from bot.idle.metrics import Metrics, discover
from bot.idle.poll import next_poll
from bot.idle.ports import Evidence, Memory, Source, Subject
from bot.idle.samples import Sample, decode, encode
from bot.idle.series import MetricsPolicy
from bot.model import Endpoint, Notebook, NotebookId, PasswordCredentials, Status
from bot.rules.idle import Verdict, combine
from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import SimCloud
from deploy.sandbox.server import LocalServer
from tests.contract.simcloud.driver import CREATE, HOUR, MINUTE, C, Driver

IDLE_AFTER = timedelta(hours=1)
A_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Limits:
    idle_after: timedelta = IDLE_AFTER
    idle_fresh: timedelta = timedelta(minutes=15)
    idle_blind: bool = False
    idle_sources: tuple[str, ...] = ("jupyter", "metrics")


@dataclass
class Watch:
    """One running notebook, read by both sources as a pass would, everything kept as JSON in between."""

    api: Driver
    id: str
    endpoint: Endpoint
    sources: tuple[Source, ...]
    aom: HttpAom
    kept: dict[str, object] = field(default_factory=dict)
    verdict: Verdict | None = None

    async def read(self, **limits: object) -> Verdict:
        """Read, store, combine."""
        readings = []
        for source in self.sources:
            evidence = await self.evidence(source)
            self.kept[source.name] = encode(Sample(self.now, evidence.reading, evidence.memory))
            readings.append(evidence.reading)
        self.verdict = combine(self.now, readings, replace(Limits(), **limits), self.verdict)
        return self.verdict

    async def evidence(self, source: Source) -> Evidence:
        stored = decode(self.kept.get(source.name))
        subject = await self.subject(stored.memory if stored else {})
        return (await source.read([subject]))[subject.notebook.id]

    async def subject(self, memory: Memory) -> Subject:
        told = (await self.api.call("GET", f"/notebooks/{self.id}")).json()
        notebook = Notebook(NotebookId(self.id), "exp", Status.RUNNING, url=told["url"], token=told["token"])
        return Subject(notebook, self.endpoint, "CPU", from_ms(told["update_at"]), IDLE_AFTER, memory=memory)

    async def until_idle(self, at_most: timedelta) -> datetime | None:
        """Reads when it is due until the verdict is idle; None if it is not in time."""
        end = self.now + at_most
        while (told := await self.read()).state != "idle":
            quiet = max((each.since for each in told.readings if each.since), default=None)
            due = next_poll(self.now, IDLE_AFTER, idle_since=quiet, confirm=told.wants_confirmation)
            if due > end:
                return None
            self.api.clock.set_ms(int(due.timestamp() * 1000))
        return self.now

    @property
    def now(self) -> datetime:
        return self.api.clock.now()


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    clock = SimClock(C, running=False)
    cloud = SimCloud(clock)
    cloud.seed_default()
    async with (
        LocalServer(cloud.app) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
        notebook_client() as notebooks,
    ):
        api = Driver(cloud, clock, http)
        made = (await api.call("POST", "/notebooks", json={**CREATE, "duration": 72 * HOUR})).json()
        api.push(5 * MINUTE)
        endpoint = Endpoint(
            "sandbox",
            "otc",
            "eu-de",
            server.url,
            server.url,
            server.url,
            "eu-de",
            notebook_hosts=("127.0.0.1",),
        )
        aom = an_aom(endpoint, http, clock, api)
        sources = (Jupyter(Fetcher(notebooks), clock), Metrics(aom, MetricsPolicy(), clock))
        yield Watch(api, made["id"], endpoint, sources, aom)


def an_aom(endpoint: Endpoint, http: httpx.AsyncClient, clock: SimClock, api: Driver) -> HttpAom:
    pace = Pace()
    sender = Sender(http, clock, pace, lambda: 0.0, Patience(budget=2, attempts=1))
    account = PasswordCredentials(api.cloud.identity.domain, "ana", "sandbox-ana")
    theirs = ServerClock(clock)
    session = TokenSession(endpoint, account, sender, Line("sandbox", 100, theirs, pace), clock)
    return HttpAom(endpoint, session, sender, Line("sandbox metrics", 100, theirs, pace))


@pytest.mark.parametrize("lag", [0, 2, 5, 10])
async def test_a_quiet_notebook_is_idle_when_its_time_is_up_and_not_before(watch: Watch, lag: int) -> None:
    watch.api.cloud.settings.metrics_lag_ms = lag * MINUTE
    started = (await watch.subject({})).running_since
    found = await watch.until_idle(timedelta(hours=2))
    assert found is not None
    assert started + IDLE_AFTER <= found <= started + IDLE_AFTER + 3 * A_MINUTE


async def test_after_work_it_is_idle_one_idle_after_later(watch: Watch) -> None:
    api = watch.api
    api.cloud.set_activity(watch.id, cpu=60)
    kernel = api.cloud.jupyter(watch.id).set_kernel("busy", api.clock.now_ms())
    api.push(2 * HOUR)
    assert (await watch.read()).state == "active"
    ended = api.clock.now_ms()
    api.cloud.set_activity(watch.id, cpu=1)
    api.cloud.jupyter(watch.id).set_kernel("idle", ended, kernel_id=kernel.id)
    found = await watch.until_idle(timedelta(hours=2))
    assert found is not None
    assert from_ms(ended) + IDLE_AFTER <= found <= from_ms(ended) + IDLE_AFTER + 4 * A_MINUTE
    assert watch.verdict is not None
    assert watch.verdict.idle_since is not None
    assert abs(watch.verdict.idle_since - from_ms(ended)) <= 2 * A_MINUTE


async def test_idle_since_stays_while_nothing_happens_and_an_open_tab_polls(watch: Watch) -> None:
    watch.api.cloud.jupyter(watch.id).set_kernel("idle", watch.api.clock.now_ms())
    watch.api.cloud.jupyter(watch.id).tab_open = True
    assert await watch.until_idle(timedelta(hours=2)) is not None
    told = []
    for _ in range(12):
        watch.api.push(10 * MINUTE)
        told.append(await watch.read())
    assert {each.state for each in told} == {"idle"}
    assert len({each.idle_since for each in told}) == 1


async def test_our_reading_counts_as_no_activity(watch: Watch) -> None:
    for _ in range(3):
        await watch.read()
    state = watch.api.cloud.jupyter(watch.id)
    assert (state.tracked_calls, state.untracked_calls) == (0, 15)


@pytest.mark.parametrize("load", [{"cpu": 60.0}, {"network": 3.0}])
async def test_work_that_only_metrics_see_vetoes(watch: Watch, load: dict[str, float]) -> None:
    watch.api.cloud.set_activity(watch.id, **load)
    assert await watch.until_idle(timedelta(hours=5)) is None


async def test_work_that_only_jupyter_sees_vetoes(watch: Watch) -> None:
    watch.api.cloud.jupyter(watch.id).set_kernel("busy", watch.api.clock.now_ms())
    assert await watch.until_idle(timedelta(hours=5)) is None


async def test_a_collector_that_is_down_makes_it_unknown(watch: Watch) -> None:
    now = watch.api.clock.now_ms()
    watch.api.cloud.set_gap(watch.id, now, now + 9 * HOUR)
    assert await watch.until_idle(timedelta(hours=5)) is None
    assert watch.verdict is not None
    assert watch.verdict.state == "unknown"
    assert watch.verdict.reason.startswith("metrics: ")


async def test_a_gap_of_a_fifth_is_too_much_and_heals(watch: Watch) -> None:
    watch.api.push(2 * HOUR)
    now = watch.api.clock.now_ms()
    watch.api.cloud.set_gap(watch.id, now - 40 * MINUTE, now - 20 * MINUTE)
    assert "of the CPU measurements" in (await watch.read()).reason
    watch.api.push(50 * MINUTE)
    assert await watch.until_idle(timedelta(minutes=10)) is not None


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("404", "the notebook has no such page"),
        ("503", "the notebook answered 503"),
        ("500", "the notebook answered 500"),
        ("html", "something that is not JSON"),
        ("garbage", "is not JSON"),
        ("login", "sends us to a login page"),
    ],
)
async def test_jupyter_in_trouble_is_unknown(watch: Watch, trouble: str, reason: str) -> None:
    watch.api.cloud.jupyter(watch.id).trouble = trouble  # type: ignore[assignment]
    read = (await watch.evidence(watch.sources[0])).reading
    assert read.state == "unknown"
    assert reason in read.reason


async def test_metrics_out_of_service_or_forbidden_are_unknown(watch: Watch) -> None:
    metrics = watch.sources[1]
    watch.api.cloud.settings.metrics_down = True
    read = (await watch.evidence(metrics)).reading
    assert (read.state, read.reason) == ("unknown", "the metrics service does not answer")
    watch.api.cloud.settings.metrics_down = False
    watch.api.cloud.identity.users["ana"].rights -= {"aom:metric:get"}
    read = (await watch.evidence(metrics)).reading
    assert (read.state, read.reason) == ("unknown", "the service account may not read metrics (aom:metric:get)")


async def test_the_series_are_found(watch: Watch) -> None:
    found = {each.kind for each in await discover(watch.aom, MetricsPolicy()) if each.selectable}
    assert found == {"cpu", "network"}
