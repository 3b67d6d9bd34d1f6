"""Charts of use: who uses what, since when, and whether they stay."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from typing import Any

from dashboards.components import formats
from dashboards.components.charts.drawing import (
    BLUE,
    GREY,
    ORANGE,
    SQUARES,
    VIOLET,
    Chart,
    bar_texts,
    ink,
    layer,
    named,
    number,
    only,
    tip,
    whisker,
    with_room,
)
from dashboards.data import Row


def skill_bars(rows: Sequence[Row]) -> Chart:
    """Adoption per skill, see `adoption_bars`. rows: its columns, and skill_name."""
    return adoption_bars(rows, "skill_name", "Skill")


def adoption_bars(rows: Sequence[Row], name: str, label: str) -> Chart:
    """Adoption per `name` (called `label`) as horizontal bars in the order of the rows, 95 % interval as whiskers.

    rows: uses, adoption_rate/_low/_high (shares or missing), text (count and change, beside the bar), interval.
    """
    drawn = only(rows, name, "uses", "adoption_rate", "adoption_low", "adoption_high", "text", "interval")
    drawn = [row | {"text_at": row["adoption_high"] or 0.0} for row in drawn]
    # A skill without a shown share still has its line.
    across = {
        "scale": with_room(1.0, 122),
        "axis": {"format": "%", "values": [0, 0.25, 0.5, 0.75, 1], "title": "Adoption (share of seated people)"},
    }
    return Chart(
        {
            "height": 42 * len(drawn) + 50,
            "encoding": {"y": named(name, sort=[row[name] for row in drawn], axis=None)},
            "layer": [
                layer(
                    {"type": "bar", "color": BLUE, "height": 13, "yOffset": 8},
                    x=number("adoption_rate", **across),
                    tooltip=[
                        tip(name, label),
                        tip("text", "Users"),
                        tip("interval", "95 % interval"),
                        number("uses", title="Uses", format=","),
                    ],
                ),
                *whisker("adoption_low", "adoption_high", across),
                *bar_texts(name, {"datum": 0, "type": "quantitative", **across}, across),
            ],
        },
        drawn,
    )


def trend(
    rows: Sequence[Row],
    *,
    y: str,
    low: str,
    high: str,
    title: str,
    number_format: str,
    top: float | None = None,
    is_difference: bool = False,
) -> Chart:
    """A value over period ends with its interval as a band; provisional points are hollow, a missing value is a gap.

    rows: period_end, the three columns, is_provisional, text. top: upper end of the axis where it is fixed.
    is_difference: it may be below nought, where a line says what is no difference.
    """
    drawn = [
        row
        | {
            # Streamlit shows a time without a zone as it is, wherever the browser stands.
            "period_end": datetime.combine(row["period_end"], datetime.min.time()),
            "day": formats.day(row["period_end"]),
            "is_provisional": bool(row["is_provisional"]),
        }
        for row in only(rows, "period_end", y, low, high, "is_provisional", "text")
    ]
    gap = "break-paths-show-domains"
    is_long = drawn[-1]["period_end"] - drawn[0]["period_end"] > timedelta(days=150)
    up = {
        "title": title,
        "scale": {"domain": [0, top]} if top is not None else {"zero": True},
        "axis": {"format": number_format, "tickCount": 5},
    }
    ground = []
    if is_difference:
        up["axis"] |= {"labelExpr": "datum.value == 0 ? '0' : datum.label", "grid": True}
        across = {"x": {"value": 0}, "x2": {"value": "width"}}
        ground = [layer({"type": "rule", "color": GREY, "strokeDash": [4, 4]}, y={"datum": 0, **up}, **across)]
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
                *ground,
                layer(
                    {"type": "area", "color": BLUE, "opacity": 0.18, "invalid": gap},
                    y=number(low, **up),
                    y2={"field": high},
                ),
                layer({"type": "line", "color": BLUE, "strokeWidth": 2, "invalid": gap}, y=number(y, **up)),
                layer(
                    {"type": "point", "size": 42, "color": BLUE, "strokeWidth": 2},
                    y=number(y, **up),
                    fill={"condition": {"test": "datum.is_provisional", "value": "transparent"}, "value": BLUE},
                    tooltip=[tip("day", "Period end"), tip("text", title)],
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
    after = last + timedelta(days=1)
    span = [{"year": day.year, "month": day.month, "date": day.day} for day in (first, after)]
    # The axis ends where the last day does, and that moment has the next day's name.
    label = f"datum.value < datetime({after.year}, {after.month - 1}, {after.day}) ? datum.label : ''"
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
                    "axis": {"format": "%d %b", "tickCount": 6, "labelOverlap": True, "labelExpr": label},
                },
                "y": number("uses", title="Uses", aggregate="sum", axis={"tickMinStep": 1, "format": "d"}),
                "tooltip": [tip("day", "Day"), number("uses", title="Uses", aggregate="sum")],
            },
        },
        drawn,
    )


def stacked_bar(parts: Sequence[tuple[str, Any, str]], *, title: str) -> Chart:
    """One bar of counts that add up. parts: (name, count, colour).

    Who cannot tell the colours has the count, in the bar and in the legend, and the order.
    """
    rows = [
        {"part": f"{name}: {formats.count(value)}", "told": formats.count(value), "count": value}
        for name, value, _ in parts
    ]
    before = list(accumulate((row["count"] for row in rows), initial=0))
    rows = [row | {"start": start, "end": end} for row, start, end in zip(rows, before, before[1:], strict=False)]
    names = [row["part"] for row in rows]
    across = {"title": title, "axis": {"tickMinStep": 1, "format": "d"}, "scale": {"domain": [0, before[-1]]}}
    return Chart(
        {
            "height": 185,
            "layer": [
                layer(
                    {"type": "bar", "height": 30},
                    x=number("start", **across),
                    x2={"field": "end"},
                    color=named(
                        "part",
                        sort=names,
                        scale={"domain": names, "range": [colour for _, _, colour in parts]},
                        legend=SQUARES | {"orient": "bottom", "columns": 2, "labelLimit": 190},
                    ),
                    tooltip=[tip("part", title)],
                ),
                {
                    # A part too narrow for its count still has its place in the order.
                    "transform": [
                        {"filter": "datum.count > 0"},
                        {"calculate": "(datum.start + datum.end) / 2", "as": "middle"},
                    ],
                    **layer(
                        {
                            "type": "text",
                            # Dark on every colour of the bars, as white is not.
                            "color": "#0b0f14",
                            "fontSize": 13,
                            "fontWeight": "bold",
                            "opacity": {
                                "expr": f"width * datum.count / {before[-1]} < 9 * length(datum.told) + 5 ? 0 : 1"
                            },
                        },
                        x=number("middle", **across),
                        text=tip("told"),
                    ),
                },
            ],
        },
        rows,
    )


def onboarding_curves(rows: Sequence[Row], cohorts: Sequence[str]) -> Chart:
    """Share that has begun by days since joining, one step curve a cohort; the first of `cohorts` is the one looked at.

    rows: cohort, day, adopted_share (missing: hidden, and a gap), text, mark (what a tick of censoring on the curve
    says; missing: no tick). A curve differs from the others by its dashes too, and its name stands at its end.
    """
    drawn = only(rows, "cohort", "day", "adopted_share", "text", "mark")
    ends = {row["cohort"]: row["day"] for row in drawn if not formats.is_missing(row["adopted_share"])}
    drawn = [row | {"name": row["cohort"] if ends.get(row["cohort"]) == row["day"] else ""} for row in drawn]
    names = [name for name in cohorts if name in ends]
    look = {"sort": names, "title": None}
    colours = {"domain": names, "range": [BLUE, ORANGE, VIOLET, GREY][: len(names)]}
    dashes = {"domain": names, "range": [[1, 0], [7, 3], [2, 2], [10, 3, 2, 3]][: len(names)]}
    share = number(
        "adopted_share",
        title="Share that has begun",
        scale={"domain": [0, 1]},
        axis={"format": "%", "values": [0, 0.25, 0.5, 0.75, 1]},
    )
    return Chart(
        {
            "height": 300,
            "encoding": {
                "x": number(
                    "day", title="Days since joining", axis={"tickCount": 7}, scale={"domainMin": 0, "nice": False}
                ),
                "color": named("cohort", scale=colours, legend={"orient": "top", "symbolType": "stroke"} | look),
            },
            "layer": [
                layer(
                    {"type": "line", "interpolate": "step-after", "invalid": "break-paths-show-domains"},
                    y=share,
                    strokeDash=named("cohort", scale=dashes, legend={"orient": "top"} | look),
                    strokeWidth={"condition": {"test": f"datum.cohort === '{names[0]}'", "value": 3}, "value": 1.8},
                ),
                layer(
                    {"type": "point", "filled": True, "size": 60, "opacity": 0},
                    y=share,
                    tooltip=[tip("cohort", "Joined in"), number("day", title="Day"), tip("text", "Begun")],
                ),
                {
                    "transform": [{"filter": "isValid(datum.mark) && isValid(datum.adopted_share)"}],
                    **layer(
                        {"type": "tick", "orient": "vertical", "size": 16, "thickness": 4},
                        y=share,
                        tooltip=[tip("cohort", "Joined in"), number("day", title="Day"), tip("mark", "Last seen")],
                    ),
                },
                layer(
                    {
                        "type": "text",
                        "align": {"expr": "datum.day < 20 ? 'left' : 'right'"},
                        "dy": -13,
                        "fontSize": 12,
                        "fontWeight": "bold",
                    },
                    y=share,
                    text=tip("name"),
                ),
            ],
        },
        drawn,
    )


def retention_curve(rows: Sequence[Row]) -> Chart:
    """Share that came back by weeks since the first success; provisional points are hollow, a week without one a gap.

    rows: weeks_later, retention_rate, text, is_provisional.
    """
    drawn = only(rows, "weeks_later", "retention_rate", "text", "is_provisional")
    around = [1.0, *(1.0 if row["retention_rate"] is None else row["retention_rate"] for row in drawn), 1.0]
    drawn = [
        # "46% (6/13)" in two lines, under a point that lies lower than those beside it, where there is room.
        row | {"label": row["text"].replace(" (", "\n").rstrip(")"), "is_low": 0.15 < here < min(before, after)}
        for row, before, here, after in zip(drawn, around, around[1:], around[2:], strict=False)
    ]
    up = {
        "title": "Share that came back",
        "scale": {"domain": [0, 1]},
        "axis": {"format": "%", "values": [0, 0.25, 0.5, 0.75, 1]},
    }
    return Chart(
        {
            "height": 280,
            "encoding": {
                "x": number(
                    "weeks_later",
                    title="Weeks since the week of the first success",
                    axis={"values": list(range(1, 13)), "format": "d", "grid": False},
                    scale={"domain": [0.6, 12.4], "nice": False},
                )
            },
            "layer": [
                layer({"type": "line", "color": BLUE, "strokeWidth": 2}, y=number("retention_rate", **up)),
                layer(
                    {"type": "point", "size": 46, "color": BLUE, "strokeWidth": 2},
                    y=number("retention_rate", **up),
                    fill={"condition": {"test": "datum.is_provisional", "value": "transparent"}, "value": BLUE},
                    tooltip=[number("weeks_later", title="Weeks later"), tip("text", "Came back")],
                ),
                layer(
                    # Every other one in a narrow window.
                    {
                        "type": "text",
                        "dy": {"expr": "datum.is_low ? 17 : -26"},
                        "fontSize": 12,
                        "lineBreak": "\n",
                        "color": ink(),
                        "opacity": {"expr": "width < 560 && datum.weeks_later % 2 == 0 ? 0 : 1"},
                    },
                    y=number("retention_rate", **up),
                    text=tip("label"),
                ),
            ],
        },
        drawn,
    )
