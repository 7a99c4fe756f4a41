"""AOM: what the collector saw, late, with gaps and fillers."""

from typing import Any

import pytest

from tests.contract.simcloud.driver import HOUR, MINUTE, Driver

CPU, GPU = "ma_container_cpu_util", "ma_container_gpu_util"


def question(notebook_id: str, *metrics: str, **changes: Any) -> dict[str, Any]:
    one = {"namespace": "PAAS.CONTAINER", "dimensions": [{"name": "service_id", "value": notebook_id}]}
    samples = [{**one, "metric_name": metric} for metric in metrics or (CPU,)]
    return {"samples": samples, "statistics": ["maximum"], "period": 60, "time_range": "-1.-1.60", **changes}


async def ask(api: Driver, body: dict[str, Any], **query: str) -> list[list[dict[str, Any]]]:
    reply = await api.ok("POST", f"/v2/{api.project}/samples", json=body, params=query)
    assert [sample["sample"] for sample in reply["samples"]] == body["samples"]
    return [sample["data_points"] for sample in reply["samples"]]


def values(points: list[dict[str, Any]]) -> list[str]:
    return [point["statistics"][0]["value"] for point in points]


async def test_values_and_times_are_text(api: Driver) -> None:
    notebook_id = await api.running(lease={"duration": 8 * HOUR})
    api.cloud.set_activity(notebook_id, cpu=42.5)
    api.push(2 * HOUR)
    (points,) = await ask(api, question(notebook_id))
    known = [point for point in points if point["statistics"][0]["value"] != "-1"]
    assert known[-1]["statistics"] == [{"statistic": "maximum", "value": "42.5"}]
    assert known[-1]["unit"] == "Percent"
    assert int(known[-1]["timestamp"]) % MINUTE == 0
    assert isinstance(known[-1]["timestamp"], str)
    assert len(points) in {60, 61}


async def test_the_newest_are_not_there_yet(api: Driver) -> None:
    api.cloud.settings.metrics_lag_ms = 5 * MINUTE
    notebook_id = await api.running(lease={"duration": 8 * HOUR})
    api.push(2 * HOUR)
    (points,) = await ask(api, question(notebook_id), fill_value="null")
    newest = int(points[-1]["timestamp"])
    assert 5 * MINUTE <= api.clock.now_ms() - newest < 6 * MINUTE


async def test_gaps_are_filled_with_minus_one_or_left_out(api: Driver) -> None:
    notebook_id = await api.running(lease={"duration": 8 * HOUR})
    api.push(2 * HOUR)
    now = api.clock.now_ms()
    api.cloud.set_gap(notebook_id, now - 30 * MINUTE, now - 20 * MINUTE)
    (filled,) = await ask(api, question(notebook_id))
    (bare,) = await ask(api, question(notebook_id), fill_value="null")
    gap = [p for p in filled if now - 30 * MINUTE <= int(p["timestamp"]) < now - 20 * MINUTE]
    assert values(gap) == ["-1"] * 10
    assert "-1" not in values(bare)
    assert len(bare) == len(filled) - values(filled).count("-1")


async def test_nothing_is_measured_while_it_does_not_run(api: Driver) -> None:
    notebook_id = await api.running()
    api.push(10 * MINUTE)
    await api.ok("POST", f"/notebooks/{notebook_id}/stop")
    api.push(2 * HOUR)
    (points,) = await ask(api, question(notebook_id))
    assert set(values(points)) == {"-1"}
    never = await api.create()
    assert await ask(api, question(never)) == [[]]


async def test_periods_gather_minutes(api: Driver) -> None:
    notebook_id = await api.running(lease={"duration": 8 * HOUR})
    api.clock.set_ms(1_687_662_000_000)  # a full hour
    for minute in range(5):
        api.cloud.set_activity(notebook_id, cpu=minute * 10, from_ms=api.clock.now_ms() + minute * MINUTE)
    api.push(10 * MINUTE)
    asked = question(notebook_id, period=300, statistics=["maximum", "minimum", "average", "sum", "sampleCount"])
    (points,) = await ask(api, asked)
    (bucket,) = [point for point in points if point["timestamp"] == "1687662000000"]
    assert values([bucket]) == ["40"]
    assert [one["value"] for one in bucket["statistics"]] == ["40", "0", "20", "100", "5"]


async def test_which_series_exist_depends_on_the_flavor(api: Driver) -> None:
    cpu = api.cloud.console.create("ana", "c")
    gpu = api.cloud.console.create("ana", "g", flavor="modelarts.vm.gpu.v100")
    api.push(10 * MINUTE)
    found = await ask(api, question(cpu.id, CPU, GPU))
    assert [bool(points) for points in found] == [True, False]
    assert all(await ask(api, question(gpu.id, CPU, GPU)))
    assert await ask(api, {**question(cpu.id), "samples": [{**question(cpu.id)["samples"][0], "namespace": "X"}]}) == [
        []
    ]
    body = {"series": [{"namespace": "PAAS.CONTAINER", "metric_name": GPU}]}
    listed = await api.ok("POST", f"/v2/{api.project}/series", json=body)
    assert listed["meta_data"] == {"count": 1, "total": 1, "offset": None, "nextToken": 0}
    (series,) = listed["series"]
    assert {"name": "service_id", "value": gpu.id} in series["dimensions"]
    assert (series["metric_name"], series["unit"]) == (GPU, "Percent")


async def test_network_is_reported_in_bytes(api: Driver) -> None:
    notebook = api.cloud.console.create("ana", "c")
    api.cloud.set_activity(notebook.id, network=1.6)
    api.push(10 * MINUTE)
    (points,) = await ask(api, question(notebook.id, "ma_container_network_receive_bytes"))
    assert "200" in values(points)


@pytest.mark.parametrize(
    "changes",
    [{"samples": []}, {"period": 61}, {"statistics": ["median"]}, {"statistics": []}, {"time_range": "yesterday"}],
)
async def test_bad_questions(api: Driver, changes: dict[str, Any]) -> None:
    body = {**question("x"), **changes}
    assert await api.refused("POST", f"/v2/{api.project}/samples", json=body) == (400, "AOM.04008001")
    many = question("x", *[CPU] * 21)
    assert await api.refused("POST", f"/v2/{api.project}/samples", json=many) == (400, "AOM.04008001")


async def test_without_the_right_or_the_service(api: Driver) -> None:
    api.cloud.identity.users["ana"].rights.discard("aom:metric:get")
    assert (await api.refused("POST", f"/v2/{api.project}/samples", json=question("x")))[0] == 403
    api.cloud.identity.users["ana"].rights.add("aom:metric:get")
    api.cloud.settings.metrics_down = True
    assert (await api.refused("POST", f"/v2/{api.project}/samples", json=question("x")))[0] == 503


async def test_prometheus_on_the_larger_cloud_only(api: Driver) -> None:
    notebook = api.cloud.console.create("ana", "c")
    api.cloud.console.create("ben", "d")
    api.cloud.set_activity(notebook.id, cpu=33)
    api.push(20 * MINUTE)
    path, query = f"/v1/{api.project}/aom/api/v1/query", f'{CPU}{{service_id="{notebook.id}"}}'
    assert await api.refused("GET", path, params={"query": query}) == (404, "APIGW.0101")
    api.cloud.settings.dialect = "hwc"
    told = await api.ok("GET", path, params={"query": query})
    assert told["status"] == "success"
    (result,) = told["data"]["result"]
    assert (result["metric"]["service_id"], result["value"][1]) == (notebook.id, "33")
    now = api.clock.now_ms() // 1000
    ranged = {"query": query, "start": str(now - 600), "end": str(now), "step": "60"}
    told = await api.ok("POST", f"{path}_range", data=ranged)
    assert {value for _, value in told["data"]["result"][0]["values"]} == {"33"}
