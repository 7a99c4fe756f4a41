"""The differences between the two clouds, in one table. Source: API digest, section 16."""

from dataclasses import dataclass

from bot.model import Dialect, LeaseType


@dataclass(frozen=True, slots=True)
class Traits:
    """What we send to a cloud, and which of the calls it has. Answers are read the same way from both."""

    lower_case_lease_types: bool
    volume_categories: frozenset[str]
    tags: bool
    quota: bool
    forbidden_in_description: str
    workspace_filter: str  # the other cloud's spelling is ignored in silence

    def lease_type(self, kind: LeaseType) -> str:
        """`kind` as this cloud spells it in requests; ValueError for UNKNOWN, which is never sent."""
        if kind is LeaseType.UNKNOWN:
            raise ValueError("an unknown lease type is never sent")
        return kind.value.lower() if self.lower_case_lease_types else kind.value

    def description(self, text: str) -> str:
        """`text` without what this cloud refuses in a description, at most 512 characters."""
        kept = "".join(" " if char in self.forbidden_in_description else char for char in text)
        return kept[:512]


TRAITS: dict[Dialect, Traits] = {
    "hwc": Traits(
        lower_case_lease_types=False,
        volume_categories=frozenset({"EVS", "OBS", "OBSFS", "EFS"}),
        tags=True,
        quota=True,
        forbidden_in_description="<>",
        workspace_filter="workspace_id",
    ),
    "otc": Traits(
        lower_case_lease_types=True,
        volume_categories=frozenset({"SFS", "EVS", "EFS"}),
        tags=False,
        quota=False,
        forbidden_in_description="&<>\"'/",
        workspace_filter="workspaceId",
    ),
}
