"""Source `metrics`: working, empty, forbidden, unreachable, slow, stale, malformed; and what is asked."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import to_ms
from bot.errors import BotError, CloudDenied, CloudDown, CloudGarbled, CloudLoginFailed, CloudThrottled
from bot.idle.metrics import Metrics, discover
from bot.idle.metrics_facts import Point, period, points, request, series_count
from bot.idle.ports import Evidence, Malformed
from bot.idle.series import DEFAULT_SERIES, MetricsPolicy
from bot.model import NotebookId
from bot.rules.idle import SourceReading

from .jupyter_answers import MINUTE, NOW, FixedClock, a_subject

POLICY = MetricsPolicy()
CPU, GPU, NETWORK = "ma_container_cpu_util", "ma_container_gpu_util", "ma_container_network_receive_bytes"
Loads = Mapping[tuple[str, str], Mapping[int, str]]  # (notebook, metric) -> minutes ago -> value


def point(at: datetime, value: Any, statistic: str = "maximum") -> dict[str, Any]:
    return {
        "timestamp": str(to_ms(at)),
        "unit": "Percent",
        "statistics": [{"statistic": statistic, "value": value}],
    }


def entry(sample: Any, data_points: list[dict[str, Any]]) -> dict[str, Any]:
    return {"sample": sample, "data_points": data_points}


def sample(notebook: str = "5f0c", metric: str = CPU, *more: dict[str, str]) -> dict[str, Any]:
    dimensions = [*more, {"name": "service_id", "value": notebook}]
    return {"namespace": "PAAS.CONTAINER", "metric_name": metric, "dimensions": dimensions}


def quiet(value: str = "1.2", last: int = 8, first: int = 75) -> dict[int, str]:
    return dict.fromkeys(range(last, first + 1), value)


class FakeAom:
    """Answers samples from `loads` in one namespace, `-1` where there is none; notes every body."""

    def __init__(self, loads: Loads, *, namespace: str = "PAAS.CONTAINER", trouble: BotError | None = None) -> None:
        self.loads, self.namespace, self.trouble = loads, namespace, trouble
        self.bodies: list[Mapping[str, Any]] = []

    async def aom_samples(self, body: Mapping[str, Any]) -> Any:
        self.bodies.append(body)
        if self.trouble:
            raise self.trouble
        minutes = int(body["time_range"].rpartition(".")[2])
        return {"samples": [entry(each, self._points(each, minutes)) for each in body["samples"]]}

    def _points(self, asked: Mapping[str, Any], minutes: int) -> list[dict[str, Any]]:
        load = self.loads.get((asked["dimensions"][0]["value"], asked["metric_name"]), {})
        load = load if asked["namespace"] == self.namespace else {}
        return [point(NOW - ago * MINUTE, load.get(ago, "-1")) for ago in range(minutes, -1, -1)]

    async def aom_series(self, body: Mapping[str, Any]) -> Any:
        self.bodies.append(body)
        if self.trouble:
            raise self.trouble
        asked = body["series"][0]
        known = {metric for _, metric in self.loads} if asked["namespace"] == self.namespace else set()
        found = [sample(metric=asked["metric_name"])] if asked["metric_name"] in known else []
        return {"meta_data": {"count": len(found)}, "series": found}


async def read_all(aom: Any, *subjects: Any, policy: MetricsPolicy = POLICY, **given: Any) -> dict[str, Evidence]:
    return dict(await Metrics(aom, policy, FixedClock(), **given).read(subjects or [a_subject()]))


async def read(aom: Any, *subjects: Any, **given: Any) -> SourceReading:
    return (await read_all(aom, *subjects, **given))["5f0c"].reading


async def test_working() -> None:
    aom = FakeAom({("5f0c", CPU): quiet()})
    told = await read(aom)
    assert (told.source, told.state, told.since) == ("metrics", "idle", NOW - 60 * MINUTE)
    assert aom.bodies == [
        {
            "samples": [
                {
                    "namespace": "PAAS.CONTAINER",
                    "metric_name": name,
                    "dimensions": [{"name": "service_id", "value": "5f0c"}],
                }
                for name in (CPU, NETWORK)
            ],
            "statistics": ["maximum"],
            "period": 60,
            "time_range": "-1.-1.75",
        }
    ]


async def test_working_under_load() -> None:
    told = await read(FakeAom({("5f0c", CPU): quiet() | {20: "63.5"}}))
    assert (told.state, told.reason) == ("active", "CPU was at 63.5 %, 20 min ago")


async def test_network_counts_in_kbit_per_second() -> None:
    loads = {("5f0c", CPU): quiet(), ("5f0c", NETWORK): quiet("200")}
    assert (await read(FakeAom(loads))).state == "idle"
    told = await read(FakeAom(loads | {("5f0c", NETWORK): quiet("200") | {30: "201"}}))
    assert (told.state, told.reason) == ("active", "NETWORK was at 1.61 kbit/s, 30 min ago")


@pytest.mark.parametrize("loads", [{}, {("other", CPU): quiet()}, {("5f0c", CPU): dict.fromkeys(range(76), "-1")}])
async def test_empty_and_fillers_are_no_data(loads: Loads) -> None:
    told = await read(FakeAom(loads))
    assert (told.state, told.reason) == ("unknown", "no CPU measurements")


async def test_no_series_at_all_in_the_answer() -> None:
    class Nothing(FakeAom):
        async def aom_samples(self, body: Mapping[str, Any]) -> Any:
            return {"samples": []}

    assert (await read(Nothing({}))).state == "unknown"


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        pytest.param(CloudDenied(), "the service account may not read metrics (aom:metric:get)", id="forbidden"),
        pytest.param(CloudDown(), "the metrics service does not answer", id="unreachable"),
        pytest.param(CloudThrottled(), "the metrics service asks us to slow down", id="throttled"),
        pytest.param(CloudLoginFailed("secret"), "metrics could not be read (CloudLoginFailed)", id="login"),
        pytest.param(CloudGarbled("html"), "metrics could not be read (CloudGarbled)", id="html"),
    ],
)
async def test_forbidden_unreachable_and_other_failures(trouble: BotError, reason: str) -> None:
    told = await read_all(FakeAom({}, trouble=trouble), a_subject(memory={"namespace": "CUSTOMMETRICS"}))
    assert (told["5f0c"].reading.state, told["5f0c"].reading.reason) == ("unknown", reason)
    assert told["5f0c"].memory == {"namespace": "CUSTOMMETRICS"}


async def test_slow() -> None:
    class Slow(FakeAom):
        async def aom_samples(self, body: Mapping[str, Any]) -> Any:
            await asyncio.Event().wait()

    told = await read(Slow({}), timeout=timedelta(seconds=0.02))
    assert (told.state, told.reason) == ("unknown", "the metrics service did not answer in time")


async def test_stale() -> None:
    told = await read(FakeAom({("5f0c", CPU): quiet(last=16)}))
    assert (told.state, told.reason) == ("unknown", "the newest CPU measurement is 16 min old")


MALFORMED: list[Any] = [
    None,
    [],
    "x",
    {},
    {"samples": None},
    {"samples": [None]},
    {"samples": [{}]},
    {"samples": [{"sample": {}}]},
    {"samples": [entry({"metric_name": CPU}, [])]},
    {"samples": [entry(sample(), [{}])]},
    {"samples": [entry(sample(), [point(NOW, "much")])]},
    {"samples": [entry(sample(), [point(NOW, None)])]},
    {"samples": [entry(sample(), [{**point(NOW, "1"), "timestamp": "now"}])]},
    {"samples": [entry(sample(), [{**point(NOW, "1"), "timestamp": "9" * 30}])]},
    {"error_code": "AOM.04008001", "error_msg": "bad", "error_type": "BAD_REQUEST"},
    {"errorCode": "SVCSTG.AMS.5000", "samples": []},
]


@pytest.mark.parametrize("body", MALFORMED)
async def test_malformed(body: Any) -> None:
    class Odd(FakeAom):
        async def aom_samples(self, asked: Mapping[str, Any]) -> Any:
            return body

    told = await read(Odd({}))
    assert told.state == "unknown"
    assert told.reason.startswith("the metrics service's answer cannot be read")


async def test_odd_points_of_one_notebook_leave_the_others_alone() -> None:
    class Odd(FakeAom):
        async def aom_samples(self, asked: Mapping[str, Any]) -> Any:
            told = await super().aom_samples(asked)
            for each in told["samples"]:
                if {"name": "service_id", "value": "77aa"} in each["sample"]["dimensions"]:
                    each["data_points"] = [point(NOW, "much")]
            return told

    aom = Odd({("5f0c", CPU): quiet(), ("77aa", CPU): quiet()})
    told = await read_all(aom, a_subject(), a_subject(id=NotebookId("77aa")))
    assert (told["5f0c"].reading.state, told["77aa"].reading.state) == ("idle", "unknown")
    assert "cannot be read" in told["77aa"].reading.reason
    assert len(aom.bodies) == 3  # together once, then one by one


async def test_the_next_namespace_is_tried_and_remembered() -> None:
    aom = FakeAom({("5f0c", CPU): quiet()}, namespace="CUSTOMMETRICS")
    first = (await read_all(aom))["5f0c"]
    assert first.reading.state == "idle"
    assert first.memory["namespace"] == "CUSTOMMETRICS"
    assert [body["samples"][0]["namespace"] for body in aom.bodies] == ["PAAS.CONTAINER", "CUSTOMMETRICS"]
    await read_all(aom, a_subject(memory=first.memory))
    assert len(aom.bodies) == 3


@pytest.mark.parametrize(
    ("category", "asked"),
    [("CPU", [CPU, NETWORK]), ("GPU", [CPU, GPU, NETWORK]), ("ASCEND", [CPU, "ma_container_npu_util", NETWORK])],
)
async def test_what_is_asked_follows_the_category(category: str, asked: list[str]) -> None:
    aom = FakeAom({("5f0c", name): quiet("0") for name in asked})
    assert (await read(aom, a_subject(category=category))).state == "idle"
    assert [each["metric_name"] for each in aom.bodies[0]["samples"]] == asked


async def test_many_notebooks_share_requests_of_at_most_twenty_series() -> None:
    subjects = [a_subject(id=NotebookId(f"n{number}")) for number in range(101)]
    aom = FakeAom({(f"n{number}", CPU): quiet() for number in range(100)})
    told = await read_all(aom, *subjects)
    assert {told[f"n{number}"].reading.state for number in range(100)} == {"idle"}
    assert told["n100"].reading.state == "unknown"
    assert max(len(body["samples"]) for body in aom.bodies) == 20
    assert len(aom.bodies) == 11 + 1  # ten notebooks in each, and the silent one again in the second namespace


async def test_a_failed_request_fails_only_the_notebooks_in_it() -> None:
    class Once(FakeAom):
        async def aom_samples(self, body: Mapping[str, Any]) -> Any:
            if body["samples"][0]["dimensions"][0]["value"] == "n0":
                raise CloudDown
            return await super().aom_samples(body)

    subjects = [a_subject(id=NotebookId(f"n{number}")) for number in range(20)]
    told = await read_all(Once({(f"n{number}", CPU): quiet() for number in range(20)}), *subjects)
    states = [told[f"n{number}"].reading.state for number in range(20)]
    assert states == ["unknown"] * 10 + ["idle"] * 10


async def test_different_windows_are_asked_apart() -> None:
    aom = FakeAom({("a", CPU): quiet(), ("b", CPU): quiet()})
    short, usual = a_subject(id=NotebookId("a"), idle_after=30 * MINUTE), a_subject(id=NotebookId("b"))
    told = await read_all(aom, usual, short)
    assert [body["time_range"] for body in aom.bodies] == ["-1.-1.45", "-1.-1.75"]
    assert told["a"].reading.since == NOW - 38 * MINUTE


def test_of_several_accelerators_the_busiest_counts() -> None:
    cards = [
        entry(sample("5f0c", GPU, {"name": "gpu_id", "value": card}), [point(NOW, value)])
        for card, value in (("0", "0"), ("1", "88"), ("2", "-1"))
    ]
    assert points({"samples": cards}, POLICY) == {(GPU, ("5f0c",)): (Point(NOW, 88.0),)}


@pytest.mark.parametrize("value", ["-1", "-1.0", -1, "NaN", "-0.5"])
def test_fillers_are_no_points(value: Any) -> None:
    assert points({"samples": [entry(sample(), [point(NOW, value)])]}, POLICY) == {(CPU, ("5f0c",)): ()}


@pytest.mark.parametrize(("value", "read_as"), [("3.2", 3.2), (3.2, 3.2), ("0", 0.0), ("1e2", 100.0), (7, 7.0)])
def test_values_come_as_text_or_number(value: Any, read_as: float) -> None:
    assert points({"samples": [entry(sample(), [point(NOW, value)])]}, POLICY)[CPU, ("5f0c",)][0].value == read_as


def test_only_the_statistic_that_was_asked_for_counts() -> None:
    body = {"samples": [entry(sample(), [point(NOW, "90", "sum")])]}
    assert points(body, POLICY) == {(CPU, ("5f0c",)): ()}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda sub: (
        st.lists(sub)
        | st.dictionaries(
            st.sampled_from(
                ["samples", "sample", "data_points", "dimensions", "name", "value", "statistics", "timestamp"],
            ),
            sub,
        )
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_json_is_read_or_refused_and_never_breaks(body: Any) -> None:
    for parse in (points, series_count):
        reader: Callable[[Any, MetricsPolicy], Any] = parse
        try:
            read = reader(body, POLICY)
        except Malformed as error:
            read = str(error)
        assert isinstance(read, Mapping | tuple) or (isinstance(read, str) and read)


@pytest.mark.parametrize(("hours", "seconds"), [(1, 60), (24, 60), (25, 300), (24 * 5, 300), (24 * 6, 900)])
def test_long_windows_are_asked_in_wider_steps(hours: int, seconds: int) -> None:
    window = timedelta(hours=hours)
    assert period(POLICY, window) == timedelta(seconds=seconds)
    assert request([], POLICY, window)["period"] == seconds


async def test_discovery_tells_which_series_exist() -> None:
    found = await discover(FakeAom({("5f0c", CPU): {}}, namespace="CUSTOMMETRICS"), POLICY)
    assert [(each.kind, each.namespace) for each in found if each.selectable] == [("cpu", "CUSTOMMETRICS")]
    assert len(found) == 8


async def test_discovery_never_raises() -> None:
    found = await discover(FakeAom({}, trouble=CloudDenied()), POLICY)
    assert {each.failure for each in found} == {"the service account may not read metrics (aom:metric:get)"}


async def test_names_selector_and_limits_are_settings() -> None:
    cpu, *rest, network = DEFAULT_SERIES
    policy = MetricsPolicy(
        (replace(cpu, name="cpu", limit=20.0), *rest, replace(network, name="")),
        ("OWN",), {"job": "nb-{notebook}"}, "average", timedelta(minutes=5),
    )  # fmt: skip

    class Own(FakeAom):
        async def aom_samples(self, body: Mapping[str, Any]) -> Any:
            self.bodies.append(body)
            loads = [point(NOW - ago * MINUTE, "19", "average") for ago in range(75, 4, -5)]
            return {"samples": [entry(each, loads) for each in body["samples"]]}

    aom = Own({})
    assert (await read(aom, policy=policy)).state == "idle"
    asked = {"namespace": "OWN", "metric_name": "cpu", "dimensions": [{"name": "job", "value": "nb-5f0c"}]}
    assert aom.bodies == [{"samples": [asked], "statistics": ["average"], "period": 300, "time_range": "-1.-1.75"}]


class Apart(FakeAom):
    """Each series in a namespace of its own."""

    def __init__(self, loads: Loads, places: Mapping[str, str]) -> None:
        super().__init__(loads)
        self.places = places

    def _points(self, asked: Mapping[str, Any], minutes: int) -> list[dict[str, Any]]:
        self.namespace = self.places[asked["metric_name"]]
        return super()._points(asked, minutes)


async def test_load_in_another_namespace_than_the_needed_series_vetoes() -> None:
    """In the first reading, where both namespaces are asked, and in the next, where it is known which to ask."""
    loads = {("5f0c", CPU): quiet(), ("5f0c", NETWORK): quiet("99999")}
    aom = Apart(loads, {CPU: "CUSTOMMETRICS", NETWORK: "PAAS.CONTAINER"})
    first = (await read_all(aom))["5f0c"]
    assert first.reading.state == "active"
    again = (await read_all(aom, a_subject(memory=first.memory)))["5f0c"]
    assert again.reading.state == "active"
    assert len(aom.bodies) == 3


async def test_a_series_that_has_moved_to_another_namespace_is_found_again() -> None:
    loads = {("5f0c", CPU): quiet()}
    first = (await read_all(FakeAom(loads)))["5f0c"]
    moved = FakeAom(loads, namespace="CUSTOMMETRICS")
    assert (await read_all(moved, a_subject(memory=first.memory)))["5f0c"].reading.state == "idle"


async def test_a_series_with_a_gap_is_asked_for_where_it_was_before() -> None:
    """Once without points, load that another namespace tells of vetoes again as soon as there are any."""
    loads = {("5f0c", CPU): quiet(), ("5f0c", NETWORK): quiet("99999")}
    aom = Apart(loads, {CPU: "CUSTOMMETRICS", NETWORK: "PAAS.CONTAINER"})
    first = (await read_all(aom))["5f0c"]
    aom.loads = {("5f0c", CPU): quiet()}
    gap = (await read_all(aom, a_subject(memory=first.memory)))["5f0c"]
    aom.loads = loads
    again = (await read_all(aom, a_subject(memory=gap.memory)))["5f0c"]
    assert (gap.reading.state, again.reading.state) == ("idle", "active")


def test_a_dimension_whose_name_is_no_text_hides_no_other() -> None:
    told = sample()
    told["dimensions"].insert(0, {"name": ["service_id"], "value": 7})
    body = {"samples": [entry(told, [point(NOW, "1.5")])]}
    assert points(body, POLICY) == {(CPU, ("5f0c",)): (Point(NOW, 1.5),)}
    assert series_count({"series": [told]}, POLICY) == (1, 1)
