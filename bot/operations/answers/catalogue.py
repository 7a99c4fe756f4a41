"""`images` and `flavors`: what one can create from, listed afresh when the last listing is old."""

import logging
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from bot.errors import CloudError, CloudLoginFailed
from bot.model import Flavor, Image
from bot.operations import create
from bot.operations.answers.reader import Reader, finder, page_of
from bot.operations.ask import Ask
from bot.operations.deps import Deps
from bot.operations.report import price_text
from bot.operations.verbs import Verb
from bot.render.answer_facts import FlavorRow
from bot.stores import catalogues
from bot.work import Outcome

log = logging.getLogger(__name__)

PAGE = 20
_CATEGORIES = {"ASCEND": "NPU"}
_ORDER = ("CPU", "GPU", "NPU")


class Catalogue(Reader):
    """`images [words]`, `flavors [cpu|gpu|npu]`."""

    def table(self) -> dict[str, Verb]:
        return {"images": self.images, "flavors": self.flavors}

    async def images(self, ask: Ask, now: datetime) -> Outcome:
        project, words = self.one_project(ask), str(ask.args.get("words") or "")
        matches = finder(words)
        known = [image for image in await self.known_images(ask, project, now) if usable(image)]
        found = [image for image in known if matches(_searched(image))]
        shown, page, pages = page_of(found, int(ask.args.get("page") or 1), PAGE)
        return ask.done(
            "images",
            now,
            cause=ask.claim.id,
            request=str(ask.args.get("request") or ask.claim.id),
            project=project,
            words=words,
            rows=[_image(image) for image in shown],
            page=page,
            pages=pages,
            total=len(found),
        )

    async def flavors(self, ask: Ask, now: datetime) -> Outcome:
        project, category = self.one_project(ask), str(ask.args.get("category") or "").upper()
        rows = flavor_rows(self.deps, await self.known_flavors(ask, project, now))
        wanted: dict[str, Any] = {"category": category} if category else {}
        return ask.done(
            "flavors",
            now,
            project=project,
            rows=[row for row in rows if not category or row["category"] == category],
            **wanted,
        )

    async def known_images(self, ask: Ask, project: str, now: datetime) -> tuple[Image, ...]:
        """Listed in the last ten minutes, or now; else as last listed. Raises CloudError if they never were."""
        try:
            return await create.images(self.operation, await self.cloud(ask, project), project, now)
        except CloudError as error:
            entries = await self._last(ask, project, "images", error)
            return catalogues.images(entries)

    async def known_flavors(self, ask: Ask, project: str, now: datetime) -> tuple[Flavor, ...]:
        """The same for flavors."""
        try:
            return await create.flavors(self.operation, await self.cloud(ask, project), project, now)
        except CloudError as error:
            entries = await self._last(ask, project, "flavors", error)
            return catalogues.flavors(entries)

    async def _last(self, ask: Ask, project: str, kind: catalogues.Kind, error: CloudError) -> list[dict[str, Any]]:
        log.warning("%s of %s: %s", kind, project, error)
        if isinstance(error, CloudLoginFailed) and project in ask.person.cloud_users:
            await self.refused(ask, project, error)
        async with self.deps.db.read() as db:
            entries, _at = await catalogues.get(db, project, kind)
        if not entries:
            raise error
        return entries


def usable(image: Image) -> bool:
    """Whether a notebook can be made from it now."""
    return image.status == "ACTIVE" and "NOTEBOOK" in (image.services or ("NOTEBOOK",))


def _searched(image: Image) -> str:
    return " ".join((image.name, image.tag, image.description, image.id, *image.categories))


def _image(image: Image) -> dict[str, str]:
    kind = "" if image.kind == "BUILD_IN" else image.kind.lower()
    known = {"tag": image.tag, "arch": image.arch, "kind": kind, "description": image.description}
    return {"id": image.id, "name": image.name} | {key: value for key, value in known.items() if value}


def flavor_rows(deps: Deps, known: tuple[Flavor, ...]) -> list[FlavorRow]:
    """By category, then cheapest first; those without a price last."""

    def order(flavor: Flavor) -> tuple[int, Decimal, str]:
        price, category = deps.config.prices.per_hour(flavor.id), category_said(flavor)
        place = _ORDER.index(category) if category in _ORDER else len(_ORDER)
        return place, Decimal("Infinity") if price is None else price, flavor.id

    return [flavor_row(deps, flavor) for flavor in sorted(known, key=order)]


def flavor_row(deps: Deps, flavor: Flavor) -> FlavorRow:
    """One machine size, with its price per hour if the policy file names one."""
    row: FlavorRow = {"id": flavor.id, "size": size(flavor), "category": category_said(flavor)}
    if price := price_text(deps, flavor.id):
        row["price"] = price
    if flavor.sold_out:
        row["sold_out"] = True
    return row


def category_said(flavor: Flavor) -> str:
    """CPU, GPU or NPU."""
    return _CATEGORIES.get(flavor.category.upper(), flavor.category.upper())


def size(flavor: Flavor) -> str:
    """`2 vCPUs, 8 GB`, `8 vCPUs, 64 GB, 1 x V100`."""
    parts = [f"{flavor.vcpus} vCPUs" if flavor.vcpus else "", f"{flavor.memory_gb:g} GB" if flavor.memory_gb else ""]
    if flavor.accelerators:
        parts.append(f"{flavor.accelerators:g} x {flavor.accelerator_type or category_said(flavor)}")
    return ", ".join(part for part in parts if part) or flavor.description or flavor.name or flavor.id


Known = TypeVar("Known", Flavor, Image)


def by_id(known: tuple[Known, ...], wanted: str | None) -> Known | None:
    """The one of this id."""
    return next((each for each in known if each.id == wanted), None)
