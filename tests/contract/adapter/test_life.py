"""What the adapter does when all is well, in both dialects and with every kind of login."""

from typing import Any

import httpx
import pytest

from bot import http
from bot.cloud.client import HttpClouds
from bot.errors import (
    CloudConflict,
    CloudDenied,
    CloudInvalid,
    CloudLoginFailed,
    CloudNotFound,
    CloudSoldOut,
)
from bot.model import (
    KeyCredentials,
    LeaseType,
    NotebookId,
    PasswordCredentials,
    Status,
)
from tests.contract.adapter.world import HOUR, World

# --- one notebook's life -------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["password", "keys"])
async def test_a_notebooks_life(world: World, login: str) -> None:
    cloud = world.as_("ana", getattr(world, login)("ana"))
    notebook = await world.create(cloud, disk_gb=60, description="a <b> & c")
    assert (notebook.status, notebook.volume_gb, notebook.owner_name) == (Status.RUNNING, 60, "ana")
    assert notebook.url is not None
    assert notebook.token is not None
    assert notebook.lease is not None
    assert notebook.lease.span == 2 * HOUR

    renewed = await cloud.renew(notebook.id, 5 * HOUR, LeaseType.TIMING)
    assert renewed.ends == cloud.server_now() + 5 * HOUR
    assert await cloud.lease(notebook.id) == renewed

    assert (await cloud.stop(notebook.id)).status is Status.STOPPING
    assert (await cloud.stop(notebook.id)).status is Status.STOPPING
    world.clock.advance_ms(200_000)
    assert (await cloud.stop(notebook.id)).status is Status.STOPPED

    started = await cloud.start(notebook.id, 3 * HOUR, LeaseType.IDLE)
    assert started.status is Status.STARTING
    assert started.token != notebook.token
    assert started.lease is not None
    assert started.lease.kind is LeaseType.IDLE
    assert (await cloud.start(notebook.id, 3 * HOUR, LeaseType.IDLE)).status is Status.STARTING
    world.clock.advance_ms(60_000)
    assert (await cloud.start(notebook.id, 3 * HOUR, LeaseType.IDLE)).status is Status.RUNNING

    with pytest.raises(CloudConflict):
        await cloud.delete(notebook.id)
    await cloud.stop(notebook.id)
    world.clock.advance_ms(200_000)
    await cloud.delete(notebook.id)
    await cloud.delete(notebook.id)
    world.clock.advance_ms(20_000)
    with pytest.raises(CloudNotFound):
        await cloud.show(notebook.id)
    assert await cloud.gone(notebook.id)


@pytest.mark.parametrize("not_found", ["400-6309", "400-6404", "404"])
async def test_every_style_of_not_found(world: World, not_found: Any) -> None:
    world.sim.settings.not_found = not_found
    cloud, absent = world.as_("ana"), NotebookId("11111111-2222-4333-8444-555555555555")
    with pytest.raises(CloudNotFound):
        await cloud.show(absent)
    with pytest.raises(CloudNotFound):
        await cloud.stop(absent)
    await cloud.delete(absent)


@pytest.mark.parametrize("conflict", ["6357", "specific"])
async def test_every_style_of_already_so(world: World, conflict: Any) -> None:
    world.sim.settings.conflict = conflict
    cloud = world.as_("ana")
    notebook = await world.create(cloud)
    assert (await cloud.start(notebook.id, HOUR, LeaseType.TIMING)).status is Status.RUNNING
    await cloud.stop(notebook.id)
    assert (await cloud.stop(notebook.id)).status is Status.STOPPING
    with pytest.raises(CloudConflict):
        await cloud.start(notebook.id, HOUR, LeaseType.TIMING)


@pytest.mark.parametrize(
    "changes",
    [
        {"create_status": "RUNNING"}, {"delete_style": "200-empty"}, {"delete_style": "204"}, {"renew_style": "204"},
        {"renew_stopped": "6357"}, {"show_lease_stopped": False}, {"list_key": "flavors"}, {"list_key": "both"},
        {"current_base": 1}, {"current_time": False}, {"progress_text": "step_description"}, {"delete_running": False},
        {"token_chars": 60_000},
    ],
    ids=str,
)  # fmt: skip
async def test_the_services_quirks_make_no_difference(world: World, changes: dict[str, Any]) -> None:
    world.sim.settings.change(changes)
    cloud = world.as_("ana")
    assert await cloud.flavors()
    notebook = await world.create(cloud)
    assert notebook.status is Status.RUNNING
    assert (await cloud.renew(notebook.id, 4 * HOUR, LeaseType.TIMING)).ends == cloud.server_now() + 4 * HOUR
    assert [found.id for found in (await cloud.list_own()).notebooks] == [notebook.id]
    await cloud.stop(notebook.id)
    world.clock.advance_ms(200_000)
    with pytest.raises(CloudConflict):
        await cloud.renew(notebook.id, 4 * HOUR, LeaseType.TIMING)
    assert await cloud.lease(notebook.id)
    await cloud.delete(notebook.id)
    world.clock.advance_ms(20_000)
    assert (await cloud.list_own()).notebooks == ()


async def test_what_there_is_to_choose_from(world: World) -> None:
    cloud = world.as_("ana")
    images, flavors = await cloud.images(), await cloud.flavors()
    assert len({image.id for image in images}) == len(images) == 38
    assert (await cloud.image(images[0].id)) == images[0]
    with pytest.raises((CloudNotFound, CloudInvalid)):
        await cloud.image("11111111-2222-4333-8444-555555555555")
    assert {"CPU", "GPU"} <= {flavor.category for flavor in flavors}
    world.sim.set_sold_out(flavors[0].id)
    assert {flavor.id: flavor.sold_out for flavor in await cloud.flavors()}[flavors[0].id]
    with pytest.raises(CloudSoldOut):
        await cloud.create(await world.wish(cloud, flavor=flavors[0].id))


async def test_changing_a_name_and_a_flavor(world: World) -> None:
    cloud = world.as_("ana")
    notebook = await world.create(cloud)
    assert (await cloud.update(notebook.id, name="exp-b", description="x")).name == "exp-b"
    with pytest.raises(CloudInvalid):
        await cloud.update(notebook.id, lease="9h")
    assert await cloud.switchable_flavors(notebook.id) is not None


async def test_tags_and_quota(world: World, dialect: str) -> None:
    cloud = world.as_("ana")
    notebook = await world.create(cloud)
    if dialect == "otc":
        assert (await cloud.tags(), await cloud.quota()) == ({}, None)
        return
    await cloud.set_tags(notebook.id, {"team": "vision"})
    assert (await cloud.show(notebook.id)).tags == (("team", "vision"),)
    assert await cloud.tags() == {"team": ("vision",)}
    await cloud.remove_tags(notebook.id, {"team": "vision"})
    assert (await cloud.show(notebook.id)).tags == ()
    quota = await cloud.quota()
    assert quota is not None
    assert quota.used == 1


# --- who may see what ----------------------------------------------------------------------------


async def test_own_and_all(world: World) -> None:
    for owner in ("ana", "ben"):
        world.sim.console.create(owner, f"of-{owner}")
    assert [found.name for found in (await world.as_("ana").list_own()).notebooks] == ["of-ana"]
    with pytest.raises(CloudDenied):
        await world.as_("ana").list_all()
    listing = await world.as_("notebook-bot").list_all()
    assert {found.owner_name for found in listing.notebooks} == {"ana", "ben"}
    assert listing.complete
    assert listing.server_now == world.clock.now()


async def test_all_of_one_state(world: World) -> None:
    for name, status in (("runs", "RUNNING"), ("rests", "STOPPED"), ("saves", "SNAPSHOTTING")):
        world.sim.console.create("ana", name, status=status)
    listing = await world.as_("notebook-bot").list_all(Status.RUNNING)
    assert ([found.name for found in listing.notebooks], listing.complete) == (["runs"], True)


async def test_a_project_is_one_workspace(world: World) -> None:
    there = "w0rkspace"
    world.sim.settings.workspaces = ("0", there)
    default, other = world.as_("ana"), world.as_("ana", workspace=there)
    made = await world.create(other, "exp")
    assert made.workspace == there
    assert [seen.id for seen in (await other.list_own()).notebooks] == [made.id]
    assert (await default.list_own()).notebooks == ()
    found = await other.find_created("exp", other.server_now() - HOUR)
    assert found is not None
    assert found.id == made.id
    assert (await world.create(default, "exp")).workspace == "0"
    if world.sim.settings.dialect == "hwc":
        await other.set_tags(made.id, {"team": "vision"})
        assert (await other.tags(), await default.tags()) == ({"team": ("vision",)}, {})
    with pytest.raises(CloudInvalid, match="workspace"):
        await world.create(world.as_("ana", workspace="nowhere"), "exp")


async def test_the_service_account_may_renew_and_stop_but_not_start(world: World) -> None:
    notebook = world.sim.console.create("ana", "exp")
    service, notebook_id = world.as_("notebook-bot"), NotebookId(notebook.id)
    assert (await service.renew(notebook_id, 2 * HOUR, LeaseType.TIMING)).ends
    assert (await service.stop(notebook_id)).status is Status.STOPPING
    world.clock.advance_ms(200_000)
    with pytest.raises(CloudDenied):
        await service.start(notebook_id, HOUR, LeaseType.TIMING)


@pytest.mark.parametrize("login", ["password", "keys"])
async def test_who_i_am(world: World, login: str) -> None:
    me = await world.as_("ana", getattr(world, login)("ana")).whoami()
    assert me.user_id == world.sim.identity.users["ana"].id
    assert (me.user_name, me.domain_name) == ("ana", world.sim.identity.domain)
    assert me.project_id == world.sim.identity.project_id


@pytest.mark.parametrize("by", ["name", "id"])
async def test_account_user_and_project_go_by_name_or_id(world: World, by: str) -> None:
    identity = world.sim.identity
    ana = identity.users["ana"]
    given = (identity.domain, "ana") if by == "name" else (identity.domain_id, "ana")
    scope = {"scope": world.sim.settings.region} if by == "name" else {"scope": identity.project_id}
    me = await world.as_("ana", PasswordCredentials(*given, ana.password), **scope).whoami()
    assert (me.user_id, me.project_id) == (ana.id, identity.project_id)
    if by == "id":
        assert (await world.as_("ana", PasswordCredentials("", ana.id, ana.password)).whoami()).user_name == "ana"


async def test_whose_temporary_keys_they_are(world: World, dialect: str) -> None:
    ana = world.sim.identity.users["ana"]
    key = world.sim.identity.add_temporary(ana, 900_000)
    cloud = world.as_("ana", KeyCredentials(key.access_key, key.secret_key, key.security_token))
    me = await cloud.whoami()
    assert (me.user_id, me.user_name, me.domain_name) == (ana.id, "ana", world.sim.identity.domain)
    ana.access_key = ""  # nothing permanent to tell by
    if dialect == "otc":
        with pytest.raises(CloudInvalid, match="temporary keys"):
            await cloud.whoami()
    else:
        assert (await cloud.whoami()).user_id == ana.id


async def test_temporary_keys(world: World) -> None:
    key = world.sim.identity.add_temporary(world.sim.identity.users["ana"], 900_000)
    cloud = world.as_("ana", KeyCredentials(key.access_key, key.secret_key, key.security_token))
    assert (await cloud.list_own()).complete
    world.clock.advance_ms(901_000)
    with pytest.raises(CloudLoginFailed):
        await cloud.list_own()


# --- lists that move -----------------------------------------------------------------------------


@pytest.mark.parametrize("total_extra", [0, 1])
async def test_many_pages(world: World, total_extra: int) -> None:
    world.sim.settings.image_total_extra = total_extra
    made = {world.sim.console.create("ana", f"n{number}").id for number in range(230)}
    listing = await world.as_("ana").list_own()
    assert {found.id for found in listing.notebooks} == made
    assert len(listing.notebooks) == 230
    assert listing.complete


async def test_notebooks_come_and_go_during_the_walk(world: World) -> None:
    stays = {world.sim.console.create("ana", f"stays{number}").id for number in range(120)}
    newest = [world.sim.console.create("ana", f"goes{number}").id for number in range(20)]
    pages = 0

    async def meddle(response: httpx.Response) -> None:
        nonlocal pages
        if response.request.url.path.endswith("/notebooks"):
            pages += 1
            for notebook_id in newest[pages * 4 : pages * 4 + 4]:
                world.sim.console.vanish(notebook_id)
            world.sim.console.create("ana", f"came{pages}")

    async with http.Client(trust_env=False, event_hooks={"response": [meddle]}) as client:
        cloud = HttpClouds(world.clock, client).connect(world.endpoint(), world.password("ana"))
        listing = await cloud.list_own()
    assert listing.complete
    assert stays <= {found.id for found in listing.notebooks}
    assert pages >= 3


async def test_a_page_that_fails_for_good_makes_the_listing_incomplete(world: World) -> None:
    for number in range(120):
        world.sim.console.create("ana", f"n{number}")
    world.sim.faults.add("status", method="GET", path=r"/notebooks$", status=500, body={}, nth=2, count=4)
    listing = await world.as_("ana").list_own()
    assert not listing.complete
    assert len(listing.notebooks) >= 50


async def test_a_notebook_that_vanishes_between_list_and_show(world: World) -> None:
    made = world.sim.console.create("ana", "exp")
    cloud = world.as_("ana")
    assert [found.id for found in (await cloud.list_own()).notebooks] == [made.id]
    world.sim.console.vanish(made.id)
    with pytest.raises(CloudNotFound) as caught:
        await cloud.show(NotebookId(made.id))
    assert "no longer exists" in caught.value.next_step
