"""`admin`: mode, brake, and who gets the notices of people who have not linked. Every call is checked again."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select

from bot.clock import to_ms
from bot.config.policy import effective
from bot.errors import BadInput, NotAllowed, NotFound
from bot.model import Person
from bot.operations.alerts import told_since
from bot.operations.answers.reader import Reader
from bot.operations.ask import Ask
from bot.operations.links import erase, tell, welcome
from bot.operations.notices import AWAY, promise_anew, settle_alerts, take_enforce_off
from bot.operations.tab import refresh_home
from bot.operations.verbs import Verb
from bot.rules import brakes
from bot.stores import hints, identities, trail
from bot.stores.database import Tx
from bot.stores.identities import Place
from bot.stores.locks import lock, lock_brake
from bot.stores.schema import identities as table
from bot.stores.schema import outbox, projects
from bot.stores.upsert import find, put
from bot.work import Done, Outcome


class Admin(Reader):
    """`admin enforce|shadow|pause|release [PROJECT]`, `admin map @user CLOUD_USER [PROJECT]`, and their buttons."""

    def table(self) -> dict[str, Verb]:
        return {"admin": self.admin}

    async def admin(self, ask: Ask, now: datetime) -> Outcome:
        what = str(ask.args.get("what"))
        project = await self._project(ask)
        match what:
            case "enforce" | "shadow":
                return await self._mode(ask, project, what, now)
            case "pause":
                return await self._pause(ask, project, now)
            case "release":
                return await self._release(ask, project, now)
            case "map":
                return await self._map(ask, project, now)
        raise BadInput(f"I do not know “admin {what}”.")

    async def _project(self, ask: Ask) -> str:
        """Named, the channel's, or the only one they are admin of; who is no admin of it gets no further."""
        known = self.deps.config.projects
        named = ask.args.get("project")
        if named is not None and named not in known:
            raise NotFound(f"There is no project “{named}”.", next_step=f"There are: {', '.join(known)}.")
        mine = [name for name in known if await self.parts.people.is_admin(ask.user, name)]
        if not mine or (named is not None and named not in mine):
            raise NotAllowed("Only an admin can do that.", next_step="Ask one of your admins.")
        if named is not None or len(mine) == 1:
            return str(named or mine[0])
        here = next((name for name in mine if ask.channel and known[name].channel == ask.channel), None)
        if here is None:
            raise BadInput("Which project?", next_step=f"Say it at the end, one of: {', '.join(mine)}.")
        return here

    async def _state(self, project: str) -> Any | None:
        async with self.deps.db.read() as db:
            return (await db.execute(select(projects).where(projects.c.name == project))).first()

    async def _mode(self, ask: Ask, project: str, mode: str, now: datetime) -> Outcome:
        """The file's value wins, and is said."""
        state = await self._state(project)
        policy = effective(self.deps.config, project, stored_mode=state.mode if state else None)
        if policy.mode_is_fixed:
            source = policy.sources["idle_mode"]
            return ask.done(
                "text", now, text=f"The policy file says idle_mode = {policy.idle_mode} ({source}), and that wins: "
                f"nothing was changed in {project}.", next_step="Take it out of the file to choose it here.",
            )  # fmt: skip
        if policy.idle_mode == mode:
            return ask.done("text", now, text=f"{project} is in {mode} mode already; nothing was changed.")
        if await self._taken_off(ask, project):
            text = f"Nothing was changed: {project} was put into {policy.idle_mode} mode after this button was used."
            return ask.done("text", now, text=text, next_step=f"To {mode} again, type `admin {mode} {project}`.")
        said = {
            "enforce": "From now on idle notebooks are stopped after a warning and its grace.",
            "shadow": "Idle notebooks are only recorded from now on; the digest lists them.",
        }[mode]

        async def write(db: Tx) -> None:
            await self._change(db, ask, project, mode, now, {"mode": mode})
            if mode == "enforce":
                await take_enforce_off(db, project, now)

        return ask.done("text", now, write=write, text=f"{project} is in {mode} mode. {said}")

    async def _taken_off(self, ask: Ask, project: str) -> bool:
        """Whether the button was taken off its digest, for what it offers was done once."""
        if not ask.cause.startswith("digest:"):
            return False
        async with self.deps.db.read() as db:
            digest = await find(db, outbox, key=ask.cause.removesuffix(f":{project}"))
        return digest is not None and not digest.facts.get("may_enforce")

    async def _pause(self, ask: Ask, project: str, now: datetime) -> Outcome:
        """What a brake has paused stays paused for its own reason, which its release looks at."""

        async def write(db: Tx) -> None:
            state = await _braked(db, project)
            if state is not None and state.paused is not None:
                await ask.answer(
                    db, "text", now, text=f"Stops in {project} are paused already: {state.paused}; nothing was "
                    "changed.", next_step="`admin release` lets them go on.",
                )  # fmt: skip
                return
            values = {"paused": brakes.by_hand(ask.person.name or ask.user), "paused_at": now}
            await self._change(db, ask, project, "pause", now, values)
            text = f"Idle stops in {project} are paused. Leases still end, and warnings still come."
            await ask.answer(db, "text", now, text=text, next_step="`admin release` lets them go on.")

        return Done({"what": "text"}, write=write)

    async def _release(self, ask: Ask, project: str, now: datetime) -> Outcome:
        """Of a collapse it also forgets the figure it was measured against: what is seen now is the new normal."""

        async def write(db: Tx) -> None:
            state = await _braked(db, project)
            if state is None or state.paused is None:
                text = f"Stops in {project} are not paused; nothing was changed."
                await ask.answer(db, "text", now, text=text)
            elif await _drawn_before(db, ask, state):
                await ask.answer(
                    db, "text", now, text=f"Nothing was changed: stops in {project} are paused for another reason by "
                    f"now: {state.paused}.", next_step=f"If this is right, type `admin release {project}`.",
                )  # fmt: skip
            else:
                await ask.answer(db, "text", now, text=await self._let_go(db, ask, project, state, now))

        return Done({"what": "text"}, write=write)

    async def _let_go(self, db: Tx, ask: Ask, project: str, state: Any, now: datetime) -> str:
        values: dict[str, Any] = {"paused": None, "paused_at": None, "released_at": now}
        if brakes.is_collapse(state.paused):
            values["last_running"] = None
        most = effective(self.deps.config, project).max_stops_per_pass
        text = f"Stops in {project} go on, at most {most} in each pass. They were paused because: {state.paused}."
        if state.paused_at is not None and now - state.paused_at >= AWAY:
            await promise_anew(db, project, now, "Stops were paused in between")
            text += " Who was warned before is warned again first."
        await settle_alerts(db, project, "brake", "Released", ask.user, now)
        await self._change(db, ask, project, "release", now, values)
        return text

    async def _change(self, db: Tx, ask: Ask, project: str, action: str, now: datetime, values: dict[str, Any]) -> None:
        await put(db, projects, {"name": project} | values)
        await self._record(db, ask, project, action, now)
        await refresh_home(db, self.deps, ask.user, now)

    async def _record(self, db: Tx, ask: Ask, project: str, action: str, now: datetime, **data: Any) -> None:
        entry = trail.Entry(project, ask.user, f"admin_{action}", request=ask.claim.id, data=data)
        await trail.append(db, self.parts.audit_key, entry, now)

    # --- who is who ----------------------------------------------------------------------------

    async def _map(self, ask: Ask, project: str, now: datetime) -> Outcome:
        """Confirms a link that waits; else says who gets the notices of a cloud user, which gives no rights."""
        user, cloud_user = str(ask.args["user"]), str(ask.args["cloud_user"])
        person = await self.parts.people.acting(user)  # so that there is a row to keep it in
        if person.deleted or person.guest or person.stranger:
            raise NotAllowed("Guests and people who left get no notices.")
        async with self.deps.db.read() as db:
            link = await identities.get(db, Place(self.deps.team, user, project))
            linked = await _linked(db, project, cloud_user)
        if link is not None and link.state == "waiting" and cloud_user in (link.cloud_user_name, link.cloud_user_id):
            return await self._confirm(ask, link, person.name or user, now)

        async def write(db: Tx) -> None:
            await hints.save(db, self.deps.team, user, project, cloud_user)
            await self._record(db, ask, project, "map", now, user=user, cloud_user=cloud_user)

        whom = await self._whom(person, linked)
        text = f"Notices about notebooks of cloud user {cloud_user} in {project} go to {whom}."
        return ask.done("text", now, write=write, text=text, next_step="This gives them no rights.")

    async def _whom(self, person: Person, linked: str | None) -> str:
        """In words; a link counts for more than what an admin says."""
        name = person.name or person.slack
        if linked is None:
            return f"{name} until somebody links it"
        if linked == person.slack:
            return f"{name}, who has linked it"
        return f"{(await self.parts.people.get(linked)).name or linked}, who has linked it; to {name} once nobody has"

    async def _confirm(self, ask: Ask, link: Any, name: str, now: datetime) -> Outcome:
        """The cloud user moves to whoever proved it last; whoever had it loses their link and is told."""
        if link.slack == ask.user:
            raise NotAllowed("You asked for this link yourself, so another admin must confirm it.")
        held = (table.c.cloud_user_id == link.cloud_user_id) & (table.c.slack != link.slack)
        async with self.deps.db.read() as db:
            elsewhere = {row.project for row in await db.execute(select(table.c.project).where(held))}
        for project in sorted(elsewhere):
            if not await self.parts.people.is_admin(ask.user, project):
                raise NotAllowed(f"They would lose a link in {project} too, where you are no admin.")

        async def write(db: Tx) -> None:
            await lock(db, f"cloud user {link.cloud_user_id}")
            if not await identities.activate(db, Place(link.team, link.slack, link.project)):
                await ask.answer(db, "already", now, text="That link does not wait any more; nothing was done.")
                return
            for row in list(await db.execute(select(table).where(held, table.c.state != "waiting"))):
                await erase(self.parts, db, row, ask.user, now, "unlink")
                words = f"An admin moved cloud user {row.cloud_user_name} to somebody else; your link for it is erased."
                await tell(self.parts, db, row.slack, words, now, "If that is wrong, tell your admin.")
            about = {"user": link.slack, "cloud_user": link.cloud_user_name}
            await self._record(db, ask, link.project, "confirm_link", now, **about)
            await welcome(self.parts, db, link.slack, link.project, link.cloud_user_name, now)
            text = f"Confirmed: cloud user {link.cloud_user_name} in {link.project} is linked to {name}."
            await ask.answer(db, "text", now, text=text)

        return Done({"what": "confirmed"}, write=write)


async def _braked(db: Tx, project: str) -> Any | None:
    """The project as it is until this is written."""
    await lock_brake(db, project)
    return await find(db, projects, name=project)


async def _drawn_before(db: Tx, ask: Ask, state: Any) -> bool:
    """Whether the button was drawn for another time that a brake has tripped."""
    if not ask.cause.startswith("alert:brake:"):
        return False
    subject, _, day = ask.cause.removeprefix("alert:brake:").rpartition(":")
    since_ms = await told_since(db, "brake", subject, date.fromisoformat(day))
    return since_ms is not None and since_ms != to_ms(state.paused_at)


async def _linked(db: Tx, project: str, cloud_user: str) -> str | None:
    """The Slack id of whoever has linked this cloud user, named as an admin names it."""
    named = or_(table.c.cloud_user_name == cloud_user, table.c.cloud_user_id == cloud_user)
    here = select(table.c.slack).where(table.c.project == project, named, table.c.state != "waiting")
    return (await db.execute(here)).scalar()
