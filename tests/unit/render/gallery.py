"""Writes every sample as JSON, to be looked at: `python -m tests.unit.render.gallery FILE`."""

import json
import sys
from pathlib import Path
from typing import Any

from bot.render.context import Context
from bot.render.registry import render
from tests.unit.render.samples import NOW, samples


def gallery() -> list[dict[str, Any]]:
    """Name, kind, text and blocks of each sample; views stand under `view`."""
    shown = []
    for name, (kind, facts) in samples().items():
        message = render(kind, facts, NOW, Context())
        assert message is not None, name
        drawn: dict[str, Any] = {"name": name, "kind": kind}
        if kind in ("view", "home"):
            drawn["view"] = message.blocks[0]
        else:
            drawn |= {"text": message.text, "blocks": list(message.blocks), "image": bool(message.image)}
        shown.append(drawn)
    return shown


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(gallery(), indent=1, ensure_ascii=False), encoding="utf-8")
