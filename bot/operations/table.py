"""Every verb that only reads, links or administers; beside `Verbs` (notebooks) and `Decide` (requests)."""

from bot.operations.admin import Admin
from bot.operations.answers.accounts import Accounts
from bot.operations.answers.auditing import Auditing
from bot.operations.answers.catalogue import Catalogue
from bot.operations.answers.limits import Limits
from bot.operations.answers.listing import List
from bot.operations.answers.myself import Myself
from bot.operations.answers.opening import Open
from bot.operations.answers.reasons import Reasons
from bot.operations.answers.showing import Show
from bot.operations.answers.undo import Undo
from bot.operations.answers.waiting import Waiting
from bot.operations.base import Parts
from bot.operations.home import Home
from bot.operations.links import Links
from bot.operations.verbs import Verb
from bot.operations.views import Views


def read_verbs(parts: Parts) -> dict[str, Verb]:
    """Verb -> function, to be joined with the tables of `Verbs` and `Decide`."""
    catalogue = Catalogue(parts)
    subjects = (
        List(parts, {"images": catalogue.images}),
        catalogue,
        *(each(parts) for each in (Show, Accounts, Reasons, Limits, Waiting, Auditing, Myself, Open, Undo)),
        *(each(parts) for each in (Home, Views, Links, Admin)),
    )
    return {name: verb for subject in subjects for name, verb in subject.table().items()}
