"""Secrets at rest: AES-256-GCM, bound by additional data to the place they belong, keyed by id for rotation."""

import base64
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.errors import BotError

NONCE = 12


class SealBroken(BotError):
    """A stored secret cannot be opened. Link again; if it stays, tell your admin."""


class Sealer:
    """Seals with the first key, opens with any (contract 5: `LEASEBOT_ENCRYPTION_KEYS`)."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._first = next(iter(keys))

    @property
    def current(self) -> str:
        """Id of the key that seals."""
        return self._first

    def seal(self, clear: str, *, bound_to: str) -> str:
        """`key id.nonce.ciphertext`, the last two base64url; opens only with the same `bound_to`."""
        nonce = os.urandom(NONCE)
        sealed = self._keys[self._first].encrypt(nonce, clear.encode(), bound_to.encode())
        return f"{self._first}.{_b64(nonce)}.{_b64(sealed)}"

    def open(self, sealed: str, *, bound_to: str) -> str:
        """The clear text. Raises SealBroken if the key is gone, or it was altered or moved to another place."""
        try:
            key_id, nonce, text = sealed.split(".")
            return self._keys[key_id].decrypt(_unb64(nonce), _unb64(text), bound_to.encode()).decode()
        except (KeyError, ValueError, InvalidTag) as error:
            raise SealBroken("A stored secret could not be opened.") from error


def credential_place(team: str, user: str, project: str, field: str) -> str:
    """What a stored credential is bound to (contract 10)."""
    return f"v1|{team}|{user}|{project}|{field}"


RESPONSE_PLACE = "v1|response_url"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
