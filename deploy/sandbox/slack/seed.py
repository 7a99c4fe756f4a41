"""The people and channels a sandbox starts with."""

from deploy.sandbox.slack.workspace import Channel, User, UserGroup, Workspace

PEOPLE = [
    User("U0ANA", "ana", "Ana", "Europe/Berlin", "data scientist", email="ana@example.com", avatar_color="#8e44ad"),
    User("U0BEN", "ben", "Ben", "America/New_York", "data scientist", email="ben@example.com", avatar_color="#16a085"),
    User("U0CARLA", "carla", "Carla", "Europe/Berlin", "approver", email="carla@example.com", avatar_color="#c0392b"),
    User(
        "U0DORA", "dora", "Dora", "Europe/Berlin", "admin",
        email="dora@example.com", is_admin=True, avatar_color="#d68910",
    ),
    User("U0GUEST", "guest", "Gus (guest)", role="guest", is_restricted=True, avatar_color="#7f8c8d"),
    User(
        "U0STRANGER", "stranger", "Sam (other company)", role="outsider",
        team_id="T0OTHER", is_stranger=True, avatar_color="#34495e",
    ),
    User("U0LEASEBOT", "leasebot", "leasebot", role="bot", is_bot=True, avatar_color="#2471a3"),
]  # fmt: skip

_FOUR = ["U0ANA", "U0BEN", "U0CARLA", "U0DORA"]


def seed_default(workspace: Workspace) -> None:
    """Four people, a guest, a stranger from a shared channel, three channels and two user groups."""
    for user in PEOPLE:
        workspace.users[user.id] = User(**vars(user))
    for channel in (
        Channel("C0RESEARCH", "research", "channel", [*_FOUR, "U0GUEST", "U0LEASEBOT"]),
        Channel("C0RANDOM", "random", "channel", [*_FOUR]),
        Channel("C0SHARED", "shared-lab", "channel", ["U0ANA", "U0DORA", "U0STRANGER", "U0LEASEBOT"], False, True),
    ):
        workspace.channels[channel.id] = channel
    for group in (
        UserGroup("S0APPROVERS", "approvers", "Approvers", ["U0CARLA", "U0DORA"]),
        UserGroup("S0ADMINS", "admins", "Admins", ["U0DORA"]),
    ):
        workspace.groups[group.id] = group
