"""Money (contract 9): Decimal throughout, rounded for display only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    """What the policy file says things cost; what it does not name has no known price."""

    currency: str = "EUR"
    disk_gb_month: Decimal | None = None
    flavors: Mapping[str, Decimal] = field(default_factory=dict)  # flavor id -> per hour

    def per_hour(self, flavor: str) -> Decimal | None:
        """Price of one running hour; None when the file names none."""
        return self.flavors.get(flavor)
