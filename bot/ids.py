"""New ids: short, sortable by nothing, unguessable. Injected, so that a simulation can repeat itself."""

import secrets
from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: read aloud without doubt


class Ids(Protocol):
    """Makes ids and other random text."""

    def new(self) -> str:
        """A fresh id of 16 letters and digits."""
        ...

    def secret(self) -> str:
        """A fresh unguessable secret, safe in a URL."""
        ...


class RandomIds:
    """Ids from the operating system's randomness."""

    def new(self) -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(16))

    def secret(self) -> str:
        return secrets.token_urlsafe(32)
