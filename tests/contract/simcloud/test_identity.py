"""IAM and what ModelArts makes of a token."""

import pytest

from tests.contract.simcloud.driver import HOUR, MINUTE, Driver


async def test_a_token_is_a_large_header_and_lives_a_day(api: Driver) -> None:
    reply = await api.log_in("ana")
    token, body = reply.headers["X-Subject-Token"], reply.json()["token"]
    assert reply.status_code == 201
    assert len(token) > 4_000
    assert body["project"]["id"] == api.project
    assert (body["issued_at"], body["expires_at"]) == ("2023-06-25T01:27:32.470000Z", "2023-06-26T01:27:32.470000Z")
    api.tokens["ana"] = token
    api.push(24 * HOUR - 1)
    assert (await api.call("GET", "/notebooks")).status_code == 200
    api.push(1)
    assert await api.refused("GET", "/notebooks") == (401, "ModelArts.0202")


async def test_two_tokens_live_side_by_side_until_the_rights_change(api: Driver) -> None:
    first = (await api.log_in("ana")).headers["X-Subject-Token"]
    second = (await api.log_in("ana")).headers["X-Subject-Token"]
    for token in (first, second):
        api.tokens["ana"] = token
        assert (await api.call("GET", "/notebooks")).status_code == 200
    api.cloud.identity.kill_tokens(api.cloud.identity.users["ana"])
    assert await api.refused("GET", "/notebooks") == (401, "ModelArts.0202")


async def test_the_catalogue_is_dropped_on_request(api: Driver) -> None:
    heavy = await api.http.post("/v3/auth/tokens", json=api.password_body("ana"))
    assert heavy.json()["token"]["catalog"]
    assert (await api.log_in("ana")).json()["token"]["catalog"] == []


async def test_wrong_passwords_are_refused_and_the_fifth_locks_for_a_while(api: Driver) -> None:
    for _ in range(5):
        reply = await api.log_in("ana", "wrong")
        assert reply.status_code == 401
        assert reply.json()["error"]["title"] == "Unauthorized"
    assert (await api.log_in("ana")).status_code == 401
    assert (await api.log_in("ben")).status_code == 201
    api.push(15 * MINUTE)
    assert (await api.log_in("ana")).status_code == 201


async def test_a_right_password_forgets_earlier_failures(api: Driver) -> None:
    for _ in range(3):
        for _ in range(4):
            await api.log_in("ana", "wrong")
        assert (await api.log_in("ana")).status_code == 201


@pytest.mark.parametrize("body", [{}, {"auth": {}}, {"auth": {"identity": {"methods": ["password"]}}}, {"auth": 1}])
async def test_a_malformed_question_is_a_bad_request(api: Driver, body: dict[str, object]) -> None:
    reply = await api.http.post("/v3/auth/tokens", json=body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, 400)


async def test_scope_by_name_and_by_id_but_not_of_the_domain(api: Driver) -> None:
    assert (await api.log_in("ana", project={"id": api.project})).status_code == 201
    assert (await api.log_in("ana", project={"name": "eu-nl"})).status_code == 401
    domain = await api.log_in("ana", domain={"name": api.cloud.identity.domain})
    assert domain.status_code == 201
    assert "project" not in domain.json()["token"]
    api.tokens["ana"] = domain.headers["X-Subject-Token"]
    assert await api.refused("GET", "/notebooks") == (400, "ModelArts.0204")


async def test_what_modelarts_says_to_other_tokens(api: Driver) -> None:
    path = f"/v1/{api.project}/notebooks"
    bare = await api.http.get(path)
    assert (bare.status_code, bare.json()["error_code"]) == (401, "ModelArts.0201")
    made_up = await api.http.get(path, headers={"X-Auth-Token": "MIIZmade-up"})
    assert (made_up.status_code, made_up.json()["error_code"]) == (401, "ModelArts.0203")
    assert await api.refused("GET", f"/v1/{'0' * 32}/notebooks") == (403, "ModelArts.0210")
    assert await api.refused("GET", "/v1/eu-de/notebooks") == (400, "ModelArts.0210")
    api.cloud.settings.suspended = True
    assert await api.refused("GET", "/notebooks") == (401, "ModelArts.6201")


async def test_projects_and_token_check(api: Driver) -> None:
    projects = await api.ok("GET", "/v3/projects?name=eu-de")
    assert [(p["id"], p["name"], p["enabled"]) for p in projects["projects"]] == [(api.project, "eu-de", True)]
    assert (await api.ok("GET", "/v3/projects?name=nowhere"))["projects"] == []
    checked = await api.ok("GET", "/v3/auth/tokens", headers={"X-Subject-Token": await api.token()})
    assert checked["token"]["user"]["name"] == "ana"
    gone = await api.call("GET", "/v3/auth/tokens", headers={"X-Subject-Token": "none"})
    assert gone.status_code == 404


async def test_rights_are_per_action(api: Driver) -> None:
    """A token may start and not renew; the service account may look, stop and renew only."""
    notebook_id = await api.running()
    api.cloud.identity.users["ana"].rights.discard("modelarts:notebook:updateStopPolicy")
    assert await api.refused("PATCH", f"/notebooks/{notebook_id}/lease", json={}) == (403, "ModelArts.0108")
    bot = api.as_user("notebook-bot")
    one = f"/notebooks/{notebook_id}"
    assert await bot.refused("POST", "/notebooks", json={}) == (403, "ModelArts.0108")
    assert await bot.refused("DELETE", one) == (403, "ModelArts.0108")
    assert await bot.refused("POST", f"{one}/start") == (403, "ModelArts.0108")
    assert (await bot.call("PATCH", f"{one}/lease", json={})).status_code == 200
    assert (await bot.call("POST", f"{one}/stop")).status_code == 200
    assert (await bot.call("GET", "/notebooks/all")).status_code == 200
    assert (await bot.call("GET", "/notebooks/flavors")).status_code == 200
