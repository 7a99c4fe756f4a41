"""Which measurements an idle notebook needs depends on its flavor's category, as the cloud lists it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.flows.scene import ANA, HOUR, Scene, minutes

ODD = "modelarts.p3.large.public"  # a GPU flavor whose id does not say so


@pytest.fixture
def policy() -> dict[str, str]:
    return {"idle_mode": '"enforce"'}


def listed(scene: Scene, **values: Any) -> None:
    """The cloud has it, like its first GPU flavor but for `values`."""
    known = scene.cloud.catalog.flavors
    gpu = next(flavor for flavor in known if flavor["category"] == "GPU")
    known.append({**gpu, "id": ODD, **values})


async def test_a_loaded_gpu_is_work_whatever_its_flavor_is_called(scene: Scene) -> None:
    """Nobody has asked for the flavors; a job over SSH loads the GPU alone."""
    listed(scene)
    made = await scene.notebook("ana", "trainer", busy=False, lease_ms=20 * HOUR, flavor=ODD)
    scene.cloud.set_activity(made.id, gpu=95.0, from_ms=scene.now_ms - 3 * HOUR)
    await scene.pass_time(timedelta(hours=2), minutes(2))
    assert (scene.in_dm(ANA, "idle_warning"), scene.stops(made)) == ([], [])


async def test_an_idle_gpu_is_seen_to_be_idle(scene: Scene) -> None:
    listed(scene)
    made = await scene.notebook("ana", "forgotten", busy=False, lease_ms=20 * HOUR, flavor=ODD)
    await scene.pass_time(timedelta(hours=2), minutes(2))
    assert len(scene.stops(made)) == 1


async def test_of_a_category_that_nobody_knows_nothing_is_concluded(scene: Scene) -> None:
    listed(scene, category="FPGA")
    await scene.notebook("ana", "odd", busy=False, lease_ms=20 * HOUR, flavor=ODD)
    await scene.pass_time(timedelta(hours=2), minutes(2))
    assert scene.in_dm(ANA, "idle_warning") == []
    assert "the flavor's category is not known" in await scene.ask(ANA, "why odd")


async def test_what_is_listed_anew_is_known_within_the_hour(scene: Scene) -> None:
    await scene.sweep()
    asked = len(scene.cloud.calls("ListFlavors"))
    await scene.pass_time(timedelta(hours=3), minutes(10))
    assert len(scene.cloud.calls("ListFlavors")) == asked, "nothing new runs, so they are asked for once a day"
    listed(scene)
    made = await scene.notebook("ana", "forgotten", busy=False, lease_ms=20 * HOUR, flavor=ODD)
    await scene.pass_time(timedelta(hours=2), minutes(2))
    assert len(scene.stops(made)) == 1


async def test_where_flavors_cannot_be_listed_nothing_is_concluded_of_one_whose_id_says_nothing(scene: Scene) -> None:
    listed(scene)
    scene.cloud.faults.add("status", method="GET", path=r"/flavors$", status=403, count=0, body={"error_code": "x"})
    made = await scene.notebook("ana", "trainer", busy=False, lease_ms=20 * HOUR, flavor=ODD)
    scene.cloud.set_activity(made.id, gpu=95.0, from_ms=scene.now_ms - 3 * HOUR)
    await scene.pass_time(timedelta(hours=2), minutes(2))
    assert (scene.in_dm(ANA, "idle_warning"), scene.stops(made)) == ([], [])


async def test_what_has_no_price_says_so_and_names_the_flavor(scene: Scene) -> None:
    listed(scene)
    await scene.ask(ANA, f"create odd image=pytorch1.8 flavor={ODD} for=1h")
    await scene.pass_time(minutes(4))
    assert f"no price for {ODD}" in scene.in_channel("approval_request")[-1].text  # not to be held against a budget
    made = await scene.notebook("ana", "trainer", flavor=ODD)
    assert f"no price for {ODD}" in await scene.ask(ANA, "show trainer")
    assert f"no price for {ODD}" in await scene.ask(ANA, "flavors gpu")
    await scene.pass_time(scene.end(made) - scene.now - minutes(14), minutes(2))
    assert f"no price for {ODD}" in scene.in_dm(ANA, "lease_warning")[-1].text


async def test_a_price_is_written_with_its_cents(scene: Scene) -> None:
    """The policy file says 4.10, which is read as a number."""
    assert "`modelarts.vm.gpu.v100`" in (said := await scene.ask(ANA, "flavors gpu"))
    assert "4.10 EUR per hour" in said
