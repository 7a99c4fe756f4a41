"""`images` and `flavors`: searchable, with prices, listed afresh when old."""

from datetime import timedelta

from bot.errors import CloudDown
from bot.model import Flavor, Image
from tests.unit.operations.stage import ANA, BEN, Stage

CPU = Flavor("modelarts.vm.cpu.2u", vcpus=2, memory_gb=8.0)
GPU = Flavor("vm.gpu.v100", category="GPU", vcpus=8, memory_gb=64.0, accelerators=1, accelerator_type="V100")
NPU = Flavor("bm.npu", category="ASCEND", description="24 cores", sold_out=True)


async def test_images_are_found_by_words_and_listed_by_pages(stage: Stage):
    stage.clouds.there = (
        Image("i0", "mindspore"),
        *(Image(f"p{n}", f"pytorch-{n:02}", description="for GPU") for n in range(25)),
        Image("off", "pytorch-old", status="INIT"),
        Image("train", "pytorch-train", services=("TRAIN",)),
    )
    answer = await stage.ask(ANA, "images", words="PyTorch gpu", page=1)
    assert (answer["total"], answer["pages"], len(answer["rows"])) == (25, 2, 20)
    second = await stage.ask(ANA, "page", via="click", request=answer["request"], page=2)
    assert [row["id"] for row in second["rows"]] == ["p20", "p21", "p22", "p23", "p24"]


async def test_flavors_come_with_price_and_size_and_sold_out_ones_are_marked(stage: Stage):
    stage.clouds.sizes = (NPU, GPU, CPU)
    rows = (await stage.ask(ANA, "flavors"))["rows"]
    assert rows == [
        {"id": CPU.id, "size": "2 vCPUs, 8 GB", "category": "CPU", "price": "0.17 EUR per hour"},
        {"id": GPU.id, "size": "8 vCPUs, 64 GB, 1 x V100", "category": "GPU"},
        {"id": NPU.id, "size": "24 cores", "category": "NPU", "sold_out": True},
    ]
    assert [row["id"] for row in (await stage.ask(ANA, "flavors", category="npu"))["rows"]] == [NPU.id]


async def test_they_are_listed_again_only_when_they_are_old(stage: Stage):
    stage.clouds.sizes = (CPU,)
    await stage.ask(ANA, "flavors")
    await stage.ask(BEN, "flavors")
    assert len(stage.clouds.said("flavors")) == 1
    stage.clock.go(timedelta(minutes=11))
    await stage.ask(ANA, "flavors")
    assert len(stage.clouds.said("flavors")) == 2


async def test_the_persons_own_credentials_are_used_where_there_are_any(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.ask(ANA, "images", words="")
    await stage.ask(BEN, "flavors")
    assert stage.clouds.calls == [("research", "ana", "images"), ("research", "robot", "flavors")]


async def test_when_the_cloud_does_not_answer_the_last_listing_serves(stage: Stage):
    stage.clouds.sizes = (CPU,)
    await stage.ask(ANA, "flavors")
    stage.clock.go(timedelta(hours=1))
    stage.clouds.down["research"] = CloudDown("no")
    assert [row["id"] for row in (await stage.ask(ANA, "flavors"))["rows"]] == [CPU.id]


async def test_another_projects_catalogue_is_only_for_its_members(stage: Stage):
    answer = await stage.ask(ANA, "flavors", project="vision")
    assert answer["what"] == "error"
    assert stage.clouds.calls == []
