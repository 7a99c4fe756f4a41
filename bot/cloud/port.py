"""What operations need from a cloud, in our words."""

from datetime import datetime, timedelta
from typing import Protocol

from bot.model import (
    CloudIdentity,
    Credentials,
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


class Cloud(Protocol):
    """One project seen with one person's (or the service account's) credentials.

    Every call raises a subclass of `bot.errors.CloudError`, `AnswerLost` when a write may or may not have happened.
    """

    endpoint: Endpoint

    async def whoami(self) -> CloudIdentity: ...
    async def images(self) -> tuple[Image, ...]: ...
    async def image(self, image_id: str) -> Image: ...
    async def flavors(self) -> tuple[Flavor, ...]: ...
    async def list_own(self) -> Listing: ...
    async def list_all(self, status: Status | None = None) -> Listing: ...
    async def show(self, notebook_id: NotebookId) -> Notebook: ...
    async def create(self, wish: NewNotebook) -> Notebook:
        """Ask once; never repeated here. After `AnswerLost` use `find_created` before asking again."""
        ...

    async def find_created(self, name: str, since: datetime) -> Notebook | None:
        """The caller's newest notebook of exactly this name made at or after `since` (server time), if any."""
        ...

    async def start(self, notebook_id: NotebookId, for_: timedelta, kind: LeaseType) -> Notebook: ...
    async def stop(self, notebook_id: NotebookId) -> Notebook:
        """Stop, or find it stopped or stopping already: both are success."""
        ...

    async def delete(self, notebook_id: NotebookId) -> None:
        """Delete a stopped one; an absent one is success."""
        ...

    async def lease(self, notebook_id: NotebookId) -> Lease: ...
    async def renew(self, notebook_id: NotebookId, for_: timedelta, kind: LeaseType) -> Lease:
        """Let it run for `for_`, counted from the server's now; shorter than what is left would shorten it."""
        ...

    def server_now(self) -> datetime:
        """The server's clock as last seen (`current_time`, else `Date`), carried on by ours."""
        ...


class Clouds(Protocol):
    """Gives a `Cloud` for credentials; connections, tokens, rate limits and breakers are shared per project."""

    def connect(self, endpoint: Endpoint, credentials: Credentials, *, interactive: bool = True) -> Cloud:
        """`interactive` calls (commands) take precedence over passes in the project's rate limit."""
        ...

    def forget(self, endpoint: Endpoint, credentials: Credentials) -> None:
        """Drop the login of credentials that were erased or refused."""
        ...
