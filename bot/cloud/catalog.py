"""JSON of images, flavors, tags, quota and identities -> the model. Pure. Source: API digest, 2, 6, 7, 9 and 10."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.cloud.fields import Json, first_text, flag, iso_instant, items, mapping, number, text, texts, whole
from bot.cloud.wire import garbled
from bot.model import CloudIdentity, CloudUserId, Flavor, Image

_KIB_PER_GB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Quota:
    """How many notebooks a person may have and has; Huawei Cloud only."""

    limit: int
    used: int


@dataclass(frozen=True, slots=True)
class Token:
    """A token as IAM gave it. `life` is None when IAM does not say."""

    identity: CloudIdentity
    issued_at: datetime | None
    expires_at: datetime | None


def image(raw: object) -> Image:
    """One image; CloudGarbled without an `id`."""
    found = mapping(raw)
    if not text(found.get("id")):
        raise garbled("id")
    return Image(
        id=text(found["id"]),
        name=text(found.get("name")) or text(found["id"]),
        tag=text(found.get("tag")),
        description=text(found.get("description")),
        arch=text(found.get("arch")).lower(),
        status=text(found.get("status")).upper() or "UNKNOWN",
        kind=text(found.get("type")).upper() or "BUILD_IN",
        services=texts(found.get("dev_services")),
        categories=texts(found.get("resource_categories") or found.get("support_res_categories")),
        swr_path=text(found.get("swr_path")),
    )


def images(raw: object) -> tuple[tuple[Image, ...], int]:
    """The images of a page and how many records it had; records without an id are left out."""
    data = listed(raw, "data", "images")
    return tuple(image(entry) for entry in data if text(mapping(entry).get("id"))), len(data)


def flavor(raw: object) -> Flavor:
    """One flavor; CloudGarbled without an `id`. Memory is documented nowhere: KiB, as int or text."""
    found = mapping(raw)
    if not text(found.get("id")):
        raise garbled("id")
    memory = number(found.get("memory"))
    gpu, ascend = mapping(found.get("gpu")), mapping(found.get("ascend"))
    return Flavor(
        id=text(found["id"]),
        name=text(found.get("name")) or text(found["id"]),
        description=text(found.get("description")),
        category=text(found.get("category")).upper() or "UNKNOWN",
        arch=text(found.get("arch")).lower() or "x86_64",
        vcpus=whole(found.get("vcpus")),
        memory_gb=memory / _KIB_PER_GB if memory is not None else None,
        accelerators=number(gpu.get("gpu")) if gpu else number(ascend.get("npu")),
        accelerator_type=first_text(gpu or ascend, "type"),
        sold_out=flag(found.get("sold_out"), False),
        free=flag(found.get("free"), False),
        storages=texts(found.get("storages")),
    )


def flavors(raw: object) -> tuple[tuple[Flavor, ...], int]:
    """The flavors of a page and how many records it had; the list is under `data` or `flavors`."""
    data = listed(raw, "data", "flavors")
    return tuple(flavor(entry) for entry in data if text(mapping(entry).get("id"))), len(data)


def listed(raw: object, *names: str) -> list[Any]:
    """The list of an envelope under the first of `names` that holds one; CloudGarbled if none does."""
    found = mapping(raw)
    for name in names:
        if type(found.get(name)) is list:
            return items(found[name])
    raise garbled(names[0])


def quota(raw: object) -> Quota:
    """The instance quota; CloudGarbled without `quota`."""
    found = mapping(raw)
    limit = whole(found.get("quota"))
    if limit is None:
        raise garbled("quota")
    return Quota(limit, whole(found.get("used")) or 0)


def tag_union(raw: object) -> dict[str, tuple[str, ...]]:
    """All tag keys of a project with their values."""
    entries = (mapping(entry) for entry in items(mapping(raw).get("tags")))
    return {text(entry.get("key")): texts(entry.get("values")) for entry in entries if text(entry.get("key"))}


def token(raw: object) -> Token:
    """What IAM says about a fresh token; CloudGarbled without a user id. A project may be missing."""
    found = mapping(mapping(raw).get("token"))
    user, project = mapping(found.get("user")), mapping(found.get("project"))
    user_id = text(user.get("id"))
    if not user_id:
        raise garbled("token.user.id")
    domain = mapping(user.get("domain")) or mapping(project.get("domain"))
    identity = CloudIdentity(
        user_id=CloudUserId(user_id),
        user_name=text(user.get("name")),
        domain_id=text(domain.get("id")),
        domain_name=text(domain.get("name")),
        project_id=text(project.get("id")),
        project_name=text(project.get("name")),
        password_expires_at=iso_instant(user.get("password_expires_at")),
    )
    return Token(identity, iso_instant(found.get("issued_at")), iso_instant(found.get("expires_at")))


def project(raw: object, name: str) -> Json:
    """The project of exactly this name, {} if there is none; CloudGarbled without `projects`."""
    found = [mapping(entry) for entry in listed(raw, "projects")]
    return next((entry for entry in found if text(entry.get("name")) == name and text(entry.get("id"))), {})
