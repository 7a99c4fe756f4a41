"""A modal was opened empty before the acknowledgement: here is what belongs in it, for the person who opened it."""

from datetime import datetime, timedelta
from typing import Any

from bot.clock import to_ms
from bot.cloud.port import Cloud
from bot.errors import Ambiguous, BadInput, BotError, CloudError, NotFound
from bot.operations import create
from bot.operations.answers.catalogue import Catalogue, by_id, flavor_rows
from bot.operations.answers.myself import settings_facts
from bot.operations.answers.reader import Reader
from bot.operations.answers.rows import disk, disk_cost
from bot.operations.answers.showing import ceiling, free_until
from bot.operations.approvals import request_facts
from bot.operations.ask import Ask
from bot.operations.base import Parts
from bot.operations.decide import Decide
from bot.operations.facts import hours, money, ms
from bot.operations.policies import policy_of
from bot.operations.report import oops, price_text
from bot.operations.verbs import Verb
from bot.outbox import Say, say
from bot.render import ids
from bot.rules import lease
from bot.rules.durations import parse_duration
from bot.stores import approvals, catalogues, notebooks
from bot.stores.database import Tx
from bot.work import Done, Go, Outcome

VIEW_LIFE = timedelta(minutes=30)  # longer nobody waits for a form
SORRY = "Sorry"

Facts = dict[str, Any]


class Views(Reader):
    """Verb `fill_view`: `args` hold the callback, the view's id, and what the button named."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.catalogue, self.decide = Catalogue(parts), Decide(parts)
        self._draw = {
            ids.VIEW_CREATE: self._create,
            ids.VIEW_DELETE: self._delete,
            ids.VIEW_EXTEND: self._extend,
            ids.VIEW_KEEP: self._keep,
            ids.VIEW_DENY: self._deny,
            ids.VIEW_LESS: self._less,
            ids.VIEW_SETTINGS: self._settings,
        }

    def table(self) -> dict[str, Verb]:
        return {"fill_view": self.fill}

    async def fill(self, ask: Ask, now: datetime) -> Outcome:
        """Draw the form; whatever stands against it is said in the form."""
        if ask.claim.step == "images":
            return await self._images(ask, now)
        callback = str(ask.args["callback"])
        try:
            facts = {"view": callback} | await self._draw[callback](ask, now)
        except Ambiguous as error:
            listed = "; ".join(f"{label} (id {id_})" for id_, label in error.choices[:5])
            facts = _error(BotError(str(error), next_step=f"Say it with the id of one: {listed}"), ask)
        except BotError as error:
            facts = _error(error, ask)

        async def write(db: Tx) -> None:
            await self._put(db, ask, facts, now)

        if facts["view"] == ids.VIEW_CREATE and not ask.args.get("values"):
            return Go("images", ask.claim.data | {"drawn": facts["project"]}, write=write)
        return Done({"view": facts["view"]}, write=write)

    async def _put(self, db: Tx, ask: Ask, facts: Facts, now: datetime) -> None:
        view = str(ask.args["view"])
        message = Say(
            key=f"view:{ask.claim.id}",
            kind="view",
            target_kind="view",
            target=view,
            fallback=ask.user,  # of a closed window only what went wrong matters
            facts={key: value for key, value in facts.items() if value is not None},
            subject=f"view:{view}",
            expires=now + VIEW_LIFE,
        )
        await say(db, self.deps.ids, message, now)

    async def _images(self, ask: Ask, now: datetime) -> Outcome:
        """The form is there; now what its typed search answers from is brought up to date."""
        project = str(ask.claim.data["drawn"])
        try:
            await create.images(self.operation, await self.cloud(ask, project), project, now)
        except CloudError:
            return Done({"images": "as last listed"})
        return Done({"images": "fresh"})

    # --- notebooks -----------------------------------------------------------------------------

    async def _create(self, ask: Ask, now: datetime) -> Facts:
        """Price and end of what is picked so far; drawn again whenever the pick changes."""
        values = dict(ask.args.get("values") or {})
        project = self._project(ask, values)
        await self.verbs.linked(ask, project)
        cloud = await self.cloud(ask, project)
        known = await self.catalogue.known_flavors(ask, project, now)
        async with self.deps.db.read() as db:
            entries, _at = await catalogues.get(db, project, "images")
            picked = str(values.get("flavor") or "")
            policy = await policy_of(db, self.deps, project, None, picked, asked_by=ask.user)
        wanted = _length(values.get("for")) or policy.lease
        image = by_id(catalogues.images(entries), values.get("image"))
        limits = policy.limits
        return {
            "cause": str(ask.claim.data.get("cause")) if values else ask.claim.id,
            "projects": list(ask.projects),
            "project": project,
            "flavors": flavor_rows(self.deps, known),
            "name": values.get("name"),
            "image": {"id": image.id, "name": image.name} if image else None,
            "flavor": picked if by_id(known, picked) else None,
            "disk_gb": _whole(values.get("disk")) or 50,
            "lease_s": int(wanted.total_seconds()),
            "max_lease_s": int(min(limits.max_extension, limits.free_total, limits.lease_max).total_seconds()),
            "stop_type": values.get("stop_type") or "timed",
        } | self._estimate(cloud, picked, wanted, limits)

    def _project(self, ask: Ask, values: Facts) -> str:
        chosen = values.get("project")
        return str(chosen) if chosen in ask.projects else self.one_project(ask)

    def _estimate(self, cloud: Cloud, flavor: str, wanted: timedelta, limits: lease.LeaseLimits) -> Facts:
        """What it comes to: the end, and the price if there is one."""
        gate = lease.gate_start(cloud.server_now(), wanted, limits)
        price = self.deps.config.prices.per_hour(flavor)
        length = gate.new_end - cloud.server_now()
        return {
            "end_ms": to_ms(gate.new_end),
            "asks": gate.why if isinstance(gate, lease.AskApproval) else None,
            "price": price_text(self.deps, flavor) if flavor else None,
            "cost": None if price is None else money(self.deps, price * hours(length)),
        }

    async def _about(self, ask: Ask) -> tuple[Any, Facts]:
        """The notebook, if the person may act on it."""
        row = await self.target(ask)
        await self.verbs.may_operate(ask, row)
        return row, {"cause": ask.cause, "project": row.project, "notebook_id": row.id, "name": row.name}

    async def _delete(self, ask: Ask, now: datetime) -> Facts:
        row, about = await self._about(ask)
        runs = notebooks.load(row.snapshot).status.runs
        return about | {"running": runs, "disk": disk(row), "disk_cost": disk_cost(self.deps, row)}

    async def _extend(self, ask: Ask, now: datetime) -> Facts:
        row, about = await self._about(ask)
        async with self.deps.db.read() as db:
            policy = await policy_of(db, self.deps, row.project, notebooks.load(row.snapshot))
        return about | {
            "end_ms": ms(row.lease_end),
            "free_until_ms": ms(free_until(row.lease_end, row.running_since, policy, now)),
            "ceiling_ms": to_ms(ceiling(policy, now)),
            "price": price_text(self.deps, row.flavor),
            "zone": (await self.parts.people.zone(ask.user)).key,
        }

    async def _keep(self, ask: Ask, now: datetime) -> Facts:
        row, about = await self._about(ask)
        async with self.deps.db.read() as db:
            policy = await policy_of(db, self.deps, row.project, notebooks.load(row.snapshot))
        return about | {
            "ceiling_ms": to_ms(now + policy.keep_max),
            "end_ms": ms(row.lease_end),
            "zone": (await self.parts.people.zone(ask.user)).key,
        }

    # --- requests ------------------------------------------------------------------------------

    async def _request(self, ask: Ask, now: datetime) -> tuple[Any, Facts]:
        """The request, if it waits and the person may decide on it."""
        async with self.deps.db.read() as db:
            row = await approvals.get(db, str(ask.args.get("approval")))
        if row is None:
            raise NotFound("I do not know this request any more.")
        if row.state != "pending":
            raise BadInput(f"This request is {row.state} already.", next_step="Nothing more can be done about it.")
        await self.decide.may_decide(ask, row, now)
        facts = request_facts(row)
        return row, {
            "cause": ask.cause,
            "approval": row.id,
            "project": row.project,
            "notebook_id": row.notebook_id or "",
            "name": facts["name"],
            "requester": row.requester,
            "wish": facts["wish"],
        }

    async def _deny(self, ask: Ask, now: datetime) -> Facts:
        _row, about = await self._request(ask, now)
        return about

    async def _less(self, ask: Ask, now: datetime) -> Facts:
        row, about = await self._request(ask, now)
        wish = {key: row.facts.get(key) for key in ("wish_s", "until_ms", "cost")}
        return about | wish | {"zone": (await self.parts.people.zone(ask.user)).key}

    async def _settings(self, ask: Ask, now: datetime) -> Facts:
        return {"cause": ask.claim.id} | await settings_facts(self.parts, ask.user)


def _error(error: BotError, ask: Ask) -> Facts:
    return {"view": "error", "title": SORRY, "oops": oops(error, ask.claim.id)}


def _length(text: Any) -> timedelta | None:
    """What stands in the field, if it is a length yet."""
    try:
        return parse_duration(str(text)) if text else None
    except BadInput:
        return None


def _whole(text: Any) -> int | None:
    return int(text) if text and str(text).isdigit() else None
