"""Bar charts as PNG pictures. An optional extra: without it the figures stand in the text alone."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from bot.render.facts import DigestRow
from bot.render.text import plain_name

SHOWN = 12
_INK, _FAINT, _BAR, _REST, _PAPER = "#1d1c1d", "#616061", "#1264a3", "#9aa0a6", "#ffffff"
_SCALE = 2.0  # sharp on phones
_WIDTH, _ROW = 440, 28


def cost_chart(title: str, rows: Sequence[DigestRow], currency: str) -> bytes | None:
    """What each row cost, dearest first, as a PNG; None without the `charts` extra or without figures.

    Takes up to a second of CPU the first time: call it off the event loop.
    """
    engine = _engine()
    shown = top(rows)
    if engine is None or not any(row["value"] > 0 for row in shown):
        return None
    picture: bytes = engine.vegalite_to_png(spec(title, shown, currency), scale=_SCALE, allowed_base_urls=[])
    return picture


def top(rows: Sequence[DigestRow], most: int = SHOWN) -> list[DigestRow]:
    """The dearest rows; what is left over is added up in a last one."""
    ordered = sorted(rows, key=lambda row: -row["value"])
    if len(ordered) <= most:
        return ordered
    rest = ordered[most - 1 :]
    total = sum(row["value"] for row in rest)
    others: DigestRow = {"label": f"{len(rest)} others", "hours": "", "cost": "", "value": total}
    return [*ordered[: most - 1], others]


def alt(title: str, rows: Sequence[DigestRow], currency: str) -> str:
    """The picture in words."""
    said = "; ".join(f"{plain_name(row['label'], 40)} {row['value']:.2f} {currency}" for row in top(rows))
    return f"Bar chart. {plain_name(title, 100)}: {said}."


def spec(title: str, rows: Sequence[DigestRow], currency: str) -> dict[str, Any]:
    """Vega-Lite: horizontal bars, each with its amount, no data from elsewhere."""
    data = [
        {
            "label": f"{number + 1}",
            "name": plain_name(row["label"], 32),
            "value": round(row["value"], 2),
            "amount": f"{row['value']:.2f}",
            "color": _BAR if row["hours"] else _REST,
        }
        for number, row in enumerate(rows)
    ]
    names = {row["label"]: row["name"] for row in data}
    side = {
        "field": "label",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {
            "labelExpr": f"{_json(names)}[datum.value]",
            "labelLimit": 220,
            "labelPadding": 6,
            "ticks": False,
            "domain": False,
        },
    }
    bars = {
        "mark": {"type": "bar", "height": {"band": 0.7}, "cornerRadiusEnd": 2},
        "encoding": {
            "color": {"field": "color", "type": "nominal", "scale": None},
            "x": {"field": "value", "type": "quantitative", "title": currency, "axis": {"grid": True, "tickCount": 5}},
        },
    }
    amounts = {
        "mark": {"type": "text", "align": "left", "dx": 5, "color": _INK, "fontSize": 12},
        "encoding": {"x": {"field": "value", "type": "quantitative"}, "text": {"field": "amount"}},
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": _PAPER,
        "padding": 16,
        "width": _WIDTH,
        "height": max(2, len(data)) * _ROW,
        "data": {"values": data},
        "title": {"text": plain_name(title, 70), "anchor": "start", "color": _INK, "fontSize": 15, "offset": 12},
        "encoding": {"y": side},
        "layer": [bars, amounts],
        "config": {
            "view": {"stroke": None},
            "font": "sans-serif",
            "axis": {"labelColor": _INK, "titleColor": _FAINT, "labelFontSize": 12, "gridColor": "#e8e8e8"},
        },
    }


def _json(names: dict[object, object]) -> str:
    import json

    return json.dumps(names)


def _engine() -> ModuleType | None:
    try:
        import vl_convert
    except ImportError:
        return None
    return vl_convert
