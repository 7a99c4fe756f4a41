"""The adapter against the simulated cloud over loopback HTTP, in both dialects and with both kinds of login."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import httpx
import pytest

from bot import http
from bot.clock import to_ms
from bot.cloud.client import HttpClouds
from bot.cloud.notebooks import HttpCloud
from bot.errors import (
    AnswerLost,
    CloudAccount,
    CloudConflict,
    CloudDenied,
    CloudDown,
    CloudGarbled,
    CloudInvalid,
    CloudLoginFailed,
    CloudMisconfigured,
    CloudNotFound,
    CloudQuota,
    CloudSoldOut,
    CloudThrottled,
)
from bot.model import (
    Credentials,
    Endpoint,
    KeyCredentials,
    LeaseType,
    NewNotebook,
    Notebook,
    NotebookId,
    PasswordCredentials,
    Status,
)
from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import CloudSettings, SimCloud
from deploy.sandbox.server import LocalServer

START_MS = 1_795_420_800_000
HOUR = timedelta(hours=1)
SHOW = r"/notebooks/[0-9a-f-]+$"


@dataclass
class World:
    """A simulated cloud, a clock that stands still, and the adapter in front of it."""

    sim: SimCloud
    clock: SimClock
    clouds: HttpClouds
    url: str
    slept: list[float]

    def endpoint(self, **changes: Any) -> Endpoint:
        region = self.sim.settings.region
        given: dict[str, Any] = {
            "project": "research", "cloud": self.sim.settings.dialect, "region": region, "modelarts": self.url,
            "iam": self.url, "aom": self.url, "scope": region, "rate": 10_000.0,
        }  # fmt: skip
        return Endpoint(**(given | changes))

    def password(self, name: str) -> PasswordCredentials:
        return PasswordCredentials(self.sim.identity.domain, name, self.sim.identity.users[name].password)

    def keys(self, name: str) -> KeyCredentials:
        user = self.sim.identity.users[name]
        return KeyCredentials(user.access_key, user.secret_key)

    def as_(self, name: str, credentials: Credentials | None = None, **changes: Any) -> HttpCloud:
        return self.clouds.connect(self.endpoint(**changes), credentials or self.password(name))

    async def create(self, cloud: HttpCloud, name: str = "exp", **changes: Any) -> Notebook:
        """Created and waited for."""
        made = await cloud.create(await self.wish(cloud, name, **changes))
        self.clock.advance_ms(60_000)
        return await cloud.show(made.id)

    @staticmethod
    async def wish(cloud: HttpCloud, name: str = "exp", **changes: Any) -> NewNotebook:
        image = next(image for image in await cloud.images() if "CPU" in image.categories and image.arch == "x86_64")
        given: dict[str, Any] = {
            "name": name, "image_id": image.id, "flavor": "modelarts.vm.cpu.2u", "lease": 2 * HOUR,
        }  # fmt: skip
        return NewNotebook(**(given | changes))


@pytest.fixture(params=["otc", "hwc"])
def dialect(request: pytest.FixtureRequest) -> Literal["otc", "hwc"]:
    chosen: Literal["otc", "hwc"] = request.param
    return chosen


@pytest.fixture
async def world(dialect: Literal["otc", "hwc"]) -> AsyncIterator[World]:
    clock = SimClock(START_MS, running=False)
    region = {"otc": "eu-de", "hwc": "cn-north-4"}[dialect]
    sim = SimCloud(clock, CloudSettings(dialect=dialect, region=region))
    sim.seed_default()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    client = http.Client(trust_env=False)
    async with LocalServer(sim.app) as server, client:
        yield World(sim, clock, HttpClouds(clock, client, jitter=lambda: 0.5, sleep=sleep), server.url, slept)


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


# --- lost answers --------------------------------------------------------------------------------


async def test_a_create_whose_answer_was_lost_is_found_and_not_made_twice(world: World) -> None:
    cloud = world.as_("ana")
    wish = await world.wish(cloud)
    since = cloud.server_now()
    world.sim.faults.add("lost", method="POST", path=r"/notebooks$")
    with pytest.raises(AnswerLost):
        await cloud.create(wish)
    assert len(world.sim.notebooks()) == 1
    found = await cloud.find_created(wish.name, since)
    assert found is not None
    assert found.id == world.sim.notebooks()[0].id


async def test_a_create_that_never_arrived_is_not_found(world: World) -> None:
    cloud = world.as_("ana")
    wish = await world.wish(cloud)
    since = cloud.server_now()
    world.sim.faults.add("reset", method="POST", path=r"/notebooks$")
    with pytest.raises(AnswerLost):
        await cloud.create(wish)
    assert await cloud.find_created(wish.name, since) is None


@pytest.mark.parametrize("effect", ["lost", "reset", "truncated", "empty", "no_content", "html"])
@pytest.mark.parametrize("verb", ["start", "stop", "renew", "delete"])
async def test_every_other_change_survives_a_lost_answer(world: World, effect: str, verb: str) -> None:
    status = "RUNNING" if verb in ("stop", "renew") else "STOPPED"
    made = world.sim.console.create("ana", "exp", status=status, settled_ago_ms=600_000)
    cloud, notebook_id = world.as_("ana"), NotebookId(made.id)
    await cloud.show(notebook_id)
    method, path = {
        "start": ("POST", r"/start$"), "stop": ("POST", r"/stop$"), "renew": ("PATCH", r"/lease$"),
        "delete": ("DELETE", SHOW),
    }[verb]  # fmt: skip
    world.sim.faults.add(effect, method=method, path=path)
    if verb == "renew":
        assert (await cloud.renew(notebook_id, 4 * HOUR, LeaseType.TIMING)).ends == cloud.server_now() + 4 * HOUR
    elif verb == "delete":
        await cloud.delete(notebook_id)
        assert world.sim.notebook(made.id).status == "DELETING"
    else:
        seen = await (cloud.stop(notebook_id) if verb == "stop" else cloud.start(notebook_id, HOUR, LeaseType.TIMING))
        assert seen.status is (Status.STOPPING if verb == "stop" else Status.STARTING)
    name = {"start": "starting", "stop": "stopping", "renew": "lease_renewed", "delete": "deleting"}[verb]
    effects = [e for e in world.sim.effects() if e["notebook_id"] == made.id and e["action"] == name]
    assert len(effects) == 1


# --- troubles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("retry_after", [None, "3", "date"])
async def test_being_throttled(world: World, retry_after: str | None) -> None:
    world.sim.faults.add("throttle", method="GET", path=r"/notebooks$", retry_after=retry_after, count=2)
    assert (await world.as_("ana").list_own()).complete
    health = world.clouds.health()["research"]
    assert health["throttled"] == 2
    assert world.slept


async def test_being_throttled_for_good(world: World) -> None:
    world.sim.faults.add("throttle", method="GET", path=r"/notebooks$", count=0)
    with pytest.raises(CloudThrottled):
        await world.as_("ana").list_own()


async def test_a_token_that_dies_early(world: World) -> None:
    cloud = world.as_("ana")
    await cloud.list_own()
    world.sim.identity.kill_tokens(world.sim.identity.users["ana"])
    await asyncio.gather(*(cloud.list_own() for _ in range(5)))
    assert len(world.sim.calls("CreateToken")) == 2


async def test_a_token_that_expires(world: World) -> None:
    cloud = world.as_("ana")
    await cloud.list_own()
    world.clock.advance_ms(20 * 3_600_000)
    await cloud.list_own()
    assert len(world.sim.calls("CreateToken")) == 2
    assert [call["status"] for call in world.sim.calls("ListNotebooks")] == [200, 200]


async def test_a_suspended_account(world: World) -> None:
    cloud = world.as_("ana")
    await cloud.list_own()
    world.sim.settings.suspended = True
    with pytest.raises(CloudAccount):
        await cloud.list_own()
    assert len(world.sim.calls("CreateToken")) == 1


async def test_arrears_and_quota(world: World) -> None:
    cloud = world.as_("ana")
    wish = await world.wish(cloud)
    world.sim.settings.quota_per_user = 0
    with pytest.raises(CloudQuota):
        await cloud.create(wish)
    world.sim.settings.quota_per_user = 20
    notebook = await world.create(cloud)
    world.sim.set_arrears(True)
    assert (await cloud.show(notebook.id)).status is Status.FROZEN
    with pytest.raises(CloudAccount):
        await cloud.start(notebook.id, HOUR, LeaseType.TIMING)


async def test_provisioning_that_fails_says_why(world: World) -> None:
    cloud = world.as_("ana")
    world.sim.fail_provisioning("Image pull failed.")
    notebook = await world.create(cloud)
    assert (notebook.status, notebook.fail_reason) == (Status.CREATE_FAILED, "Image pull failed.")


async def test_a_made_up_status_is_unknown_and_never_deleted(world: World) -> None:
    made = world.sim.console.create("ana", "exp")
    world.sim.console.set_status(made.id, "HIBERNATING")
    cloud = world.as_("ana")
    shown = await cloud.show(NotebookId(made.id))
    assert (shown.status, shown.raw_status) == (Status.UNKNOWN, "HIBERNATING")
    with pytest.raises(CloudConflict):
        await cloud.delete(NotebookId(made.id))


# --- wrong settings ------------------------------------------------------------------------------


async def test_wrong_credentials(world: World) -> None:
    cloud = world.as_("ana", PasswordCredentials(world.sim.identity.domain, "ana", "wrong"))
    for _ in range(6):
        with pytest.raises(CloudLoginFailed, match="password"):
            await cloud.list_own()
    assert len(world.sim.calls("CreateToken")) == 1
    assert (await world.as_("ana").list_own()).complete  # not locked out


async def test_wrong_keys(world: World) -> None:
    cloud = world.as_("ana", KeyCredentials("NOBODYSKEY", "x"))
    with pytest.raises(CloudLoginFailed):
        await cloud.list_own()
    right = world.keys("ana")
    with pytest.raises(CloudLoginFailed):
        await world.as_("ana", KeyCredentials(right.access_key, "wrong"), project_id="p").list_own()


async def test_wrong_project(world: World) -> None:
    with pytest.raises((CloudLoginFailed, CloudMisconfigured), match="eu-de_typo"):
        await world.as_("ana", scope="eu-de_typo").list_own()
    with pytest.raises(CloudMisconfigured, match="eu-de_typo"):
        await world.as_("ana", world.keys("ana"), scope="eu-de_typo").list_own()
    other = "f" * 32
    with pytest.raises((CloudMisconfigured, CloudLoginFailed)):
        await world.as_("ana", world.keys("ana"), project_id=other).list_own()


async def test_wrong_region(world: World) -> None:
    with pytest.raises(CloudDown, match="cannot be reached"):
        await world.as_("ana", modelarts="http://127.0.0.1:9", iam="http://127.0.0.1:9").list_own()


async def test_the_gateways_404_is_a_wrong_address_and_no_notebook_is_gone(world: World) -> None:
    cloud = world.as_("ana", modelarts=f"{world.url}/elsewhere")
    for call in (cloud.list_own(), cloud.show(NotebookId("x")), cloud.delete(NotebookId("x"))):
        with pytest.raises(CloudMisconfigured) as caught:
            await call
        assert caught.value.request_id
    with pytest.raises(CloudMisconfigured):
        await cloud.gone(NotebookId("x"))


@pytest.mark.parametrize(
    ("effect", "kind"),
    [("html", CloudGarbled), ("truncated", CloudGarbled), ("empty", CloudGarbled), ("no_content", CloudGarbled)],
)
async def test_answers_that_cannot_be_read(world: World, effect: str, kind: type[Exception]) -> None:
    made = world.sim.console.create("ana", "exp")
    world.sim.faults.add(effect, method="GET", path=SHOW, count=0)
    with pytest.raises(kind) as caught:
        await world.as_("ana").show(NotebookId(made.id))
    assert "admin" in getattr(caught.value, "next_step", "")


async def test_a_200_with_an_error_body(world: World) -> None:
    made = world.sim.console.create("ana", "exp")
    world.sim.faults.add("error_200", method="GET", path=SHOW, code="6309")
    with pytest.raises(CloudNotFound):
        await world.as_("ana").show(NotebookId(made.id))


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_an_hour_wrong(world: World, hours: int) -> None:
    class Wrong:
        def now(self) -> Any:
            return world.clock.now() + hours * HOUR

    made = world.sim.console.create("ana", "exp", lease_ms=7_200_000)
    async with http.Client(trust_env=False) as client:
        clouds = HttpClouds(Wrong(), client)
        cloud = clouds.connect(world.endpoint(), world.password("ana"))
        shown = await cloud.show(NotebookId(made.id))
        assert shown.lease_ends is not None
        assert shown.lease_ends - cloud.server_now() == 2 * HOUR
        skew = clouds.health()["research"]["skew_s"]
        assert skew == pytest.approx(-3600 * hours, abs=1)
        signed = clouds.connect(world.endpoint(), world.keys("ana"))
        with pytest.raises(CloudMisconfigured, match="60 min"):
            await signed.show(NotebookId(made.id))


async def test_a_lease_that_ends_is_seen_to_end_at_its_millisecond(world: World) -> None:
    cloud = world.as_("ana")
    notebook = await world.create(cloud)
    end = notebook.lease_ends
    assert end is not None
    world.clock.set_ms(to_ms(end) - 1)
    assert (await cloud.show(notebook.id)).status is Status.RUNNING
    world.clock.set_ms(to_ms(end))
    assert (await cloud.show(notebook.id)).status is Status.STOPPING


async def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with HttpClouds(world.clock) as clouds:
        assert (await clouds.connect(world.endpoint(), world.password("ana")).list_own()).complete
