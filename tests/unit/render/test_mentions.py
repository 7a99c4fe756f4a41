"""Ids become mentions only where they are ids; what else stands there is escaped."""

import pytest

from bot.render import text


@pytest.mark.parametrize(
    ("plain", "shown"),
    [
        ("U0ANA", "<@U0ANA>"),
        ("S0APPROVERS, U0CARLA, W0BEN", "<!subteam^S0APPROVERS>, <@U0CARLA>, <@W0BEN>"),
        ("none", "none"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("U0ANA|x", "U0ANA|x"),
        ("S0AP…", "S0AP…"),
    ],
)
def test_ids_become_mentions(plain: str, shown: str) -> None:
    assert text.mentioned(plain) == shown
