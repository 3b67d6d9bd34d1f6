"""Charts of revenue and service levels."""

from collections.abc import Sequence
from typing import Any

from dashboards.components import formats
from dashboards.components.charts.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    SQUARES,
    Chart,
    Encoding,
    ink,
    layer,
    named,
    number,
    tip,
    with_room,
)
from dashboards.data import Row


def plan(rows: Sequence[Row]) -> Chart:
    """Actual annual recurring revenue as bars, the plan as a line across each quarter.

    rows: quarter, arr in cents, actual_text as it is to be printed.
    """
    drawn = [
        {
            "quarter": formats.quarter(row["quarter"]),
            "actual": _dollars(row["actual_arr_cents"]),
            "planned": _dollars(row["planned_arr_cents"]),
            "actual_text": row["actual_text"],
            # In two lines, or it would not fit over a bar in a narrow window.
            "over_bar": row["actual_text"].replace(" in ", "\nin "),
            "planned_text": formats.dollars(row["planned_arr_cents"]),
        }
        for row in rows
    ]
    up = {"title": "ARR, US dollars", "axis": {"format": "$,.0f", "tickCount": 5}}
    colours = {"domain": ["Actual (bar)", "Plan (line)"], "range": [BLUE, ORANGE]}

    def kind(name: str) -> Encoding:
        return {"datum": name, "type": "nominal", "scale": colours, "legend": SQUARES | {"orient": "top"}}

    return Chart(
        {
            "height": 340,
            "encoding": {
                "x": named("quarter", sort=[row["quarter"] for row in drawn], title="Quarter", axis={"labelAngle": 0}),
                "tooltip": [tip("quarter", "Quarter"), tip("actual_text", "Actual"), tip("planned_text", "Plan")],
            },
            "layer": [
                layer({"type": "bar", "width": {"band": 0.5}}, y=number("actual", **up), color=kind("Actual (bar)")),
                layer(
                    {"type": "tick", "thickness": 4, "width": {"band": 0.8}, "opacity": 1},
                    y=number("planned", **up),
                    color=kind("Plan (line)"),
                ),
                layer(
                    {
                        "type": "text",
                        "dy": {"expr": "indexof(datum.over_bar, '\\n') < 0 ? -8 : -22"},
                        "fontSize": 12,
                        "lineBreak": "\n",
                        "color": ink(),
                    },
                    y=number("actual", **up),
                    text=tip("over_bar"),
                ),
            ],
        },
        drawn,
    )


def waterfall(steps: Sequence[tuple[str, Any, bool]]) -> Chart:
    """From one level to another, step by step. steps: (name, signed cents, whether it is a level and no step).

    A level is a line where it lies and no bar: an axis from zero would make a month's steps too small to see.
    """
    rows, level = [], 0.0
    for name, cents, is_level in steps:
        amount = 0.0 if formats.is_missing(cents) else cents / 100
        start, level = (amount, amount) if is_level else (level, level + amount)
        rows.append(
            {
                "step": name,
                "start": start,
                "end": level,
                "top": max(start, level),
                "kind": "Level" if is_level or not amount else "Up" if amount > 0 else "Down",
                "width": 4 if is_level else 1,
                "text": formats.dollars(cents) if is_level else formats.signed_dollars(cents),
            }
        )
    lowest, highest = min(row["end"] for row in rows), max(row["end"] for row in rows)
    # Where nothing moved there is still an axis around it.
    margin = (highest - lowest or max(1.0, highest)) / 20
    across = {
        "title": "MRR, US dollars",
        "axis": {"format": "$,.0f", "tickCount": 5},
        "scale": with_room(highest + margin, 72, lowest - margin),
    }
    colours = {"domain": ["Level", "Up", "Down"], "range": [GREY, GREEN, RED]}
    return Chart(
        {
            "height": 34 * len(rows) + 60,
            "encoding": {
                "y": named(
                    "step",
                    sort=[row["step"] for row in rows],
                    title=None,
                    axis={"ticks": False, "domain": False, "labelLimit": 110},
                )
            },
            "layer": [
                layer(
                    {"type": "bar", "height": {"band": 0.66}},
                    x=number("start", **across),
                    x2={"field": "end"},
                    color=named("kind", scale=colours, legend=None),
                    stroke=named("kind", scale=colours, legend=None),
                    strokeWidth=number("width", scale=None),
                    tooltip=[tip("step", "Step"), tip("text", "Amount")],
                ),
                layer(
                    {"type": "text", "align": "left", "dx": 6, "color": ink(), "fontSize": 12},
                    x=number("top", **across),
                    text=tip("text"),
                ),
            ],
        },
        rows,
    )


def availability_strip(rows: Sequence[Row]) -> Chart:
    """One cell a component and day; a cell carries its class's mark, for who cannot tell the colours.

    rows: component, day, uptime (share or missing), coverage, down_minutes, excluded_minutes.
    """
    classes = ["100 %", *_MARKS]
    colours = ["#8ecfae", "#e2c14a", "#d9832a", "#b3263a", "#9aa4b1"]
    drawn = [
        {
            "component": row["component"],
            "day": f"{row['day']:%d %b}",
            "full_day": formats.day(row["day"]),
            "band": _band(row["uptime"], row["coverage"]),
            # With the digits that tell it from the edges of its class.
            "uptime": max((formats.share_beside(row["uptime"], edge, 2) for edge in _EDGES), key=len),
            "coverage": formats.share_beside(row["coverage"], _LEAST_COVERAGE),
            "down": formats.count(row["down_minutes"]),
            "excluded": formats.count(row["excluded_minutes"]),
            "mark": _MARKS.get(_band(row["uptime"], row["coverage"]), ""),
        }
        for row in rows
    ]
    days = [f"{day:%d %b}" for day in sorted({row["day"] for row in rows})]
    return Chart(
        {
            "height": 34 * max(1, len({row["component"] for row in rows})) + 170,
            "encoding": {
                "x": named(
                    "day",
                    sort=days,
                    title="Day (UTC)",
                    axis={"labelOverlap": True, "labelAngle": 0, "labelFlush": True},
                ),
                "y": named("component", title=None, axis={"labelLimit": 110}),
                "tooltip": [
                    tip("component", "Component"),
                    tip("full_day", "Day"),
                    tip("uptime", "Uptime"),
                    tip("down", "Down minutes"),
                    tip("excluded", "Excluded minutes"),
                    tip("coverage", "Coverage"),
                ],
            },
            "layer": [
                layer(
                    {"type": "rect", "cornerRadius": 2},
                    color=named(
                        "band",
                        sort=classes,
                        scale={"domain": classes, "range": colours},
                        legend=SQUARES | {"title": "Uptime of the day", "orient": "bottom", "columns": 2},
                    ),
                ),
                layer(
                    {"type": "text", "fontSize": 15},
                    text=tip("mark"),
                    color={"condition": {"test": "datum.mark == '✕'", "value": "white"}, "value": "#16202e"},
                ),
            ],
        },
        drawn,
    )


def _dollars(cents: Any) -> float | None:
    return None if formats.is_missing(cents) else cents / 100


_EDGES = _HIGH, _LOW = 0.999, 0.99
_LEAST_COVERAGE = 0.9
# A full day has none.
_MARKS = {"• 99.9 % or more": "•", "▴ 99 % or more": "▴", "✕ Below 99 %": "✕", "– No data": "–"}


def _band(uptime: Any, coverage: Any) -> str:
    # Which colour a published number gets; less than 90 % covered is shown as no data (S3 of the definitions).
    if formats.is_missing(uptime) or formats.is_missing(coverage) or coverage < _LEAST_COVERAGE:
        return "– No data"
    if uptime >= 1:
        return "100 %"
    if uptime >= _HIGH:
        return "• 99.9 % or more"
    return "▴ 99 % or more" if uptime >= _LOW else "✕ Below 99 %"
