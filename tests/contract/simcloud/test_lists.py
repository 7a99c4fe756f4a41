"""Lists: who sees what, pages by record offset, filters, and how fast a page comes."""

import time

import pytest

from tests.contract.simcloud.driver import MINUTE, Driver


async def names(api: Driver, path: str = "/notebooks", **query: object) -> list[str]:
    return [item["name"] for item in (await api.ok("GET", path, params={"limit": 50, **query}))["data"]]


def populate(api: Driver, count: int, owner: str = "ana") -> None:
    for number in range(count):
        api.cloud.console.create(owner, f"{owner}-{number:05d}")
        api.push(1)


async def test_each_sees_their_own_and_all_needs_the_right(api: Driver) -> None:
    populate(api, 2)
    populate(api, 1, "ben")
    assert await names(api) == ["ana-00001", "ana-00000"]
    assert await names(api.as_user("ben")) == ["ben-00000"]
    assert await api.refused("GET", "/notebooks/all") == (403, "ModelArts.0108")
    bot = api.as_user("notebook-bot")
    assert await names(bot) == []
    assert await names(bot, "/notebooks/all") == ["ben-00000", "ana-00001", "ana-00000"]
    ben = api.cloud.identity.users["ben"].id
    assert await names(bot, "/notebooks/all", owner=ben) == ["ben-00000"]
    api.cloud.identity.users["ana"].account_admin = True
    assert len(await names(api)) == 3


async def test_names_of_others_need_a_right_of_their_own(api: Driver) -> None:
    populate(api, 1)
    bot = api.as_user("notebook-bot")
    user = (await bot.ok("GET", "/notebooks/all"))["data"][0]["user"]
    assert user["name"] == "ana"
    api.cloud.identity.users["notebook-bot"].rights.discard("iam:users:listUsers")
    unnamed = (await bot.ok("GET", "/notebooks/all"))["data"][0]["user"]
    assert unnamed == {"id": user["id"], "domain": user["domain"]}


async def test_a_list_is_never_older_than_the_last_change(api: Driver) -> None:
    notebook_id = await api.running()

    async def listed() -> dict[str, object]:
        return dict((await api.ok("GET", "/notebooks"))["data"][0])

    async def same() -> bool:
        shown = await api.show(notebook_id)
        return await listed() == {key: value for key, value in shown.items() if key != "current_time"}

    assert await same()
    await api.ok("PATCH", f"/notebooks/{notebook_id}/lease", json={"duration": 4 * 60 * MINUTE})
    assert await same()
    await api.ok("PUT", f"/notebooks/{notebook_id}", json={"name": "renamed"})
    assert await same()
    await api.ok("POST", f"/notebooks/{notebook_id}/stop")
    assert await same()
    api.push(200_000)
    assert (await listed())["status"] == "STOPPED"
    assert await same()
    api.cloud.console.rename(notebook_id, "again")
    assert await same()


async def test_pages_go_by_record(api: Driver) -> None:
    populate(api, 23)
    first = await api.ok("GET", "/notebooks")
    assert (len(first["data"]), first["size"], first["total"], first["pages"]) == (10, 10, 23, 3)
    seen = []
    for offset in (0, 10, 20, 23, 40):
        seen += await names(api, limit=10, offset=offset)
    assert seen == [f"ana-{number:05d}" for number in reversed(range(23))]
    assert await names(api, limit=5, offset=18, sort_dir="ASC") == [f"ana-{n:05d}" for n in range(18, 23)]
    assert len((await api.ok("GET", "/notebooks", params={"limit": 200}))["data"]) == 23
    populate(api, 40, "ana")
    assert len((await api.ok("GET", "/notebooks", params={"limit": 200}))["data"]) == 50


async def test_items_shift_when_something_is_made_or_deleted_during_a_walk(api: Driver) -> None:
    populate(api, 20)
    first = await names(api, limit=10)
    populate(api, 1, "ana")
    assert (await names(api, limit=10, offset=10))[0] == first[-1]


async def test_filters_are_joined_by_and(api: Driver) -> None:
    console = api.cloud.console
    console.create("ana", "train-a", status="STOPPED")
    console.create("ana", "train-b", flavor="modelarts.vm.gpu.v100")
    console.create("ana", "lab", feature="DEFAULT")
    assert await names(api, name="train") == ["train-b", "train-a"]
    assert await names(api, name="train", status="stopped") == ["train-a"]
    assert await names(api, feature="DEFAULT") == ["lab"]
    assert await names(api, flavor="gpu") == ["train-b", "train-a"]  # the smaller cloud does not know this filter
    api.cloud.settings.dialect = "hwc"
    assert await names(api, flavor="gpu") == ["train-b"]
    assert await names(api, billing="STORAGE") == ["train-a"]
    assert await names(api, workspaceId="1") == ["train-b", "train-a"]  # the other cloud's spelling: ignored
    assert await names(api, workspace_id="1") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"sort_key": "colour"}, "6303"),
        ({"limit": "ten"}, "0104"),
        ({"offset": "-1"}, "0101"),
        ({"status": "UP"}, "6335"),
    ],
)
async def test_bad_queries(api: Driver, query: dict[str, str], code: str) -> None:
    assert await api.refused("GET", "/notebooks", params=query) == (400, f"ModelArts.{code}")


async def test_sorted_by_name_and_by_change(api: Driver) -> None:
    for name in ("b", "c", "a"):
        api.cloud.console.create("ana", name)
        api.push(MINUTE)
    assert await names(api, sort_key="name", sort_dir="ASC") == ["a", "b", "c"]
    assert await names(api, sort_key="update_at") == ["a", "c", "b"]


async def test_images_by_kind_and_name(api: Driver) -> None:
    async def listed(**query: str) -> list[dict[str, object]]:
        return list((await api.ok("GET", "/images", params=query))["data"])

    assert len(await listed()) == 38
    built_in = await listed(type="BUILD_IN")
    assert {image["type"] for image in built_in} == {"BUILD_IN"}
    assert len(built_in) + len(await listed(type="DEDICATED")) == 38
    assert len(await listed(name="mindspore1.2.0")) == 3
    assert await listed(name="mindspore1.2.0", name_fuzzy_match="false") == []
    assert [len(await listed(limit="30", offset=offset)) for offset in ("0", "30", "60")] == [30, 8, 0]
    api.cloud.settings.images_default = "BUILD_IN"
    assert await listed() == built_in


async def test_ten_thousand_notebooks_and_still_a_page_in_a_few_milliseconds(api: Driver) -> None:
    """The cost of a page must not grow with the number of notebooks: both are measured here, in one run."""
    populate(api, 100)
    bot = api.as_user("notebook-bot")
    few = await fastest_page(bot)
    for number in range(9_900):
        api.cloud.console.create("ben", f"n-{number}")
    many = await fastest_page(bot, offset=9_000)
    assert (await bot.ok("GET", "/notebooks/all"))["total"] == 10_000
    assert many < max(3 * few, 0.015)


async def fastest_page(bot: Driver, offset: int = 0) -> float:
    times = []
    for _ in range(15):
        started = time.perf_counter()
        page = await bot.call("GET", "/notebooks/all", params={"limit": 50, "offset": offset})
        times.append(time.perf_counter() - started)
        assert len(page.json()["data"]) == 50
    return min(times)
