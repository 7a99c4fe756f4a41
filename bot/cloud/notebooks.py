"""One project seen with one person's credentials: every operation, each made safe to repeat by reading back."""

import contextlib
from datetime import datetime, timedelta

from bot.cloud import catalog, wire
from bot.cloud.auth import Session
from bot.cloud.catalog import Quota
from bot.cloud.dialect import TRAITS
from bot.cloud.line import Line
from bot.cloud.listing import PAGE, walk
from bot.cloud.sending import Answer, Call, Sender
from bot.cloud.signing import encode
from bot.errors import (
    AnswerLost,
    CloudAlready,
    CloudBusy,
    CloudConflict,
    CloudDenied,
    CloudError,
    CloudGarbled,
    CloudInvalid,
    CloudNotFound,
)
from bot.model import (
    CloudIdentity,
    CloudUserId,
    Endpoint,
    Flavor,
    Image,
    Lease,
    LeaseType,
    Listing,
    NewNotebook,
    Notebook,
    NotebookId,
    Status,
)

Query = tuple[tuple[str, str], ...]
_UP = frozenset({Status.STARTING, Status.RUNNING, Status.SNAPSHOTTING})
_DOWN = frozenset({Status.STOPPING, Status.STOPPED})
_GONE = frozenset({Status.DELETING, Status.DELETED})
_DELETABLE = frozenset(
    {Status.STOPPED, Status.CREATE_FAILED, Status.START_FAILED, Status.DELETE_FAILED, Status.ERROR, Status.FROZEN}
)
_SLACK = timedelta(seconds=2)  # the server's clock is only known to a second
_IMAGES_PER_PAGE = 200
_SECOND_LOOK_AFTER = 3.0


class HttpCloud:
    """Implements `bot.cloud.port.Cloud` over HTTP."""

    def __init__(self, endpoint: Endpoint, session: Session, sender: Sender, line: Line, *, interactive: bool) -> None:
        self.endpoint = endpoint
        self._session = session
        self._sender = sender
        self._line = line
        self._interactive = interactive
        self._traits = TRAITS[endpoint.cloud]

    def server_now(self) -> datetime:
        """The server's clock as last seen, carried on by ours; our own before the first answer."""
        return self._line.clock.now()

    async def whoami(self) -> CloudIdentity:
        """Who the credentials belong to: proven by asking IAM now, whatever is known of them."""
        return await self._session.identity(fresh=True)

    # --- what there is ---------------------------------------------------------------------------

    async def images(self) -> tuple[Image, ...]:
        """All images, the built-in ones and the project's own; each id once."""
        found = {image.id: image for image in await self._images(())}
        with contextlib.suppress(CloudInvalid, CloudDenied, CloudNotFound):
            # Without `type` one cloud gives both kinds, the other only the built-in ones.
            found.update((image.id, image) for image in await self._images((("type", "DEDICATED"),)))
        return tuple(found.values())

    async def image(self, image_id: str) -> Image:
        """One image; CloudNotFound if there is none."""
        return (await self._get(f"/images/{encode(image_id)}")).read(catalog.image)

    async def flavors(self) -> tuple[Flavor, ...]:
        """All flavors, sold out or not."""
        return (await self._get("/notebooks/flavors")).read(catalog.flavors)[0]

    async def switchable_flavors(self, notebook_id: NotebookId) -> tuple[Flavor, ...]:
        """The flavors this notebook may be changed to."""
        return (await self._get(f"{self._path(notebook_id)}/flavors")).read(catalog.flavors)[0]

    async def quota(self) -> Quota | None:
        """How many notebooks the caller may have; None where the cloud does not say (Open Telekom Cloud)."""
        if not self._traits.quota:
            return None
        return (await self._get("/authoring/features/NOTEBOOK")).read(catalog.quota)

    async def list_own(self) -> Listing:
        """The caller's notebooks; an account admin's whole account."""
        return await self._list("/notebooks")

    async def list_all(self, status: Status | None = None) -> Listing:
        """All notebooks of the project, or those of this state; needs the right `listAllNotebooks`."""
        return await self._list("/notebooks/all", (("status", status.value),) if status else ())

    async def show(self, notebook_id: NotebookId) -> Notebook:
        """One notebook, with url, token and lease as they are now; CloudNotFound if there is none."""
        answer = await self._get(self._path(notebook_id))
        return self._heard(answer.read(wire.notebook), answer)

    async def gone(self, notebook_id: NotebookId, pause: float = _SECOND_LOOK_AFTER) -> bool:
        """Whether it is surely deleted: two not-founds, `pause` seconds apart (API digest, section 12)."""
        for again in (False, True):
            if again:
                await self._sender.rest(pause)
            try:
                if (await self.show(notebook_id)).status is not Status.DELETED:
                    return False
            except CloudNotFound:
                continue
        return True

    # --- changes ---------------------------------------------------------------------------------

    async def create(self, wish: NewNotebook) -> Notebook:
        """Ask once; never repeated here unless it was surely not carried out.

        After `AnswerLost` use `find_created` before asking again. The status of the answer proves nothing.
        """
        if wish.disk_category not in self._traits.volume_categories:
            raise CloudInvalid(f"This cloud has no disks of category {wish.disk_category}")
        body = wire.create_body(wish, self._traits, self.endpoint.workspace)
        answer = await self._write("POST", "/notebooks", body=body)
        try:
            return self._heard(answer.read(wire.notebook), answer)
        except CloudGarbled as exc:
            raise AnswerLost(
                "The cloud took the notebook but did not say which it is",
                status=answer.status,
                request_id=answer.request_id,
            ) from exc

    async def find_created(self, name: str, since: datetime) -> Notebook | None:
        """The caller's newest notebook of exactly this name made at or after `since` (server time), if any.

        Two seconds are allowed for the server's clock, which is only known to the second. CloudDown if the list
        could not be read to its end: then nothing is known.
        """
        me = await self._me()
        found = await self._list("/notebooks", (("name", name),))
        mine = [
            notebook
            for notebook in found.notebooks
            if notebook.name == name
            and (me is None or notebook.owner_id in (me, None))
            and notebook.created_at is not None
            and notebook.created_at >= since - _SLACK
            and notebook.status is not Status.DELETED
        ]
        if not mine and not found.complete:
            raise AnswerLost("The cloud's list could not be read to its end")
        return max(mine, key=lambda notebook: notebook.created_at or since, default=None)

    async def _me(self) -> CloudUserId | None:
        """The caller, None if the cloud does not tell: its list of one's own is nearly as good."""
        try:
            return (await self._session.identity(fresh=False)).user_id
        except CloudError:
            return None

    async def start(self, notebook_id: NotebookId, for_: timedelta, kind: LeaseType) -> Notebook:
        """Start, or find it running or starting already: both are success, but the latter keeps its old lease."""
        self._known(kind)
        return await self._move(notebook_id, "start", wire.start_query(for_, kind, self._traits), _UP)

    async def stop(self, notebook_id: NotebookId) -> Notebook:
        """Stop, or find it stopped or stopping already: both are success."""
        return await self._move(notebook_id, "stop", (), _DOWN)

    async def delete(self, notebook_id: NotebookId) -> None:
        """Delete a stopped one; an absent one is success. CloudConflict unless it is at rest."""
        for last in (False, True):
            if not await self._may_be_deleted(notebook_id):
                return
            try:
                await self._write("DELETE", self._path(notebook_id))
                return
            except CloudNotFound:
                return
            except AnswerLost:
                if last:
                    raise

    async def update(self, notebook_id: NotebookId, **changes: str) -> Notebook:
        """Change `name`, `description` or `flavor`; what is not named stays. Repeating it changes nothing more."""
        if unknown := changes.keys() - {"name", "description", "flavor"}:
            raise CloudInvalid(f"{', '.join(sorted(unknown))} cannot be changed")
        if "description" in changes:
            changes["description"] = self._traits.description(changes["description"])
        await self._write("PUT", self._path(notebook_id), body=wire.encode(dict(changes)))
        return await self.show(notebook_id)

    async def lease(self, notebook_id: NotebookId) -> Lease:
        """The lease; on a stopped notebook it means nothing. CloudNotFound, CloudGarbled if it has none."""
        try:
            return (await self._get(f"{self._path(notebook_id)}/lease")).read(wire.lease)
        except CloudConflict:
            shown = (await self.show(notebook_id)).lease
            if shown is None:
                raise
            return shown

    async def renew(self, notebook_id: NotebookId, for_: timedelta, kind: LeaseType) -> Lease:
        """Let it run for `for_`, counted from the server's now; shorter than what is left would shorten it.

        The lease that is returned was read back. After a lost answer it is read first, and asked for again only
        if it ends too early, so that nobody's longer lease is cut.
        """
        self._known(kind)
        path, body = f"{self._path(notebook_id)}/lease", wire.renew_body(for_, kind, self._traits)
        asked_at = self.server_now() - _SLACK
        answered: Lease | None = None
        try:
            answered = self._lease_in(await self._write("PATCH", path, body=body))
        except AnswerLost as lost:
            seen = await self._lease_after(notebook_id, lost)
            if _renewed(seen, kind, asked_at, for_):
                return seen
            answered = self._lease_in(await self._write("PATCH", path, body=body))
        try:
            return await self.lease(notebook_id)
        except CloudError:
            if answered is None:
                raise
            return answered

    # --- tags (Huawei Cloud) ---------------------------------------------------------------------

    async def tags(self) -> dict[str, tuple[str, ...]]:
        """All tag keys of the project with their values; {} where the cloud has no tags."""
        if not self._traits.tags:
            return {}
        return (await self._get("/notebooks/tags", self._in_workspace())).read(catalog.tag_union)

    async def set_tags(self, notebook_id: NotebookId, tags: dict[str, str]) -> None:
        """Add tags or overwrite their values; CloudInvalid where the cloud has none."""
        await self._tags("POST", f"{self._path(notebook_id)}/tags/create", tags)

    async def remove_tags(self, notebook_id: NotebookId, tags: dict[str, str]) -> None:
        """Remove tags; CloudInvalid where the cloud has none."""
        await self._tags("DELETE", f"{self._path(notebook_id)}/tags/delete", tags)

    async def _tags(self, method: str, path: str, tags: dict[str, str]) -> None:
        if not self._traits.tags:
            raise CloudInvalid("This cloud has no tags")
        body = wire.encode({"tags": [{"key": key, "value": value} for key, value in tags.items()]})
        await self._write(method, path, self._in_workspace(), body=body)

    # --- how -------------------------------------------------------------------------------------

    async def _move(self, notebook_id: NotebookId, verb: str, query: Query, wished: frozenset[Status]) -> Notebook:
        """Start or stop: on a conflict or a lost answer the notebook is read and, if it is as wished, that is it.

        A lost one is asked for again only if nothing has happened since: else it may have been carried out and undone
        by somebody, whose work a second one would end.
        """
        path, asked_at = f"{self._path(notebook_id)}/{verb}", self.server_now() - _SLACK
        for last in (False, True):
            try:
                return await self._moved(notebook_id, await self._write("POST", path, query), wished)
            except (CloudConflict, AnswerLost) as error:
                seen = await self._seen_after(notebook_id, error)
                if seen.status in wished:
                    return seen
                untouched = seen.updated_at is None or seen.updated_at < asked_at
                if last or not (isinstance(error, AnswerLost) and untouched):
                    raise _not_already(error, seen) from error
        raise AssertionError("the last turn returns or raises")

    async def _moved(self, notebook_id: NotebookId, answer: Answer, wished: frozenset[Status]) -> Notebook:
        try:
            told = self._heard(wire.notebook(answer.body), answer)
        except CloudGarbled:
            return await self.show(notebook_id)
        return told if told.status in wished else await self.show(notebook_id)

    async def _seen_after(self, notebook_id: NotebookId, error: CloudError) -> Notebook:
        try:
            return await self.show(notebook_id)
        except CloudNotFound:
            raise
        except CloudError as unseen:
            raise error from unseen

    async def _lease_after(self, notebook_id: NotebookId, lost: AnswerLost) -> Lease:
        try:
            return await self.lease(notebook_id)
        except CloudNotFound:
            raise
        except CloudError as unseen:
            raise lost from unseen

    async def _may_be_deleted(self, notebook_id: NotebookId) -> bool:
        """False if there is nothing left to delete; CloudConflict if it is not at rest."""
        try:
            seen = await self.show(notebook_id)
        except CloudNotFound:
            return False
        if seen.status in _GONE:
            return False
        if seen.status in _DELETABLE:
            return True
        if seen.status.runs or seen.status is Status.UNKNOWN:
            raise CloudConflict(f"{seen.name} is {seen.raw_status}: it has to be stopped before it is deleted")
        raise CloudBusy(f"{seen.name} is {seen.raw_status}: it can be deleted when that has ended")

    async def _list(self, path: str, query: Query = ()) -> Listing:
        query = (*self._in_workspace(), *query)

        async def fetch(offset: int) -> wire.Page:
            return (await self._get(path, (("limit", str(PAGE)), ("offset", str(offset)), *query))).read(wire.page)

        notebooks, complete = await walk(fetch)
        return Listing(notebooks, complete, self.server_now())

    def _in_workspace(self) -> Query:
        """The filter by workspace; the default one needs none."""
        workspace = self.endpoint.workspace
        return ((self._traits.workspace_filter, workspace),) if workspace != "0" else ()

    async def _images(self, query: Query) -> list[Image]:
        found: dict[str, Image] = {}
        offset = 0
        while True:
            page = (("limit", str(_IMAGES_PER_PAGE)), ("offset", str(offset)), *query)
            images, count = (await self._get("/images", page)).read(catalog.images)
            fresh = [image for image in images if image.id not in found]
            found.update((image.id, image) for image in fresh)
            offset += count
            if count < _IMAGES_PER_PAGE or not fresh:
                return list(found.values())

    def _heard(self, told: Notebook, answer: Answer) -> Notebook:
        if told.server_now is not None:
            self._line.clock.heard(told.server_now, answer.sent)
        return told

    @staticmethod
    def _lease_in(answer: Answer) -> Lease | None:
        try:
            return wire.lease(answer.body)
        except CloudGarbled:
            return None

    @staticmethod
    def _path(notebook_id: NotebookId) -> str:
        return f"/notebooks/{encode(notebook_id)}"

    @staticmethod
    def _known(kind: LeaseType) -> None:
        if kind is LeaseType.UNKNOWN:
            raise CloudInvalid("The lease is of a type that is not known here, so it is left as it is")

    async def _get(self, path: str, query: Query = ()) -> Answer:
        return await self._send("GET", path, query, b"", safe=True)

    async def _write(self, method: str, path: str, query: Query = (), *, body: bytes = b"") -> Answer:
        return await self._send(method, path, query, body, safe=False)

    async def _send(self, method: str, path: str, query: Query, body: bytes, *, safe: bool) -> Answer:
        full = f"/v1/{await self._session.project_id()}{path}"
        call = Call(method, self.endpoint.modelarts, full, query, body, safe, self._interactive)
        return await self._sender.send(self._line, call, self._session)


def _renewed(seen: Lease, kind: LeaseType, asked_at: datetime, for_: timedelta) -> bool:
    """Whether a lease read after a lost answer is what was asked for, or better."""
    if not seen.enabled or seen.kind is not kind:
        return False
    if seen.ends is not None:
        return seen.ends >= asked_at + for_
    return seen.stamped_at is not None and seen.stamped_at >= asked_at


def _not_already(error: CloudError, seen: Notebook) -> CloudError:
    """`already so` is said of the other state: then something else is under way."""
    if isinstance(error, CloudAlready):
        return CloudBusy(
            f"{seen.name} is {seen.raw_status}", status=error.status, code=error.code, request_id=error.request_id
        )
    return error
