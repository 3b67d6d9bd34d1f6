"""Charts that read in light and dark, wide and narrow: labelled axes, units, and never colour alone.

A chart is a plain Vega-Lite specification with its rows; `show` puts it on the page with a text for those who cannot
see it. Altair is not used: its checking and hashing cost more than the rest of a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboards.components import formats
from dashboards.data import Row

BLUE, ORANGE, GREEN, VIOLET, RED, GREY = "#2f7de1", "#c26a0a", "#25905a", "#9b59d0", "#d64550", "#7a8594"
AXES = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 150}
SQUARES = {"title": None, "symbolType": "square", "symbolStrokeWidth": 0}
"""A legend of plain squares."""

Encoding = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """A Vega-Lite specification without its data, and the rows that it draws."""

    specification: dict[str, Any]
    rows: Sequence[Row]


def show(chart: Chart, alternative: str, *, key: str) -> None:
    """Put a chart on the page in the page's own theme and width; Streamlit's own toolbar over it saves it as PNG."""
    st.vega_lite_chart(
        pa.Table.from_pylist([dict(row) for row in chart.rows]),
        chart.specification | {"config": {"axis": AXES}, "padding": {"left": 2, "right": 2, "top": 6, "bottom": 2}},
        width="stretch",
        theme="streamlit",
        key=key,
        alt=alternative,
    )


def ink() -> str:
    """Colour of text inside a chart, for the theme that the page has."""
    return "#e8edf4" if st.context.theme.type == "dark" else "#16202e"


def skill_bars(rows: Sequence[Row]) -> Chart:
    """Adoption per skill, see `adoption_bars`. rows: its columns, and skill_name."""
    return adoption_bars(rows, "skill_name", "Skill")


def adoption_bars(rows: Sequence[Row], name: str, label: str) -> Chart:
    """Adoption per `name` (called `label`) as horizontal bars in the order of the rows, 95 % interval as whiskers.

    rows: uses, adoption_rate/_low/_high (shares or missing), text (count and change, beside the bar), interval.
    """
    drawn = _only(rows, name, "uses", "adoption_rate", "adoption_low", "adoption_high", "text", "interval")
    drawn = [row | {"text_at": row["adoption_high"] or 0.0} for row in drawn]
    # A skill without a shown share still has its line.
    across = {
        "scale": _with_room(1.0, 122),
        "axis": {"format": "%", "values": [0, 0.25, 0.5, 0.75, 1], "title": "Adoption (share of seated people)"},
    }
    whisker = {"color": ink(), "yOffset": 8}
    return Chart(
        {
            "height": 42 * len(drawn) + 50,
            # Names stand above their bars, so that a narrow window keeps its width for the bars.
            "encoding": {"y": _named(name, sort=[row[name] for row in drawn], axis=None)},
            "layer": [
                _layer(
                    {"type": "bar", "color": BLUE, "height": 13, "yOffset": 8},
                    x=_number("adoption_rate", **across),
                    tooltip=[
                        _tip(name, label),
                        _tip("text", "Users"),
                        _tip("interval", "95 % interval"),
                        _number("uses", title="Uses", format=","),
                    ],
                ),
                _layer(
                    {"type": "rule", "strokeWidth": 1.4, **whisker},
                    x=_number("adoption_low", **across),
                    x2={"field": "adoption_high"},
                ),
                *(
                    _layer(
                        {"type": "tick", "thickness": 1.4, "size": 9, "opacity": 1, **whisker},
                        x=_number(end, **across),
                    )
                    for end in ("adoption_low", "adoption_high")
                ),
                _layer(
                    {"type": "text", "align": "left", "dy": -8, "color": ink(), "fontSize": 12.5, "limit": 330},
                    x={"datum": 0, "type": "quantitative", **across},
                    text=_tip(name),
                ),
                _layer(
                    {"type": "text", "align": "left", "dx": 7, "dy": 8, "color": ink(), "fontSize": 12},
                    x=_number("text_at", **across),
                    text=_tip("text"),
                ),
            ],
        },
        drawn,
    )


def trend(
    rows: Sequence[Row], *, y: str, low: str, high: str, title: str, number_format: str, top: float | None = None
) -> Chart:
    """A value over period ends with its interval as a band; provisional points are hollow, a missing value is a gap.

    rows: period_end, the three columns, is_provisional, text. top: upper end of the axis where it is fixed.
    """
    drawn = [
        row
        | {
            # Streamlit shows a time without a zone as it is, wherever the browser stands.
            "period_end": datetime.combine(row["period_end"], datetime.min.time()),
            "day": formats.day(row["period_end"]),
            "is_provisional": bool(row["is_provisional"]),
        }
        for row in _only(rows, "period_end", y, low, high, "is_provisional", "text")
    ]
    gap = "break-paths-show-domains"
    is_long = drawn[-1]["period_end"] - drawn[0]["period_end"] > timedelta(days=150)
    up = {
        "title": title,
        "scale": {"domain": [0, top]} if top is not None else {"zero": True},
        "axis": {"format": number_format, "tickCount": 5},
    }
    return Chart(
        {
            "height": 290,
            "encoding": {
                "x": {
                    "field": "period_end",
                    "type": "temporal",
                    "title": "Period end",
                    "axis": {"format": "%b %Y" if is_long else "%d %b", "tickCount": 6, "labelOverlap": True},
                }
            },
            "layer": [
                _layer(
                    {"type": "area", "color": BLUE, "opacity": 0.18, "invalid": gap},
                    y=_number(low, **up),
                    y2={"field": high},
                ),
                _layer({"type": "line", "color": BLUE, "strokeWidth": 2, "invalid": gap}, y=_number(y, **up)),
                _layer(
                    {"type": "point", "size": 42, "color": BLUE, "strokeWidth": 2},
                    y=_number(y, **up),
                    fill={"condition": {"test": "datum.is_provisional", "value": "transparent"}, "value": BLUE},
                    tooltip=[_tip("day", "Period end"), _tip("text", title)],
                ),
            ],
        },
        drawn,
    )


def onboarding_curves(rows: Sequence[Row], cohorts: Sequence[str]) -> Chart:
    """Share that has begun by days since joining, one step curve a cohort; the first of `cohorts` is the one looked at.

    rows: cohort, day, adopted_share (missing: hidden, and a gap), text. A curve differs from the others by its dashes
    too, and its name stands at its end.
    """
    drawn = _only(rows, "cohort", "day", "adopted_share", "text")
    ends = {row["cohort"]: row["day"] for row in drawn if not formats.is_missing(row["adopted_share"])}
    drawn = [row | {"name": row["cohort"] if ends.get(row["cohort"]) == row["day"] else ""} for row in drawn]
    names = [name for name in cohorts if name in ends]
    look = {"sort": names, "title": None}
    colours = {"domain": names, "range": [BLUE, ORANGE, VIOLET, GREY][: len(names)]}
    dashes = {"domain": names, "range": [[1, 0], [7, 3], [2, 2], [10, 3, 2, 3]][: len(names)]}
    share = _number(
        "adopted_share",
        title="Share that has begun",
        scale={"domain": [0, 1]},
        axis={"format": "%", "values": [0, 0.25, 0.5, 0.75, 1]},
    )
    return Chart(
        {
            "height": 300,
            "encoding": {
                "x": _number(
                    "day", title="Days since joining", axis={"tickCount": 7}, scale={"domainMin": 0, "nice": False}
                ),
                "color": _named("cohort", scale=colours, legend={"orient": "top", "symbolType": "stroke"} | look),
            },
            "layer": [
                _layer(
                    {"type": "line", "interpolate": "step-after", "invalid": "break-paths-show-domains"},
                    y=share,
                    strokeDash=_named("cohort", scale=dashes, legend={"orient": "top"} | look),
                    strokeWidth={"condition": {"test": f"datum.cohort === '{names[0]}'", "value": 3}, "value": 1.8},
                ),
                _layer(
                    {"type": "point", "filled": True, "size": 60, "opacity": 0},
                    y=share,
                    tooltip=[_tip("cohort", "Joined in"), _number("day", title="Day"), _tip("text", "Begun")],
                ),
                _layer(
                    {
                        "type": "text",
                        "align": {"expr": "datum.day < 20 ? 'left' : 'right'"},
                        "dy": -8,
                        "fontSize": 12,
                        "fontWeight": "bold",
                    },
                    y=share,
                    text=_tip("name"),
                ),
            ],
        },
        drawn,
    )


def tornado(rows: Sequence[Row]) -> Chart:
    """How far one figure moves with each input alone: a bar from its value at the input's low to that at its high.

    rows, widest first: name, hours_p50_at_low, hours_p50_at_high, hours_p50 (nothing held: the line), text.
    """
    drawn = _only(rows, "name", "hours_p50_at_low", "hours_p50_at_high", "hours_p50", "text")
    ends = [row[column] for row in drawn for column in ("hours_p50_at_low", "hours_p50_at_high")]
    start = min(0.0, *ends)
    across = {
        "scale": _with_room(max(ends), 128, start),
        "axis": {"title": "Median hours saved, modelled", "tickCount": 5, "format": ",~f"},
    }
    drawn = [
        row | {"text_at": max(row["hours_p50_at_low"], row["hours_p50_at_high"], row["hours_p50"]), "start": start}
        for row in drawn
    ]
    bar = {"type": "bar", "height": 13, "yOffset": 8}
    tips = [_tip("name", "Assumption"), _tip("text", "Median, low to high")]
    return Chart(
        {
            "height": 42 * len(drawn) + 50,
            "encoding": {"y": _named("name", sort=[row["name"] for row in drawn], axis=None)},
            "layer": [
                *(
                    _layer(
                        bar | {"color": colour},
                        x=_number("hours_p50", **across),
                        x2={"field": column},
                        tooltip=tips,
                    )
                    for column, colour in (("hours_p50_at_low", ORANGE), ("hours_p50_at_high", BLUE))
                ),
                _layer(
                    {"type": "tick", "thickness": 2, "size": 21, "opacity": 1, "color": ink(), "yOffset": 8},
                    x=_number("hours_p50", **across),
                ),
                _layer(
                    {"type": "text", "align": "left", "dy": -8, "color": ink(), "fontSize": 12.5, "limit": 330},
                    x=_number("start", **across),
                    text=_tip("name"),
                ),
                _layer(
                    {"type": "text", "align": "left", "dx": 7, "dy": 8, "color": ink(), "fontSize": 12},
                    x=_number("text_at", **across),
                    text=_tip("text"),
                ),
            ],
        },
        drawn,
    )


def retention_curve(rows: Sequence[Row]) -> Chart:
    """Share that came back by weeks since the first success; provisional points are hollow, a week without one a gap.

    rows: weeks_later, retention_rate, text, is_provisional.
    """
    drawn = _only(rows, "weeks_later", "retention_rate", "text", "is_provisional")
    drawn = [row | {"share": formats.share(row["retention_rate"]) if row["text"] else ""} for row in drawn]
    up = {
        "title": "Share that came back",
        "scale": {"domain": [0, 1]},
        "axis": {"format": "%", "values": [0, 0.25, 0.5, 0.75, 1]},
    }
    return Chart(
        {
            "height": 280,
            "encoding": {
                "x": _number(
                    "weeks_later",
                    title="Weeks since the week of the first success",
                    axis={"values": list(range(1, 13)), "format": "d", "grid": False},
                    scale={"domain": [0.6, 12.4], "nice": False},
                )
            },
            "layer": [
                _layer({"type": "line", "color": BLUE, "strokeWidth": 2}, y=_number("retention_rate", **up)),
                _layer(
                    {"type": "point", "size": 46, "color": BLUE, "strokeWidth": 2},
                    y=_number("retention_rate", **up),
                    fill={"condition": {"test": "datum.is_provisional", "value": "transparent"}, "value": BLUE},
                    tooltip=[_number("weeks_later", title="Weeks later"), _tip("text", "Came back")],
                ),
                _layer(
                    # Every other one in a narrow window.
                    {
                        "type": "text",
                        "dy": -12,
                        "fontSize": 12,
                        "color": ink(),
                        "opacity": {"expr": "width < 420 && datum.weeks_later % 2 == 0 ? 0 : 1"},
                    },
                    y=_number("retention_rate", **up),
                    text=_tip("share"),
                ),
            ],
        },
        drawn,
    )


def quality_scale(quality: Row, bands: Sequence[Row]) -> Chart:
    """A quality score on the scale of its tiers, its bounds as a whisker.

    quality: score, score_low, score_high; bands: name, from_score, to_score.
    """
    rows = [
        {
            "name": f"{band['name'].capitalize()} {band['from_score']:g}",
            "from_score": band["from_score"],
            "to_score": band["to_score"],
            "place": place,
        }
        for place, band in enumerate(sorted(bands, key=lambda band: band["from_score"]))
    ]
    score = {name: quality[name] for name in ("score", "score_low", "score_high")}
    score["text"] = formats.decimal(quality["score"], 1)
    score["bounds"] = f"{formats.decimal(quality['score_low'], 1)} to {formats.decimal(quality['score_high'], 1)}"
    across = {"scale": {"domain": [0, 100], "nice": False}, "axis": None}
    drawn = [row | dict.fromkeys(score) for row in rows]
    drawn.append(dict.fromkeys(rows[0]) | score)
    tip = [_tip("text", "Score"), _tip("bounds", "Bounds")]
    # Where the names have no room side by side, every other one stands a line lower; the last ends with the bar.
    last = len(rows) - 1
    name = {"type": "text", "y": {"expr": "width < 520 && datum.place % 2 ? 86 : 70"}, "fontSize": 12, "color": ink()}
    return Chart(
        {
            "height": 108,
            "layer": [
                _layer(
                    {
                        "type": "rect",
                        "height": 30,
                        "y": 42,
                        "fill": BLUE,
                        "stroke": ink(),
                        "strokeWidth": 0.8,
                        "strokeOpacity": 0.45,
                    },
                    x=_number("from_score", **across),
                    x2={"field": "to_score"},
                    fillOpacity=_number("place", scale={"domain": [0, last], "range": [0.12, 0.5]}, legend=None),
                ),
                _layer(
                    name | {"align": "left"},
                    x=_number("from_score", **across),
                    text={"condition": {"test": f"datum.place < {last}", **_tip("name")}, "value": ""},
                ),
                _layer(
                    name | {"align": "right"},
                    x=_number("to_score", **across),
                    text={"condition": {"test": f"datum.place === {last}", **_tip("name")}, "value": ""},
                ),
                _layer(
                    {"type": "rule", "y": 42, "strokeWidth": 1.6, "color": ink()},
                    x=_number("score_low", **across),
                    x2={"field": "score_high"},
                    tooltip=tip,
                ),
                *(
                    _layer(
                        {"type": "tick", "y": 42, "thickness": 1.6, "size": 14, "opacity": 1, "color": ink()},
                        x=_number(end, **across),
                    )
                    for end in ("score_low", "score_high")
                ),
                _layer(
                    {"type": "point", "filled": True, "size": 130, "y": 42, "color": ORANGE, "opacity": 1},
                    x=_number("score", **across),
                    tooltip=tip,
                ),
                _layer(
                    {"type": "text", "y": 14, "fontSize": 13, "fontWeight": "bold", "color": ink()},
                    x=_number("score", **across),
                    text=_tip("text"),
                ),
            ],
        },
        drawn,
    )


def days(rows: Sequence[Row], first: date, last: date) -> Chart:
    """Uses by UTC day as bars. rows: day and uses, several a day are added up; first, last: what the axis spans."""
    # Streamlit shows a time without a zone as it is, wherever the browser stands.
    noon = time(12)
    drawn = [
        {"at": datetime.combine(row["day"], noon), "day": formats.day(row["day"]), "uses": row["uses"]} for row in rows
    ]
    span = [{"year": day.year, "month": day.month, "date": day.day} for day in (first, last + timedelta(days=1))]
    return Chart(
        {
            "height": 210,
            "mark": {"type": "bar", "color": BLUE, "width": {"band": 0.85}},
            "encoding": {
                "x": {
                    "field": "at",
                    "type": "temporal",
                    "timeUnit": "yearmonthdate",
                    "title": "Day (UTC)",
                    "scale": {"domain": span},
                    "axis": {"format": "%d %b", "tickCount": 6, "labelOverlap": True},
                },
                "y": _number("uses", title="Uses", aggregate="sum", axis={"tickMinStep": 1, "format": "d"}),
                "tooltip": [_tip("day", "Day"), _number("uses", title="Uses", aggregate="sum")],
            },
        },
        drawn,
    )


def stacked_bar(parts: Sequence[tuple[str, Any, str]], *, title: str) -> Chart:
    """One bar of counts that add up. parts: (name, count, colour); the counts stand in the bar and the legend."""
    rows = [
        {"part": f"{name}: {formats.count(number)}", "count": 0 if formats.is_missing(number) else number, "at": at}
        for at, (name, number, _) in enumerate(parts)
    ]
    names = [row["part"] for row in rows]
    return Chart(
        {
            "height": 150,
            "mark": {"type": "bar", "height": 30},
            "encoding": {
                "x": _number("count", title=title, stack="zero", axis={"tickMinStep": 1, "format": "d"}),
                "color": _named(
                    "part",
                    sort=names,
                    scale={"domain": names, "range": [colour for _, _, colour in parts]},
                    legend=SQUARES | {"orient": "bottom", "columns": 2, "labelLimit": 170},
                ),
                "order": _number("at"),
                "tooltip": [_tip("part", title)],
            },
        },
        rows,
    )


def plan(rows: Sequence[Row]) -> Chart:
    """Actual annual recurring revenue as bars, the plan as a line across each quarter. rows: quarter, arr in cents."""
    drawn = [
        {
            "quarter": formats.quarter(row["quarter"]),
            "actual": _dollars(row["actual_arr_cents"]),
            "planned": _dollars(row["planned_arr_cents"]),
            "actual_text": formats.dollars(row["actual_arr_cents"]),
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
                "x": _named("quarter", sort=[row["quarter"] for row in drawn], title="Quarter", axis={"labelAngle": 0}),
                "tooltip": [_tip("quarter", "Quarter"), _tip("actual_text", "Actual"), _tip("planned_text", "Plan")],
            },
            "layer": [
                _layer({"type": "bar", "width": {"band": 0.5}}, y=_number("actual", **up), color=kind("Actual (bar)")),
                _layer(
                    {"type": "tick", "thickness": 4, "width": {"band": 0.8}, "opacity": 1},
                    y=_number("planned", **up),
                    color=kind("Plan (line)"),
                ),
                _layer(
                    {"type": "text", "dy": -8, "fontSize": 12, "color": ink()},
                    y=_number("actual", **up),
                    text=_tip("actual_text"),
                ),
            ],
        },
        drawn,
    )


def waterfall(steps: Sequence[tuple[str, Any, bool]]) -> Chart:
    """Opening to closing as a waterfall. steps: (name, signed cents, whether the bar stands on the ground)."""
    rows, level = [], 0.0
    for name, cents, is_level in steps:
        amount = 0.0 if formats.is_missing(cents) else cents / 100
        start, end = (0.0, amount) if is_level else (level, level + amount)
        level = end
        rows.append(
            {
                "step": name,
                "start": start,
                "end": end,
                "top": max(start, end),
                "kind": "Level" if is_level else "Up" if amount >= 0 else "Down",
                "text": formats.dollars(cents) if is_level else formats.signed_dollars(cents),
            }
        )
    across = {
        "title": "MRR, US dollars",
        "axis": {"format": "$,.0f", "tickCount": 5},
        "scale": _with_room(max(1.0, *(row["top"] for row in rows)), 72, min(0.0, *(row["end"] for row in rows))),
    }
    colours = {"domain": ["Level", "Up", "Down"], "range": [GREY, GREEN, RED]}
    return Chart(
        {
            "height": 34 * len(rows) + 60,
            "encoding": {
                "y": _named(
                    "step",
                    sort=[row["step"] for row in rows],
                    title=None,
                    axis={"ticks": False, "domain": False, "labelLimit": 110},
                )
            },
            "layer": [
                _layer(
                    {"type": "bar", "height": {"band": 0.66}},
                    x=_number("start", **across),
                    x2={"field": "end"},
                    color=_named("kind", scale=colours, legend=None),
                    tooltip=[_tip("step", "Step"), _tip("text", "Amount")],
                ),
                _layer(
                    {"type": "text", "align": "left", "dx": 6, "color": ink(), "fontSize": 12},
                    x=_number("top", **across),
                    text=_tip("text"),
                ),
            ],
        },
        rows,
    )


def availability_strip(rows: Sequence[Row]) -> Chart:
    """One cell a component and day; a cell of a day with down minutes carries a dot.

    rows: component, day, uptime (share or missing), coverage, down_minutes, excluded_minutes.
    """
    classes = ["100 %", "99.9 % or more", "99 % or more", "Below 99 %", "No data"]
    colours = ["#8ecfae", "#e2c14a", "#d9832a", "#b3263a", "#9aa4b1"]
    drawn = [
        {
            "component": row["component"],
            "day": f"{row['day']:%d %b}",
            "full_day": formats.day(row["day"]),
            "band": _band(row["uptime"], row["coverage"]),
            "uptime": formats.share(row["uptime"], 2),
            "coverage": formats.share(row["coverage"]),
            "down": formats.count(row["down_minutes"]),
            "excluded": formats.count(row["excluded_minutes"]),
            "mark": "\u2022" if row["down_minutes"] else "",
        }
        for row in rows
    ]
    days = [f"{day:%d %b}" for day in sorted({row["day"] for row in rows})]
    return Chart(
        {
            "height": 34 * max(1, len({row["component"] for row in rows})) + 170,
            "encoding": {
                "x": _named(
                    "day",
                    sort=days,
                    title="Day (UTC)",
                    axis={"labelOverlap": True, "labelAngle": 0, "labelFlush": True},
                ),
                "y": _named("component", title=None, axis={"labelLimit": 110}),
                "tooltip": [
                    _tip("component", "Component"),
                    _tip("full_day", "Day"),
                    _tip("uptime", "Uptime"),
                    _tip("down", "Down minutes"),
                    _tip("excluded", "Excluded minutes"),
                    _tip("coverage", "Coverage"),
                ],
            },
            "layer": [
                _layer(
                    {"type": "rect", "cornerRadius": 2},
                    color=_named(
                        "band",
                        sort=classes,
                        scale={"domain": classes, "range": colours},
                        legend=SQUARES | {"title": "Uptime of the day", "orient": "bottom", "columns": 2},
                    ),
                ),
                _layer(
                    {"type": "text", "fontSize": 15},
                    text=_tip("mark"),
                    color={"condition": {"test": "datum.band == 'Below 99 %'", "value": "white"}, "value": "#16202e"},
                ),
            ],
        },
        drawn,
    )


def funnel(rows: Sequence[Row]) -> Chart:
    """Steps as horizontal bars of counts, what is still open as a dashed end of the bar.

    rows, first step first: step, reached (None: hidden), open, text.
    """
    drawn = [
        row | {"reached": row["reached"] or 0, "end": (row["reached"] or 0) + row["open"]}
        for row in _only(rows, "step", "reached", "open", "text")
    ]
    text = {"type": "text", "align": "left", "dy": -8, "color": ink(), "fontSize": 12.5}
    across = {
        "scale": _with_room(max([1, *(row["end"] for row in drawn)]), 8),
        "axis": {"title": "Episodes", "tickMinStep": 1, "tickCount": 5, "format": ",d"},
    }
    tips = [_tip("step", "Step"), _tip("text", "Episodes")]
    return Chart(
        {
            "height": 44 * len(drawn) + 50,
            # Names and counts stand above their bars, so that a narrow window keeps its width for the bars.
            "encoding": {"y": _named("step", sort=[row["step"] for row in drawn], axis=None)},
            "layer": [
                _layer(
                    {"type": "bar", "color": BLUE, "height": 14, "yOffset": 9},
                    x=_number("reached", **across),
                    tooltip=tips,
                ),
                _layer(
                    {
                        "type": "bar",
                        "height": 13,
                        "yOffset": 9,
                        "color": "transparent",
                        "stroke": ink(),
                        "strokeWidth": 1.2,
                        "strokeDash": [3, 2],
                        "opacity": {"expr": "datum.open > 0 ? 1 : 0"},
                    },
                    x=_number("reached", **across),
                    x2={"field": "end"},
                    tooltip=tips,
                ),
                *(
                    _layer(
                        text | look,
                        x={"datum": 0, "type": "quantitative", **across},
                        text=_tip(field),
                    )
                    for field, look in (("step", {"fontWeight": "bold"}), ("text", {"dx": 76, "limit": 330}))
                ),
            ],
        },
        drawn,
    )


def share_bars(rows: Sequence[Row], *, title: str) -> Chart:
    """Shares as horizontal bars in the order of the rows, 95 % interval as whiskers.

    rows: name, share, low, high (missing: nothing is measured), text, interval.
    """
    drawn = [
        row | {"text_at": row["high"] or 0.0} for row in _only(rows, "name", "share", "low", "high", "text", "interval")
    ]
    highest = max(0.01, *(row["text_at"] for row in drawn), 0.01)
    across = {"scale": _with_room(highest, 96), "axis": {"format": "%", "tickCount": 4, "title": title}}
    whisker = {"color": ink(), "yOffset": 8}
    return Chart(
        {
            "height": 42 * len(drawn) + 50,
            "encoding": {"y": _named("name", sort=[row["name"] for row in drawn], axis=None)},
            "layer": [
                _layer(
                    {"type": "bar", "color": BLUE, "height": 13, "yOffset": 8},
                    x=_number("share", **across),
                    tooltip=[_tip("name", "Of"), _tip("text", title), _tip("interval", "95 % interval")],
                ),
                _layer(
                    {"type": "rule", "strokeWidth": 1.4, **whisker},
                    x=_number("low", **across),
                    x2={"field": "high"},
                ),
                *(
                    _layer(
                        {"type": "tick", "thickness": 1.4, "size": 9, "opacity": 1, **whisker},
                        x=_number(end, **across),
                    )
                    for end in ("low", "high")
                ),
                _layer(
                    {"type": "text", "align": "left", "dy": -8, "color": ink(), "fontSize": 12.5, "limit": 330},
                    x={"datum": 0, "type": "quantitative", **across},
                    text=_tip("name"),
                ),
                _layer(
                    {"type": "text", "align": "left", "dx": 7, "dy": 8, "color": ink(), "fontSize": 12},
                    x=_number("text_at", **across),
                    text=_tip("text"),
                ),
            ],
        },
        drawn,
    )


def _with_room(highest: float, pixels: int, lowest: float = 0.0) -> Encoding:
    """A scale that leaves so many pixels after its highest value for a text, however wide the window."""
    room = f"(width / max(width - {pixels}, 60))"
    return {"domainMin": lowest, "domainMax": {"expr": f"{lowest} + {highest - lowest} * {room}"}, "nice": False}


def _layer(mark: dict[str, Any], **encoding: Any) -> dict[str, Any]:
    return {"mark": mark, "encoding": encoding}


def _number(field: str, **more: Any) -> Encoding:
    return {"field": field, "type": "quantitative", **more}


def _named(field: str, **more: Any) -> Encoding:
    return {"field": field, "type": "nominal", **more}


def _tip(field: str, title: str | None = None) -> Encoding:
    """A text of the chart or a line of its tooltip."""
    return _named(field) if title is None else _named(field, title=title)


def _only(rows: Sequence[Row], *columns: str) -> list[dict[str, Any]]:
    """The columns that a chart draws: the page carries no more, and nothing that is only for a table."""
    return [{column: row.get(column) for column in columns} for row in rows]


def _dollars(cents: Any) -> float | None:
    return None if formats.is_missing(cents) else cents / 100


def _band(uptime: Any, coverage: Any) -> str:
    # Which colour a published number gets; less than 90 % covered is shown as no data (S3 of the definitions).
    if formats.is_missing(uptime) or formats.is_missing(coverage) or coverage < 0.9:
        return "No data"
    if uptime >= 1:
        return "100 %"
    if uptime >= 0.999:
        return "99.9 % or more"
    return "99 % or more" if uptime >= 0.99 else "Below 99 %"
