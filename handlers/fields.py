"""What single fields may hold; the same for a typed command and for a modal."""

import re

from bot.errors import BadInput

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
DISK_LEAST, DISK_MOST = 5, 4096  # GB


def check_name(text: str) -> str:
    """A new notebook's name: 1 to 64 letters, digits, `-` and `_`. Raises BadInput."""
    if not _NAME.fullmatch(text):
        raise BadInput(f'"{text[:80]}" cannot be a name: 1 to 64 letters, digits, - and _.')
    return text


def check_disk(text: str) -> int:
    """A disk in GB, 5 to 4096. Raises BadInput."""
    plain = text.strip().lower().removesuffix("gb").removesuffix("g").strip()
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 6 and DISK_LEAST <= int(plain) <= DISK_MOST):
        raise BadInput(f'"{text[:40]}" is not a disk size: {DISK_LEAST} to {DISK_MOST} (GB).')
    return int(plain)
