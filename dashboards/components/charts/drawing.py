"""What every chart is made of: its specification, its colours and the parts of Vega-Lite that they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboards.data import Row

BLUE, ORANGE, GREEN, VIOLET, RED, GREY = "#2f7de1", "#c26a0a", "#25905a", "#9b59d0", "#d64550", "#7a8594"
AXES = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 150}
SQUARES = {"title": None, "symbolType": "square", "symbolStrokeWidth": 0}
"""A legend of plain squares."""

Encoding = dict[str, Any]
_PICTURE_WIDTH = 760


@dataclass(frozen=True, slots=True)
class Chart:
    """A Vega-Lite specification without its data, and the rows that it draws."""

    specification: dict[str, Any]
    rows: Sequence[Row]


def show(chart: Chart, alternative: str, *, key: str) -> Chart:
    """Put a chart on the page in the page's own theme and width, and give it back to be taken along."""
    # The theme's own grey is too pale to be read at this size.
    labels = {"labelColor": quiet_ink(), "titleColor": quiet_ink()}
    st.vega_lite_chart(
        pa.Table.from_pylist([dict(row) for row in chart.rows]),
        chart.specification
        | {
            "config": {"axis": AXES | labels, "legend": labels},
            "padding": {"left": 2, "right": 2, "top": 6, "bottom": 2},
        },
        width="stretch",
        theme="streamlit",
        key=key,
        alt=alternative,
    )
    return chart


def as_svg(chart: Chart, title: str, told: Sequence[str], *, is_dark: bool) -> str:
    """A chart as SVG, in the page's colours: its title, the lines of `told` under it, and nothing from the network."""
    # Only where a picture is asked for: it brings a JavaScript engine.
    import vl_convert

    return vl_convert.vegalite_to_svg(_standing_alone(chart, title, told, is_dark=is_dark), allowed_base_urls=[])


def as_png(chart: Chart, title: str, told: Sequence[str], *, is_dark: bool) -> bytes:
    """The same picture as PNG, twice as sharp as a page, for where SVG is not taken."""
    import vl_convert

    specification = _standing_alone(chart, title, told, is_dark=is_dark)
    return vl_convert.vegalite_to_png(specification, scale=2, allowed_base_urls=[])


def _standing_alone(chart: Chart, title: str, told: Sequence[str], *, is_dark: bool) -> dict[str, Any]:
    """The specification of a picture that has left its page: with its rows, its words and its colours."""
    text, line, paper = ("#e8edf4", "#33404f", "#10151c") if is_dark else ("#16202e", "#d5dbe3", "#ffffff")
    colours = {"labelColor": text, "titleColor": text}
    return chart.specification | {
        "width": _PICTURE_WIDTH,
        "padding": 16,
        "background": paper,
        "data": {"values": [{name: _as_json(value) for name, value in row.items()} for row in chart.rows]},
        "title": {"text": title, "subtitle": list(told), "anchor": "start", "frame": "group", "offset": 14},
        "config": {
            "font": "sans-serif",
            "view": {"stroke": None},
            "axis": AXES | colours | {"gridColor": line, "domainColor": line, "tickColor": line},
            "legend": colours | {"labelFontSize": 12, "labelLimit": 0},
            "header": colours,
            "title": {"color": text, "fontSize": 16, "subtitleColor": text, "subtitleFontSize": 12},
        },
    }


def _as_json(value: Any) -> Any:
    """A value as JSON. A time without a zone is taken for the renderer's own, and so is the same day on every clock."""
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def ink() -> str:
    """Colour of text inside a chart, for the theme that the page has."""
    return "#e8edf4" if st.context.theme.type == "dark" else "#16202e"


def quiet_ink() -> str:
    """Colour of a chart's labels, which stand back behind what it shows and are read all the same."""
    return "#a9b4c2" if st.context.theme.type == "dark" else "#5b6675"


def with_room(highest: float, pixels: int, lowest: float = 0.0) -> Encoding:
    """A scale that leaves so many pixels after its highest value for a text, however wide the window."""
    room = f"(width / max(width - {pixels}, 60))"
    return {"domainMin": lowest, "domainMax": {"expr": f"{lowest} + {highest - lowest} * {room}"}, "nice": False}


def layer(mark: dict[str, Any], **encoding: Any) -> dict[str, Any]:
    """One layer: a mark and where its parts come from. Without a tooltip of its own it has none, not the raw fields."""
    return {"mark": {"tooltip": None} | mark, "encoding": encoding}


def whisker(low: str, high: str, across: Encoding) -> list[dict[str, Any]]:
    """The interval of a horizontal bar: a line from its low to its high, with a tick at each end."""
    look = {"color": ink(), "yOffset": 8}
    return [
        layer({"type": "rule", "strokeWidth": 1.4, **look}, x=number(low, **across), x2={"field": high}),
        *(
            layer({"type": "tick", "thickness": 1.4, "size": 9, "opacity": 1, **look}, x=number(end, **across))
            for end in (low, high)
        ),
    ]


def bar_texts(name: str, start: Encoding, across: Encoding) -> list[dict[str, Any]]:
    """What stands at a horizontal bar: its name above, from `start` on, and the row's `text` behind its `text_at`.

    A narrow window then keeps its width for the bars.
    """
    look = {"type": "text", "align": "left", "color": ink()}
    return [
        layer({**look, "dy": -8, "fontSize": 12.5, "limit": 330}, x=start, text=tip(name)),
        layer({**look, "dx": 7, "dy": 8, "fontSize": 12}, x=number("text_at", **across), text=tip("text")),
    ]


def number(field: str, **more: Any) -> Encoding:
    """A field of numbers."""
    return {"field": field, "type": "quantitative", **more}


def named(field: str, **more: Any) -> Encoding:
    """A field of names."""
    return {"field": field, "type": "nominal", **more}


def tip(field: str, title: str | None = None) -> Encoding:
    """A text of the chart or a line of its tooltip."""
    return named(field) if title is None else named(field, title=title)


def only(rows: Sequence[Row], *columns: str) -> list[dict[str, Any]]:
    """The columns that a chart draws: the page carries no more, and nothing that is only for a table."""
    return [{column: row.get(column) for column in columns} for row in rows]
