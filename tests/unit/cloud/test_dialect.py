"""What differs between the clouds, as a table; and where each answers."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.cloud.dialect import TRAITS
from bot.cloud.regions import endpoint_urls, known_region
from bot.errors import CloudInvalid
from bot.model import LeaseType, NotebookId

Make = dict[str, Callable[..., Any]]
NB = NotebookId("nb-1")
TIMING_SPELLED = {"hwc": "TIMING", "otc": "timing"}


@pytest.mark.parametrize(
    ("topic", "hwc", "otc"),
    [
        ("lower_case_lease_types", False, True),
        ("volume_categories", {"EVS", "OBS", "OBSFS", "EFS"}, {"SFS", "EVS", "EFS"}),
        ("tags", True, False),
        ("quota", True, False),
        ("workspace_filter", "workspace_id", "workspaceId"),
        ("forbidden_in_description", "<>", "&<>\"'/"),
    ],
)
def test_the_table_of_differences(topic: str, hwc: Any, otc: Any) -> None:
    assert getattr(TRAITS["hwc"], topic) == hwc
    assert getattr(TRAITS["otc"], topic) == otc


def test_an_unknown_lease_type_has_no_spelling() -> None:
    for traits in TRAITS.values():
        with pytest.raises(ValueError, match="unknown"):
            traits.lease_type(LeaseType.UNKNOWN)


@pytest.mark.parametrize("cloud", ["hwc", "otc"])
async def test_lease_types_are_spelled_as_each_cloud_has_it(bench: Any, make: Make, cloud: str) -> None:
    lease = {"create_at": 1, "duration": 2, "type": "TIMING"}
    bench.script.on("PATCH", r"/lease", make["json"](lease))
    bench.script.on("GET", r"/lease", make["json"](lease))
    await bench.cloud(cloud=cloud).renew(NB, timedelta(hours=1), LeaseType.TIMING)
    assert json.loads(bench.script.calls("PATCH", "/lease")[0].content)["type"] == TIMING_SPELLED[cloud]


async def test_tags_and_quota_where_there_are_any(bench: Any, make: Make) -> None:
    bench.script.on("GET", r"/notebooks/tags", make["json"]({"tags": [{"key": "owner", "values": ["ada", "bob"]}]}))
    bench.script.on("POST", r"/tags/create", make["json"](None, 204))
    bench.script.on("DELETE", r"/tags/delete", make["json"]({}))
    bench.script.on("GET", r"/authoring/features/NOTEBOOK", make["json"]({"quota": 20, "used": "3"}))
    cloud = bench.cloud(cloud="hwc")
    assert await cloud.tags() == {"owner": ("ada", "bob")}
    await cloud.set_tags(NB, {"owner": "ada"})
    await cloud.remove_tags(NB, {"owner": "ada"})
    for call in (bench.script.calls("POST", "/tags/create"), bench.script.calls("DELETE", "/tags/delete")):
        assert json.loads(call[0].content) == {"tags": [{"key": "owner", "value": "ada"}]}
    quota = await cloud.quota()
    assert quota is not None
    assert (quota.limit, quota.used) == (20, 3)


async def test_where_there_are_none_nothing_is_sent(bench: Any) -> None:
    cloud = bench.cloud(cloud="otc")
    assert await cloud.tags() == {}
    assert await cloud.quota() is None
    for change in (cloud.set_tags, cloud.remove_tags):
        with pytest.raises(CloudInvalid):
            await change(NB, {"a": "b"})
    assert bench.script.requests == []


@pytest.mark.parametrize("key", ["data", "flavors"])
async def test_flavors_are_found_under_either_key(bench: Any, make: Make, key: str) -> None:
    flavors = [
        {"id": "cpu", "category": "CPU", "memory": 8388608, "vcpus": 2},
        {"id": "gpu", "category": "GPU", "memory": "67108864", "gpu": {"gpu": 1, "type": "V100"}, "sold_out": True},
        {"id": "npu", "category": "ASCEND", "ascend": {"npu": 2, "type": "SNT9"}},
        {"name": "without an id"},
    ]
    bench.script.on("GET", r"/notebooks/flavors", make["json"]({key: flavors, "total": 4}))
    cpu, gpu, npu = await bench.cloud().flavors()
    assert (cpu.memory_gb, cpu.vcpus, cpu.accelerators) == (8, 2, None)
    assert (gpu.memory_gb, gpu.accelerators, gpu.accelerator_type, gpu.sold_out) == (64, 1, "V100", True)
    assert (npu.accelerators, npu.accelerator_type) == (2, "SNT9")


async def test_both_kinds_of_images_are_asked_for_and_twins_told_apart_by_id(bench: Any, make: Make) -> None:
    def answer(request: Any) -> Any:
        own = request.url.params.get("type") == "DEDICATED"
        data = [{"id": "b", "name": "twin"}, {"id": "c", "name": "twin"}] if own else [{"id": "a"}, {"id": "b"}]
        return make["json"]({"data": data, "total": 39})

    bench.script.on("GET", r"/images", answer)
    assert [image.id for image in await bench.cloud().images()] == ["a", "b", "c"]


async def test_who_may_not_see_own_images_still_sees_the_built_in_ones(bench: Any, make: Make) -> None:
    def answer(request: Any) -> Any:
        own = request.url.params.get("type") == "DEDICATED"
        return make["refusal"](403, "ModelArts.0108") if own else make["json"]({"data": [{"id": "a"}]})

    bench.script.on("GET", r"/images", answer)
    assert [image.id for image in await bench.cloud().images()] == ["a"]


@pytest.mark.parametrize(
    ("cloud", "region", "modelarts", "iam", "aom", "hosts"),
    [
        ("otc", "eu-de", "https://modelarts.eu-de.otc.t-systems.com", "https://iam.eu-de.otc.t-systems.com",
         "https://aom.eu-de.otc.t-systems.com", ("*.otc.t-systems.com",)),
        ("hwc", "cn-north-4", "https://modelarts.cn-north-4.myhuaweicloud.com",
         "https://iam.cn-north-4.myhuaweicloud.com", "https://aom.cn-north-4.myhuaweicloud.com",
         ("authoring-modelarts-cnnorth4.huaweicloud.com",)),
        ("hwc", "eu-west-101", "https://modelarts.eu-west-101.myhuaweicloud.eu",
         "https://iam.eu-west-101.myhuaweicloud.eu", "https://aom.eu-west-101.myhuaweicloud.eu",
         ("authoring-modelarts-euwest101.huaweicloud.com",)),
    ],
)  # fmt: skip
def test_where_each_region_answers(
    cloud: Any, region: str, modelarts: str, iam: str, aom: str, hosts: tuple[str, ...]
) -> None:
    assert endpoint_urls(cloud, region) == (modelarts, iam, aom, hosts)


def test_regions_the_vendor_lists() -> None:
    assert known_region("otc", "eu-de")
    assert not known_region("otc", "eu-nl")
    assert known_region("hwc", "cn-north-4")
    assert not known_region("hwc", "eu-de")
