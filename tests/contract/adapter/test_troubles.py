"""What the adapter does when answers are lost, the cloud is in trouble or the settings are wrong."""

import asyncio
from typing import Any

import pytest

from bot import http
from bot.clock import to_ms
from bot.cloud.client import HttpClouds
from bot.errors import (
    AnswerLost,
    CloudAccount,
    CloudConflict,
    CloudDown,
    CloudGarbled,
    CloudLoginFailed,
    CloudMisconfigured,
    CloudNotFound,
    CloudQuota,
    CloudThrottled,
)
from bot.model import (
    KeyCredentials,
    LeaseType,
    NotebookId,
    PasswordCredentials,
    Status,
)
from tests.contract.adapter.world import HOUR, SHOW, World

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
