"""Every recorded payload through the adapter: what it says is read field by field, what it asks is what we ask."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.clock import from_ms
from bot.cloud import catalog, faults, wire
from bot.cloud.dialect import TRAITS
from bot.errors import CloudBusy, CloudInvalid, CloudLoginFailed
from bot.model import LeaseType, NewNotebook, Notebook, NotebookId, PasswordCredentials

DATA = Path(__file__).parents[2] / "data"
HOUR = timedelta(hours=1)
ANSWERS = ("seed/create", "seed/show", "seed/stop", "seed/start", "digest/create", "digest/show")
IMAGES = ("digest/image", "digest/saved_image")
READ_ELSEWHERE = {"digest/aom_series", "digest/aom_samples", "digest/jupyter_status"}  # by `bot.idle`
NOT_USED = {"digest/dynamic_storage", "digest/update_request"}  # no command mounts storage or grows a disk
Make = dict[str, Callable[..., Any]]


def recorded(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text())


def seen(notebook: Notebook) -> dict[str, Any]:
    """What was read, in the API's words; absent where the payload would be."""
    lease = notebook.lease
    assert lease is not None
    told = {
        "id": notebook.id,
        "name": notebook.name,
        "description": notebook.description,
        "feature": notebook.feature,
        "status": notebook.raw_status,
        "flavor": notebook.flavor,
        "workspace_id": notebook.workspace,
        "user_id": notebook.owner_id,
        "token": notebook.token,
        "url": notebook.url,
        "create_at": notebook.created_at,
        "update_at": notebook.updated_at,
        "image": (notebook.image_id, notebook.image_name),
        "volume": (notebook.volume_gb, notebook.volume_category) if notebook.volume_gb else None,
        "user": notebook.owner_name or None,
        "tags": notebook.tags,
        "lease": (lease.created_at, lease.duration, lease.enabled, lease.kind.value, lease.stamped_at),
        "action_progress": [(step.step, step.status, step.text) for step in notebook.progress],
    }
    return {name: value for name, value in told.items() if value is not None}


def said(raw: dict[str, Any]) -> dict[str, Any]:
    """The same, out of the payload."""
    lease, steps = raw["lease"], raw.get("action_progress", [])
    told = {name: raw[name] for name in seen_plainly() if name in raw}
    told |= {name: from_ms(raw[name]) for name in ("create_at", "update_at")}
    told["image"] = (raw["image"]["id"], raw["image"]["name"])
    told["tags"] = tuple((tag["key"], tag["value"]) for tag in raw.get("tags", []))
    told["action_progress"] = sorted((step["step"], step["status"], step["description"]) for step in steps)
    told["lease"] = (
        from_ms(lease["create_at"]),
        timedelta(milliseconds=lease["duration"]),
        lease["enable"],
        lease["type"],
        from_ms(lease["update_at"]),
    )
    if "volume" in raw:
        told["volume"] = (raw["volume"]["capacity"], raw["volume"]["category"])
    if "user" in raw:
        told["user"] = raw["user"]["name"]
    return told


def seen_plainly() -> tuple[str, ...]:
    return (
        *("id", "name", "description", "feature", "status", "flavor"),
        *("workspace_id", "user_id", "token", "url"),
    )


@pytest.mark.parametrize("name", ANSWERS)
def test_each_field_of_a_notebook_is_read_as_it_is_said(name: str) -> None:
    assert seen(wire.notebook(recorded(name))) == said(recorded(name))


@pytest.mark.parametrize("name", ["seed/renew", "digest/renew"])
def test_each_field_of_a_lease(name: str) -> None:
    raw, lease = recorded(name), wire.lease(recorded(name))
    assert (lease.created_at, lease.stamped_at) == (from_ms(raw["create_at"]), from_ms(raw["update_at"]))
    assert (lease.duration, lease.enabled) == (timedelta(milliseconds=raw["duration"]), True)
    assert (lease.kind, lease.span) == (LeaseType.TIMING, HOUR)


@pytest.mark.parametrize("raw", [*(recorded(name) for name in IMAGES), *recorded("seed/images")["data"]])
def test_each_field_of_an_image(raw: dict[str, Any]) -> None:
    image = catalog.image(raw)
    assert (image.id, image.name, image.tag, image.swr_path) == tuple(raw[k] for k in ("id", "name", "tag", "swr_path"))
    assert (image.kind, image.status, image.description) == (raw["type"], raw["status"], raw.get("description", ""))
    assert image.arch == raw["arch"].lower()
    assert (list(image.services), list(image.categories)) == (raw["dev_services"], raw["resource_categories"])


def test_each_field_of_a_flavor() -> None:
    (raw,) = recorded("digest/flavors")["data"]
    ((flavor,), count) = catalog.flavors(recorded("digest/flavors"))
    assert count == 1
    assert (flavor.id, flavor.name, flavor.description) == (raw["id"], raw["name"], raw["description"])
    assert (flavor.category, flavor.arch, flavor.vcpus, flavor.memory_gb) == ("CPU", "x86_64", 2, 8.0)
    assert (flavor.sold_out, flavor.free, list(flavor.storages)) == (False, False, raw["storages"])


def test_quota_tags_and_token() -> None:
    assert catalog.quota(recorded("digest/feature")) == catalog.Quota(20, 3)
    assert catalog.tag_union(recorded("digest/tags")) == {"owner": ("ada", "bob")}
    raw, token = recorded("digest/iam_token")["token"], catalog.token(recorded("digest/iam_token"))
    assert token.expires_at is not None
    assert token.expires_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") == raw["expires_at"]
    who = token.identity
    assert (who.user_id, who.user_name, who.project_id) == (
        raw["user"]["id"],
        raw["user"]["name"],
        raw["project"]["id"],
    )
    assert (who.domain_id, who.domain_name) == (raw["user"]["domain"]["id"], raw["user"]["domain"]["name"])


@pytest.mark.parametrize(
    ("name", "status", "kind", "code"),
    [
        ("digest/error", 400, CloudBusy, "ModelArts.6357"),
        ("digest/iam_error", 401, CloudLoginFailed, "401"),
        ("digest/aom_error", 400, CloudInvalid, "AOM.04008001"),
    ],
)
def test_refusals(name: str, status: int, kind: type[Exception], code: str) -> None:
    _, error = faults.error(status, (DATA / f"{name}.json").read_bytes(), {})
    assert (type(error), error.code) == (kind, code)
    assert error.said


@pytest.mark.parametrize("name", ["seed/create_request", "digest/create_request"])
def test_a_create_asks_what_the_recorded_one_asks(name: str) -> None:
    """Upper case instead of lower where the clouds take both, and always a lease."""
    raw = recorded(name)
    wish = NewNotebook(
        raw["name"], raw["image_id"], raw["flavor"], 2 * HOUR, disk_gb=50, description=raw["description"]
    )
    asked = json.loads(wire.create_body(wish, TRAITS["hwc"]))
    assert asked.pop("lease") == {"duration": 7_200_000, "type": "TIMING"}
    raw.pop("lease", None)
    raw["volume"] = {key: value.upper() if isinstance(value, str) else value for key, value in raw["volume"].items()}
    assert asked == raw


def test_a_renewal_asks_what_the_recorded_one_asks() -> None:
    assert json.loads(wire.renew_body(HOUR, LeaseType.TIMING, TRAITS["otc"])) == recorded("seed/renew_request")


async def test_a_login_and_a_tag_ask_what_the_recorded_ones_ask(bench: Any, make: Make) -> None:
    bench.script.on("POST", r"/tags/create", httpx.Response(204))
    cloud = bench.cloud(PasswordCredentials("ACME-EU-DE-0001", "notebook-bot", "REDACTED"), cloud="hwc")
    await cloud.set_tags(NotebookId("nb-1"), {"owner": "ada"})
    login, tags = (json.loads(request.content) for request in bench.script.requests)
    assert login == recorded("digest/iam_token_request")
    assert tags == recorded("digest/tags_request")


def test_no_recorded_payload_is_forgotten() -> None:
    there = {
        f"{file.parent.name}/{file.stem}" for folder in ("seed", "digest") for file in (DATA / folder).glob("*.json")
    }
    read = {*ANSWERS, *IMAGES, "seed/renew", "digest/renew", "seed/images", "digest/flavors", "digest/feature"}
    read |= {"digest/tags", "digest/iam_token", "digest/error", "digest/iam_error", "digest/aom_error"}
    asked = {"seed/create_request", "digest/create_request", "seed/renew_request", "digest/iam_token_request"}
    assert there == read | asked | {"digest/tags_request"} | READ_ELSEWHERE | NOT_USED
