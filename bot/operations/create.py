"""Create a notebook: gate, ask once, look it up before ever asking again, watch it come up."""

from datetime import datetime, timedelta
from typing import Any

from bot.clock import from_ms, to_ms
from bot.cloud.port import Cloud
from bot.errors import BadInput, CloudSoldOut
from bot.model import Flavor, Image, LeaseType, NewNotebook, Notebook, NotebookId
from bot.operations import approvals, budgets
from bot.operations.adopt import adopt
from bot.operations.base import Operation, Parts
from bot.operations.flavors import listed
from bot.operations.policies import policy_of
from bot.operations.power import WATCH, steps_of, taken, watch_up
from bot.operations.report import price_text
from bot.rules import lease as rules
from bot.stores import catalogues
from bot.stores.database import Tx
from bot.work import Claim, Outcome

CATALOGUE_FRESH = timedelta(minutes=10)
SLACK_OF_CLOCKS = timedelta(seconds=5)  # a create of ours was not made earlier than we asked


class Create(Operation):
    """Kind `create`; `data`: project, user, name, image, flavor, disk, for_s, idle, description, shown."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.steps = {"start": self._start, "ask": self._ask, "watch": self._watch}

    async def _start(self, claim: Claim, now: datetime) -> Outcome:
        """What is asked for is checked against what there is; then the same gate as for an extension."""
        data, project = claim.data, str(claim.data["project"])
        cloud = await self.cloud(claim)
        flavor = pick_flavor(await flavors(self, cloud, project, now), data.get("flavor"))
        image = pick_image(await images(self, cloud, project, now), str(data["image"]))
        async with self.deps.db.read() as db:
            policy = await policy_of(db, self.deps, project, None, flavor.id, asked_by=str(data["user"]))
        wanted = timedelta(seconds=data["for_s"]) if data.get("for_s") else policy.lease
        shown = data["shown"] | {"flavor": flavor.id, "image": image.name, "price": price_text(self.deps, flavor.id)}
        checked = claim.data | {"flavor": flavor.id, "image": image.id, "image_name": image.name, "shown": shown}
        gate = rules.gate_start(cloud.server_now(), wanted, policy.limits)
        if isinstance(gate, rules.AskApproval) and not data.get("granted"):
            return await approvals.asked_to_create(self, claim, checked, gate, now)
        for_s = int((gate.new_end - cloud.server_now()).total_seconds() + 0.999)
        if over := await budgets.reserve(self, claim, flavor.id, timedelta(seconds=for_s), now):
            ask = rules.AskApproval(gate.new_end, "approver", over.why)
            return await approvals.asked_to_create(self, claim, checked, ask, now)

        async def write(db: Tx) -> None:
            await self.say(db, claim, "working", now, **_given(shown))

        return self.go(
            claim,
            "ask",
            write=write,
            **checked | {"for_s": for_s, "note": gate.note, "asked_ms": to_ms(cloud.server_now() - SLACK_OF_CLOCKS)},
        )

    async def _ask(self, claim: Claim, now: datetime) -> Outcome:
        """Not idempotent there: after a lost answer it is looked up by name and time, never asked blindly again."""
        cloud, data = await self.cloud(claim), claim.data
        made = None
        if claim.again:
            made = await self._made_already(cloud, claim)
        if made is None:
            made = await cloud.create(
                NewNotebook(
                    str(data["name"]),
                    str(data["image"]),
                    str(data["flavor"]),
                    timedelta(seconds=data["for_s"]),
                    LeaseType.IDLE if data.get("idle") else LeaseType.TIMING,
                    int(data.get("disk") or 50),
                    description=str(data.get("description") or ""),
                )
            )
        return await self._made(claim, made, now)

    async def _made_already(self, cloud: Cloud, claim: Claim) -> Notebook | None:
        """One of this name that no other work of ours has claimed as its own; a pass may have seen it already."""
        found = await cloud.find_created(str(claim.data["name"]), from_ms(claim.data["asked_ms"]))
        if found is None:
            return None
        async with self.deps.db.read() as db:
            another = await budgets.made_by_another(db, claim.id, found.id)
        return None if another else found

    async def _made(self, claim: Claim, made: Notebook, now: datetime) -> Outcome:
        data = claim.data | {"notebook": made.id, "shown": claim.data["shown"] | {"notebook_id": made.id}}

        async def write(db: Tx) -> None:
            await adopt(db, self.deps, str(data["project"]), made, now)
            await budgets.made(db, claim.id, made.id)
            await self.say(db, claim, "working", now, notebook_id=made.id, steps=steps_of(made))

        return self.go(claim, "watch", due=now + WATCH, write=write, **data | taken(now))

    async def _watch(self, claim: Claim, now: datetime) -> Outcome:
        cloud = await self.cloud(claim)
        notebook = await cloud.show(NotebookId(claim.data["notebook"]))
        await self.seen(claim, notebook, now)
        return await watch_up(self, claim, notebook, now, action="create")


async def flavors(op: Operation, cloud: Cloud, project: str, now: datetime) -> tuple[Flavor, ...]:
    """What there is, listed afresh when the last listing is old: sold out changes by the hour."""
    async with op.deps.db.read() as db:
        known, at = await catalogues.get(db, project, "flavors")
    if at and now - at < CATALOGUE_FRESH:
        return catalogues.flavors(known)
    return await listed(op.deps, cloud, project, now)


async def images(op: Operation, cloud: Cloud, project: str, now: datetime) -> tuple[Image, ...]:
    """What there is, listed afresh when the last listing is old."""
    async with op.deps.db.read() as db:
        known, at = await catalogues.get(db, project, "images")
    if at and now - at < CATALOGUE_FRESH:
        return catalogues.images(known)
    fresh = await cloud.images()
    async with op.deps.db.begin() as db:
        await catalogues.save(db, project, "images", fresh, now)
    return fresh


def pick_flavor(known: tuple[Flavor, ...], wanted: str | None) -> Flavor:
    """The flavor meant: its id or a unique part of it. Raises BadInput with what there is, CloudSoldOut."""
    if not wanted:
        raise BadInput("Say which flavor.", next_step="`flavors` lists them with their prices.")
    found = [f for f in known if f.id == wanted] or [f for f in known if wanted.lower() in f.id.lower()]
    if len(found) != 1:
        what = f"Several flavors match “{wanted}”" if found else f"There is no flavor “{wanted}”"
        raise BadInput(f"{what}.", next_step="Pick one of: " + ", ".join(f"`{f.id}`" for f in (found or known)[:8]))
    if found[0].sold_out:
        others = [f.id for f in known if f.category == found[0].category and not f.sold_out][:3]
        hint = "Available now: " + ", ".join(f"`{o}`" for o in others) if others else "Try again later"
        raise CloudSoldOut(f"{found[0].id} is sold out right now.", next_step=f"{hint}.")
    return found[0]


def pick_image(known: tuple[Image, ...], wanted: str) -> Image:
    """The image meant: id, full name or unique prefix. Twins of one name are told apart by their id."""
    usable = [image for image in known if image.status == "ACTIVE" and "NOTEBOOK" in (image.services or ("NOTEBOOK",))]
    exact = [i for i in usable if wanted in (i.id, i.name, f"{i.name}:{i.tag}")]
    found = exact or [i for i in usable if i.name.lower().startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInput(f"There is no image “{wanted}”.", next_step=f"`images {wanted[:20]}` searches them.")
    listed = "; ".join(f"`{i.id}` ({i.name}, {', '.join(i.categories) or i.arch})" for i in found[:5])
    raise BadInput(f"Several images match “{wanted}”.", next_step=f"Use the id of one: {listed}")


def _given(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key in ("flavor", "image", "price") and value}
