"""The picture is an extra: with it a PNG, without it the figures in words."""

import subprocess
import sys
from typing import Any

from bot.render import charts
from bot.render.context import Context
from bot.render.registry import render
from tests.unit.render.samples import NOW, cost_rows, samples


def test_the_dearest_come_first_and_the_rest_is_added_up() -> None:
    rows: Any = cost_rows("train", 20)
    shown = charts.top(list(reversed(rows)))
    assert [row["label"] for row in shown[:2]] == ["train", "train-1"]
    assert shown[-1]["label"] == "9 others"
    assert abs(sum(row["value"] for row in shown) - sum(row["value"] for row in rows)) < 1e-9


def test_a_picture_is_a_png_of_modest_size() -> None:
    rows: Any = cost_rows("train", 20)
    picture = charts.cost_chart("What it cost", rows, "EUR")
    assert picture is not None
    assert picture.startswith(b"\x89PNG\r\n")
    assert len(picture) < 400_000


def test_nothing_is_drawn_of_nothing() -> None:
    assert charts.cost_chart("What it cost", [], "EUR") is None
    assert charts.cost_chart("What it cost", [{"label": "a", "hours": "", "cost": "", "value": 0.0}], "EUR") is None


def test_a_message_carries_its_picture_with_words_for_it() -> None:
    kind, facts = samples()["digest/daily"]
    message = render(kind, facts, NOW, Context())
    assert message is not None
    assert message.image
    assert message.image_alt.startswith("Bar chart. research: what it cost: train-1 5.10 EUR; ")


def test_names_cannot_run_in_the_chart() -> None:
    """Labels are data in an expression: quotes and braces in them stay text."""
    rows: Any = [{"label": "\"]; bad('x')//{}", "hours": "1 h", "cost": "1 EUR", "value": 1.0}]
    assert charts.cost_chart("x\"'{}", rows, "EUR") is not None


def test_without_the_extra_the_message_is_whole() -> None:
    script = (
        "import sys; sys.modules['vl_convert'] = None\n"
        "from bot.render.context import Context\n"
        "from bot.render.registry import render\n"
        "from tests.unit.render.samples import NOW, samples\n"
        "kind, facts = samples()['cost']\n"
        "message = render(kind, facts, NOW, Context())\n"
        "print(message.image is None, '5.10 EUR' in message.text, message.image_title == '')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]
