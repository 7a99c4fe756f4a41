"""The simulator's answers, field by field, beside the samples of the vendor's reference."""

from typing import Any

import pytest

from tests.contract.simcloud.driver import MINUTE, Driver
from tests.contract.simcloud.shape import paths, recorded


async def told(api: Driver, name: str) -> Any:
    """The simulator's answer to the call the sample was taken from."""
    notebook_id = await api.running(description="ablation")
    one = f"/notebooks/{notebook_id}"
    match name:
        case "show":
            return await api.show(notebook_id)
        case "renew":
            return await api.ok("PATCH", f"{one}/lease", json=recorded("seed/renew_request"))
        case "create":
            return await api.ok("POST", "/notebooks", json={**recorded("seed/create_request"), "name": "other"})
        case "flavors":
            page = await api.ok("GET", "/notebooks/flavors", params={"category": "CPU"})
            return {**page, "data": page["data"][:1]}
        case "saved_image":
            asked = {"name": "exp17_env", "namespace": "acme", "tag": "20260301"}
            return await api.ok("POST", f"{one}/create-image", json=asked)
        case "error":
            return (await api.call("POST", f"{one}/start")).json()
    return await other_services(api, name, notebook_id)


async def other_services(api: Driver, name: str, notebook_id: str) -> Any:
    match name:
        case "iam_token":
            return (await api.log_in("ana")).json()
        case "iam_error":
            return (await api.log_in("ana", "wrong")).json()
        case "feature":
            api.cloud.settings.dialect = "hwc"
            return await api.ok("GET", "/authoring/features/NOTEBOOK")
        case "tags":
            api.cloud.settings.dialect = "hwc"
            await api.call("POST", f"/notebooks/{notebook_id}/tags/create", json=recorded("digest/tags_request"))
            return await api.ok("GET", "/notebooks/tags")
        case "jupyter_status":
            token = {"token": api.cloud.notebook(notebook_id).token}
            return (await api.http.get(f"/jupyter/{notebook_id}/api/status", params=token)).json()
    return await metrics(api, name, notebook_id)


async def metrics(api: Driver, name: str, notebook_id: str) -> Any:
    api.push(10 * MINUTE)
    sample = recorded("digest/aom_samples")["samples"][0]["sample"]
    asked = {**sample, "dimensions": [{"name": "service_id", "value": notebook_id}]}
    if name == "aom_series":
        return await api.ok("POST", f"/v2/{api.project}/series", json={"series": [asked]})
    body = {"samples": [asked], "statistics": ["maximum"], "period": 60, "time_range": "-1.-1.60"}
    if name == "aom_error":
        body["period"] = 61
    return (await api.call("POST", f"/v2/{api.project}/samples", json=body)).json()


@pytest.mark.parametrize(
    ("name", "also"),
    [
        ("show", {(".current_time", "int")}),
        ("create", set()),
        ("renew", set()),
        ("flavors", set()),
        ("saved_image", set()),
        ("error", set()),
        ("iam_token", set()),
        ("iam_error", set()),
        ("feature", set()),
        ("tags", set()),
        ("jupyter_status", set()),
        ("aom_samples", set()),
        ("aom_series", set()),
        ("aom_error", set()),
    ],
)
async def test_each_answer_has_the_fields_of_its_sample(api: Driver, name: str, also: set[tuple[str, str]]) -> None:
    assert paths(await told(api, name)) == paths(recorded(f"digest/{name}")) | also


async def test_an_image_has_no_field_that_no_sample_has(api: Driver) -> None:
    known = paths(recorded("seed/images")["data"]) | paths([recorded("digest/image")])
    for image in (await api.ok("GET", "/images"))["data"]:
        one = await api.ok("GET", f"/images/{image['id']}")
        assert one == image
        assert paths([one]) <= known


async def test_list_items_are_what_show_answers_without_its_extras(api: Driver) -> None:
    notebook_id = await api.running()
    shown = await api.show(notebook_id)
    page = await api.ok("GET", "/notebooks")
    assert set(page) == {"current", "data", "pages", "size", "total"}
    assert page["data"] == [{key: value for key, value in shown.items() if key != "current_time"}]


async def test_what_is_absent_while_it_is_made(api: Driver) -> None:
    notebook_id = await api.create()
    making = await api.show(notebook_id)
    assert "url" not in making
    assert (making["endpoints"], making["billing_items"]) == ([], [])
    assert len(making["action_progress"]) == 4
    api.push(30_000)
    assert {"url", "volume", "user", "data_volumes"} <= set(await api.show(notebook_id))
