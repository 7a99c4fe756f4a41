"""What idle evidence needs from outside, and the words its sources share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.model import Endpoint, Notebook, NotebookId
from bot.rules.idle import SourceReading

Memory = Mapping[str, Any]  # JSON-able; what a source wants to find again at its next reading

DEFAULT_FRESH = timedelta(minutes=15)


class Malformed(Exception):
    """An answer has not the form it should have; `str()` names the field."""


class Aom(Protocol):
    """One project's metrics, with the service account's token. Raises `bot.errors.CloudError`.

    Source: AOM API reference, `POST /v2/{project_id}/samples` and `/v2/{project_id}/series` (API digest 17.3).
    """

    async def aom_samples(self, body: Mapping[str, Any]) -> Any:
        """The JSON answer to `body`, asked with `fill_value=-1`; at most 20 entries under `samples`."""
        ...

    async def aom_series(self, body: Mapping[str, Any]) -> Any:
        """The JSON answer: which series exist, at most 1000."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """One running notebook as just shown (its token changes at each start), and what the policy says of it."""

    notebook: Notebook
    endpoint: Endpoint
    category: str  # of its flavor: CPU, GPU, ASCEND
    running_since: datetime
    idle_after: timedelta
    idle_fresh: timedelta = DEFAULT_FRESH
    pass_interval: timedelta = timedelta()  # readings come no closer to each other than passes
    memory: Memory = field(default_factory=dict)  # what this source returned last time


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reading, and what to hand back as `Subject.memory` next time."""

    reading: SourceReading
    memory: Memory


class Source(Protocol):
    """A way to learn whether notebooks are in use. Never raises for what a notebook or a service does."""

    name: str

    async def read(self, subjects: Sequence[Subject]) -> Mapping[NotebookId, Evidence]:
        """One reading for each subject; whatever went wrong makes it unknown with the reason."""
        ...
