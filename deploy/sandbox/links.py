"""The sandbox's people are linked already; `unlink` and `link` play the page."""

from bot.model import PasswordCredentials
from bot.operations.deps import Deps
from bot.stores import identities
from bot.stores.identities import Place

PEOPLE = {"U0ANA": "ana", "U0BEN": "ben", "U0CARLA": "carla", "U0DORA": "dora"}
DOMAIN = "OTC-EU-DE-SANDBOX"


def password(user: str) -> PasswordCredentials:
    """The simulated cloud's password of one of the people."""
    return PasswordCredentials(DOMAIN, user, f"sandbox-{user}")


async def link_people(deps: Deps, project: str, people: dict[str, str] | None = None) -> None:
    """Prove each person's credentials by a cloud call, as the page does, and keep them."""
    for slack, user in (PEOPLE if people is None else people).items():
        credentials = password(user)
        who = await deps.clouds.connect(deps.config.projects[project].endpoint, credentials).whoami()
        async with deps.db.begin() as db:
            place = Place(deps.team, slack, project)
            await identities.save(db, deps.sealer, place, credentials, who, state="active", now=deps.clock.now())
