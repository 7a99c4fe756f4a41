"""The README's picture can be made again, and is what the README shows."""

import struct
from pathlib import Path

import pytest

from deploy.sandbox.picture import SIZE, take

pytestmark = pytest.mark.browser
SHOWN = Path(__file__).parents[2] / ".github" / "sandbox.png"
MOST = 400 * 1024


def size(picture: bytes) -> dict[str, int]:
    """Of a PNG, from its header."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    return {"width": width, "height": height}


async def test_the_picture_is_made_again(tmp_path: Path) -> None:
    await take(tmp_path / "sandbox.png")
    for made in (tmp_path / "sandbox.png", SHOWN):
        picture = made.read_bytes()
        assert size(picture) == SIZE
        assert 50_000 < len(picture) < MOST
