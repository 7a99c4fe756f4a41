"""All of them, by promise."""

from tests.mutations.evidence import EVIDENCE
from tests.mutations.leases import LEASES
from tests.mutations.mutation import Mutation
from tests.mutations.notices import NOTICES
from tests.mutations.once import ONCE
from tests.mutations.passes import PASSES

EVERY: tuple[Mutation, ...] = (*NOTICES, *EVIDENCE, *LEASES, *ONCE, *PASSES)
