"""Logging in: once for everybody, early enough, never into a lock-out; and keys that sign."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.errors import (
    CloudAccount,
    CloudDenied,
    CloudDown,
    CloudGarbled,
    CloudInvalid,
    CloudLoginFailed,
    CloudMisconfigured,
)
from bot.model import KeyCredentials, NotebookId, PasswordCredentials

NB = NotebookId("nb-1")
SHOW = r"/notebooks/nb-1"
LOGIN = r"/v3/auth/tokens"
KEYS = KeyCredentials("AK0", "SK0")
Make = dict[str, Callable[..., Any]]
BAD_PASSWORD = httpx.Response(401, json={"error": {"code": 401, "message": "bad credentials", "title": "x"}})


@pytest.fixture
def ready(bench: Any, make: Make) -> Any:
    bench.script.on("GET", SHOW, make["json"](make["notebook"]()))
    return bench


async def test_one_login_serves_many_calls_and_people_with_the_same_credentials(ready: Any) -> None:
    await asyncio.gather(*(ready.cloud().show(NB) for _ in range(20)))
    assert ready.script.logins() == 1
    await ready.cloud(PasswordCredentials("ACME", "ben", "other")).show(NB)
    assert ready.script.logins() == 2


async def test_the_token_is_renewed_at_four_fifths_of_its_life(ready: Any, make: Make) -> None:
    ready.script.on("POST", LOGIN, make["token"]("ONE", hours=10), make["token"]("TWO", hours=10))
    cloud = ready.cloud()
    await cloud.show(NB)
    ready.clock.advance(hours=7, minutes=59)
    await cloud.show(NB)
    assert ready.script.logins() == 1
    ready.clock.advance(minutes=1, seconds=1)
    await cloud.show(NB)
    assert ready.script.logins() == 2
    assert ready.script.requests[-1].headers["x-auth-token"] == "TWO"


async def test_its_life_counts_from_when_we_got_it_even_if_clocks_differ(ready: Any) -> None:
    ready.clock.advance(days=30)
    cloud = ready.cloud()
    await cloud.show(NB)
    await cloud.show(NB)
    assert ready.script.logins() == 1


async def test_a_dead_token_is_renewed_once_and_the_call_repeated(ready: Any, make: Make) -> None:
    ready.script.on("POST", LOGIN, make["token"]("ONE"), make["token"]("TWO"))
    ready.script.on("GET", SHOW, make["refusal"](401, "ModelArts.0202"), make["json"](make["notebook"]()))
    await ready.cloud().show(NB)
    assert [r.headers["x-auth-token"] for r in ready.script.calls("GET", SHOW)] == ["ONE", "TWO"]
    assert ready.slept == []


async def test_only_once(ready: Any, make: Make) -> None:
    ready.script.on("GET", SHOW, make["refusal"](401, "ModelArts.0202"))
    with pytest.raises(CloudLoginFailed):
        await ready.cloud().show(NB)
    assert ready.script.logins() == 2
    assert len(ready.script.calls("GET", SHOW)) == 2


async def test_a_storm_of_401_makes_one_login(ready: Any, make: Make) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        fresh = request.headers["x-auth-token"] == "TWO"
        return make["json"](make["notebook"]()) if fresh else make["refusal"](401, "ModelArts.0202")

    ready.script.on("POST", LOGIN, make["token"]("ONE"), make["token"]("TWO"), make["token"]("THREE"))
    ready.script.on("GET", SHOW, answer)
    cloud = ready.cloud()
    await asyncio.gather(*(cloud.show(NB) for _ in range(10)))
    assert ready.script.logins() == 2


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "ModelArts.6201", CloudAccount),
        (401, "ModelArts.6203", CloudAccount),
        (403, "ModelArts.0210", CloudMisconfigured),
        (400, "ModelArts.0204", CloudMisconfigured),
        (403, "ModelArts.0108", CloudDenied),
    ],
)
async def test_no_refresh_where_a_token_is_not_the_trouble(
    ready: Any, make: Make, status: int, code: str, kind: type[Exception]
) -> None:
    ready.script.on("GET", SHOW, make["refusal"](status, code))
    with pytest.raises(kind):
        await ready.cloud().show(NB)
    assert ready.script.logins() == 1


async def test_a_wrong_password_is_said_and_not_tried_into_a_lock(ready: Any) -> None:
    ready.script.on("POST", LOGIN, BAD_PASSWORD)
    cloud = ready.cloud()
    for _ in range(10):
        with pytest.raises(CloudLoginFailed, match="password"):
            await cloud.show(NB)
    assert ready.script.logins() == 1
    ready.clock.advance(minutes=5)
    with pytest.raises(CloudLoginFailed):
        await cloud.show(NB)
    assert ready.script.logins() == 2


async def test_what_the_cloud_says_of_a_refused_login_is_passed_on_and_the_project_is_the_one_asked_for(
    ready: Any, make: Make
) -> None:
    ready.script.on("POST", LOGIN, make["json"]({"error": {"code": 401, "message": "The account is locked."}}, 401))
    with pytest.raises(CloudLoginFailed, match=r"'p-1' \(The account is locked\.\)"):
        await ready.cloud(project_id="p-1").show(NB)


async def test_asking_who_i_am_tries_again_at_once(ready: Any, make: Make) -> None:
    ready.script.on("POST", LOGIN, BAD_PASSWORD, make["token"]())
    cloud = ready.cloud()
    with pytest.raises(CloudLoginFailed):
        await cloud.show(NB)
    assert (await cloud.whoami()).user_id == "u-ana"
    assert (await cloud.show(NB)).id == "nb-1"


async def test_asking_who_i_am_is_a_proof_and_never_remembered(ready: Any, make: Make) -> None:
    ready.script.on("POST", LOGIN, make["token"](), BAD_PASSWORD)
    cloud = ready.cloud()
    await cloud.whoami()
    with pytest.raises(CloudLoginFailed):
        await cloud.whoami()


async def test_many_waiters_share_one_refusal(ready: Any) -> None:
    ready.script.on("POST", LOGIN, BAD_PASSWORD)
    cloud = ready.cloud()
    found = await asyncio.gather(*(cloud.show(NB) for _ in range(10)), return_exceptions=True)
    assert all(isinstance(error, CloudLoginFailed) for error in found)
    assert ready.script.logins() == 1


async def test_one_who_gives_up_does_not_end_the_login_of_the_others(ready: Any, make: Make) -> None:
    cloud = ready.cloud()
    first, second = asyncio.create_task(cloud.show(NB)), asyncio.create_task(cloud.show(NB))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).id == "nb-1"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (httpx.Response(400, json={"error": {"code": 400, "message": "x"}}), CloudMisconfigured),
        (httpx.Response(404, json={"error": {"code": 404, "message": "x"}}), CloudMisconfigured),
        (httpx.Response(403, json={"error": {"code": 403, "message": "x"}}), CloudDenied),
        (httpx.Response(503), CloudDown),
        (httpx.Response(200, content=b"<html>"), CloudGarbled),
        (httpx.Response(201, json={"token": {"user": {"id": "u"}, "project": {"id": "p"}}}), CloudGarbled),
        (httpx.Response(201, json={}, headers={"X-Subject-Token": "T"}), CloudGarbled),
    ],
)
async def test_what_else_can_go_wrong_at_the_door(ready: Any, reply: httpx.Response, kind: type[Exception]) -> None:
    ready.script.on("POST", LOGIN, reply)
    with pytest.raises(kind):
        await ready.cloud().show(NB)
    assert ready.script.calls("GET", SHOW) == []


async def test_a_login_without_a_project_names_the_project(ready: Any, make: Make) -> None:
    ready.script.on("POST", LOGIN, make["token"](project=""))
    with pytest.raises(CloudMisconfigured, match="eu-de"):
        await ready.cloud().show(NB)


async def test_an_unreachable_door_is_tried_again(ready: Any, make: Make) -> None:
    ready.script.on("POST", LOGIN, httpx.ReadTimeout("slow"), httpx.Response(503), make["token"]())
    await ready.cloud().show(NB)
    assert ready.script.logins() == 3


ID = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"


@pytest.mark.parametrize(
    ("domain", "user", "project_id", "scope", "user_part", "project_part"),
    [
        ("ACME", "ana", None, "eu-de", {"name": "ana", "password": "pw", "domain": {"name": "ACME"}},
         {"name": "eu-de"}),
        (ID, "ana", None, "eu-de_team1", {"name": "ana", "password": "pw", "domain": {"id": ID}},
         {"name": "eu-de_team1"}),
        ("ACME", ID, None, ID, {"id": ID, "password": "pw"}, {"id": ID}),
        ("ACME", "ana", ID, "eu-de", {"name": "ana", "password": "pw", "domain": {"name": "ACME"}}, {"id": ID}),
    ],
)  # fmt: skip
async def test_domain_user_and_project_go_by_name_or_id(
    ready: Any, domain: str, user: str, project_id: str | None, scope: str, user_part: Any, project_part: Any
) -> None:
    cloud = ready.cloud(PasswordCredentials(domain, user, "pw"), project_id=project_id, scope=scope)
    await cloud.show(NB)
    request = ready.script.calls("POST", LOGIN)[0]
    assert request.url.query == b"nocatalog=true"
    assert json.loads(request.content) == {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user_part}},
            "scope": {"project": project_part},
        }
    }


async def test_the_projects_id_comes_from_the_token_unless_it_is_configured(ready: Any) -> None:
    await ready.cloud().show(NB)
    assert ready.script.requests[-1].url.path.startswith("/v1/0123456789abcdef0123456789abcdef/")
    await ready.cloud(project_id=ID).show(NB)
    assert ready.script.requests[-1].url.path.startswith(f"/v1/{ID}/")


async def test_who_i_am_is_what_the_token_says(ready: Any) -> None:
    me = await ready.cloud().whoami()
    assert (me.user_id, me.user_name, me.domain_name, me.project_name) == ("u-ana", "ana", "ACME", "eu-de")
    assert me.password_expires_at is None


async def test_forgotten_credentials_log_in_anew(ready: Any) -> None:
    given = PasswordCredentials("ACME", "ana", "pw")
    await ready.cloud(given).show(NB)
    ready.clouds.forget(ready.endpoint(), given)
    await ready.cloud(given).show(NB)
    assert ready.script.logins() == 2


# --- keys ----------------------------------------------------------------------------------------


def with_projects(ready: Any, make: Make, *names: str) -> None:
    found = [{"id": f"id-of-{name}", "name": name, "domain_id": "d0"} for name in names]
    ready.script.on("GET", r"/v3/projects", make["json"]({"projects": found, "links": {}}))
    ready.script.on("GET", r"/v3\.0/OS-CREDENTIAL/credentials/AK0", make["json"]({"credential": {"user_id": "u-ana"}}))
    ready.script.on("GET", r"/v3/auth/domains", make["json"]({"domains": [{"id": "d0", "name": "ACME"}]}))
    ready.script.on("GET", r"/v3/users/u-ana", make["json"]({"user": {"name": "ana", "domain_id": "d0"}}))


async def test_keys_find_their_project_by_name_once_and_sign_everything(ready: Any, make: Make) -> None:
    with_projects(ready, make, "eu-de_team", "eu-de")
    cloud = ready.cloud(KEYS)
    await cloud.show(NB)
    await cloud.show(NB)
    assert len(ready.script.calls("GET", "/v3/projects")) == 1
    assert ready.script.logins() == 0
    last = ready.script.requests[-1]
    assert last.url.path == "/v1/id-of-eu-de/notebooks/nb-1"
    assert last.headers["x-project-id"] == "id-of-eu-de"
    assert last.headers["x-sdk-date"] == "20261123T080000Z"
    assert last.headers["authorization"].startswith(
        "SDK-HMAC-SHA256 Access=AK0, SignedHeaders=content-type;host;x-project-id;x-sdk-date, Signature="
    )


async def test_temporary_keys_sign_their_token_too(ready: Any) -> None:
    keys = KeyCredentials("AK0", "SK0", "STS", ready.clock.now() + timedelta(hours=1))
    cloud = ready.cloud(keys, project_id="p")
    await cloud.show(NB)
    sent = ready.script.requests[-1].headers
    assert sent["x-security-token"] == "STS"
    assert "x-security-token" in sent["authorization"]
    ready.clock.advance(hours=1)
    with pytest.raises(CloudLoginFailed, match="expired"):
        await cloud.show(NB)


async def test_keys_that_do_not_see_the_project_say_which(ready: Any, make: Make) -> None:
    with_projects(ready, make, "eu-de_team")
    with pytest.raises(CloudMisconfigured, match="eu-de"):
        await ready.cloud(KEYS).show(NB)


async def test_whose_keys_they_are(ready: Any, make: Make) -> None:
    with_projects(ready, make, "eu-de")
    me = await ready.cloud(KEYS).whoami()
    assert (me.user_id, me.user_name, me.domain_id, me.domain_name) == ("u-ana", "ana", "d0", "ACME")
    assert (me.project_id, me.project_name) == ("id-of-eu-de", "eu-de")


TEMPORARY = KeyCredentials("HST0", "SK0", "STS")
OWN_KEYS = r"/v3\.0/OS-CREDENTIAL/credentials"


def owned_by(make: Make, *owners: str) -> httpx.Response:
    reply: httpx.Response = make["json"](
        {"credentials": [{"access": f"AK{n}", "user_id": u} for n, u in enumerate(owners)]}
    )
    return reply


@pytest.mark.parametrize("cloud", ["otc", "hwc"])
async def test_whose_temporary_keys_they_are_is_told_by_the_callers_permanent_ones(
    ready: Any, make: Make, cloud: str
) -> None:
    with_projects(ready, make, "eu-de")
    ready.script.on("GET", r"/authoring/features/NOTEBOOK", make["refusal"](403, "ModelArts.0108"))
    ready.script.on("GET", OWN_KEYS, owned_by(make, "u-ana", "u-ana"))
    me = await ready.cloud(TEMPORARY, cloud=cloud).whoami()
    assert (me.user_id, me.user_name, me.project_name) == ("u-ana", "ana", "eu-de")


async def test_or_by_the_quota_where_there_is_one(ready: Any, make: Make) -> None:
    with_projects(ready, make, "eu-de")
    ready.script.on("GET", r"/authoring/features/NOTEBOOK", make["json"]({"quota": 20, "user_id": "u-ana"}))
    assert (await ready.cloud(TEMPORARY, cloud="hwc").whoami()).user_id == "u-ana"
    assert ready.script.calls("GET", OWN_KEYS) == []


@pytest.mark.parametrize("owners", [(), ("u-ana", "u-ben")], ids=["no permanent key", "keys of several people"])
async def test_nobody_is_guessed_and_the_way_out_is_said(ready: Any, make: Make, owners: tuple[str, ...]) -> None:
    with_projects(ready, make, "eu-de")
    ready.script.on("GET", OWN_KEYS, owned_by(make, *owners))
    with pytest.raises(CloudInvalid, match="whose these temporary keys are") as caught:
        await ready.cloud(TEMPORARY).whoami()
    assert "permanent access key" in caught.value.next_step


async def test_without_the_right_to_read_names_the_id_must_do(ready: Any, make: Make) -> None:
    with_projects(ready, make, "eu-de")
    ready.script.on("GET", r"/v3/users/u-ana", httpx.Response(403))
    ready.script.on("GET", r"/v3/auth/domains", httpx.Response(403))
    assert (await ready.cloud(KEYS).whoami()).user_id == "u-ana"


async def test_refused_keys_are_not_repeated(ready: Any, make: Make) -> None:
    ready.script.on("GET", SHOW, make["refusal"](401, "APIGW.0301"))
    with pytest.raises(CloudLoginFailed):
        await ready.cloud(KEYS, project_id="p").show(NB)
    assert len(ready.script.calls("GET", SHOW)) == 1


@pytest.mark.parametrize(
    ("date", "says"),
    [("Mon, 23 Nov 2026 07:00:00 GMT", "60 min ahead"), ("Mon, 23 Nov 2026 09:00:00 GMT", "60 min beh")],
)
async def test_refused_signatures_of_a_wrong_clock_blame_the_clock(
    ready: Any, make: Make, date: str, says: str
) -> None:
    ready.script.on("GET", SHOW, make["refusal"](401, "APIGW.0301", Date=date))
    with pytest.raises(CloudMisconfigured, match=says) as caught:
        await ready.cloud(KEYS, project_id="p").show(NB)
    assert "NTP" in caught.value.next_step


async def test_secrets_are_in_no_error_and_no_repr(ready: Any) -> None:
    ready.script.on("POST", LOGIN, BAD_PASSWORD)
    cloud = ready.cloud(PasswordCredentials("ACME", "ana", "hunter2-secret"))
    with pytest.raises(CloudLoginFailed) as caught:
        await cloud.show(NB)
    assert "hunter2-secret" not in f"{caught.value!r} {caught.value} {vars(cloud)}"
