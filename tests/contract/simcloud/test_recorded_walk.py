"""The vendor's recorded walk through one notebook's life, replayed over HTTP."""

from typing import Any

import pytest

from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import SimCloud
from tests.contract.simcloud.driver import C, Driver
from tests.contract.simcloud.shape import paths, recorded

NOTEBOOK_ID = "936bea3e-d3df-435e-8b58-d817283284ae"
FIRST_TOKEN, SECOND_TOKEN = "3452e0d5-15fe-a20d-18a2-010a574aeaaf", "6f773860-21d4-9fe8-75c8-a38ea13ebf08"
STOP_AT, START_AT, RENEW_AT = 1_687_659_052_284, 1_687_659_392_569, 1_687_657_510_014


@pytest.fixture
def cloud(clock: SimClock) -> SimCloud:
    """The account of the recording, its ids and its oddities."""
    made = SimCloud(clock, domain="hwstaff_pub_CBUInfo_EI")
    made.identity.add("xwx1128222", user_id="99250e439b33431081xxxxxxxxxxa885")
    made.shapes.domain["id"] = "878991804cdc4ba597xxxxxxxxxx9dd9"
    made.settings.create_status = "RUNNING"
    made.settings.current_time = False
    made.settings.notebook_url = "https://authoring-modelarts.com/{id}/lab"
    made.new_uuid = iter([NOTEBOOK_ID, FIRST_TOKEN, SECOND_TOKEN]).__next__
    return made


def same_but_for_names(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    """The recording changes the names of the same ids from step to step; everything else is equal."""
    answer["user"]["name"] = expected["user"]["name"]
    answer["user"]["domain"]["name"] = expected["user"]["domain"]["name"]
    assert answer == expected


async def test_every_answer_of_the_walk_is_given_to_the_millisecond(api: Driver, clock: SimClock) -> None:
    me, one = api.as_user("xwx1128222"), f"/notebooks/{NOTEBOOK_ID}"
    assert await me.ok("GET", "/images") == recorded("seed/images")
    created = await me.ok("POST", "/notebooks", json=recorded("seed/create_request"))
    assert created == recorded("seed/create")

    clock.set_ms(C + 60_000)
    same_but_for_names(await me.ok("GET", one), recorded("seed/show"))

    clock.set_ms(RENEW_AT)
    assert await me.ok("PATCH", f"{one}/lease", json=recorded("seed/renew_request")) == recorded("seed/renew")

    clock.set_ms(STOP_AT)
    same_but_for_names(await me.ok("POST", f"{one}/stop"), recorded("seed/stop"))

    clock.set_ms(START_AT)
    same_but_for_names(await me.ok("POST", f"{one}/start"), recorded("seed/start"))

    assert (await me.call("DELETE", one)).status_code == 200
    clock.advance_ms(api.cloud.settings.delete_ms)
    assert await me.refused("GET", one) == (400, "ModelArts.6309")


async def test_the_five_leases_keep_the_law(api: Driver, clock: SimClock) -> None:
    """D = (U - C) + R: what is answered counts from the creation, what is asked from now."""
    spans = []
    for name in ("create", "show", "renew", "stop", "start"):
        body = recorded(f"seed/{name}")
        lease = body.get("lease", body)
        spans.append(lease["duration"] - (lease["update_at"] - lease["create_at"]))
    assert spans == [3_600_000] * 5


@pytest.mark.parametrize("name", ["create", "show", "stop", "start"])
async def test_each_call_answers_the_recorded_fields_and_no_other(api: Driver, clock: SimClock, name: str) -> None:
    me = api.as_user("xwx1128222")
    answers = {"create": await me.ok("POST", "/notebooks", json=recorded("seed/create_request"))}
    clock.advance_ms(60_000)
    answers["show"] = await me.ok("GET", f"/notebooks/{NOTEBOOK_ID}")
    answers["stop"] = await me.ok("POST", f"/notebooks/{NOTEBOOK_ID}/stop")
    clock.advance_ms(200_000)
    answers["start"] = await me.ok("POST", f"/notebooks/{NOTEBOOK_ID}/start", params={"duration": 3_600_000})
    assert paths(answers[name]) == paths(recorded(f"seed/{name}"))
