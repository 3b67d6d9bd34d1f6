"""Charts that read in light and dark, wide and narrow: labelled axes, units, and never colour alone.

Every function takes rows as published and a text for those who cannot see the chart (`alt`).
"""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from dashboards.components import formats

BLUE, ORANGE, GREEN, VIOLET, RED, GREY = "#2f7de1", "#c26a0a", "#25905a", "#9b59d0", "#d64550", "#7a8594"
Layers = alt.LayerChart | alt.FacetChart


def show(chart: Layers, alternative: str, *, key: str) -> None:
    """Put a chart on the page in the page's own theme and width."""
    configured = chart.configure_axis(labelFontSize=12, titleFontSize=12, titleFontWeight="normal", labelLimit=150)
    st.altair_chart(configured, width="stretch", theme="streamlit", key=key, alt=alternative)


def ink() -> str:
    """Colour of text inside a chart, for the theme that the page has."""
    return "#e8edf4" if st.context.theme.type == "dark" else "#16202e"


def skill_bars(rows: pd.DataFrame) -> Layers:
    """Adoption per skill as horizontal bars in rank order, 95 % interval as whiskers, count and rank change as text.

    rows: skill_name, usage_rank, users, seats, adoption_rate/_low/_high (shares or missing), text.
    """
    # Names stand above their bars, so that a narrow window keeps its width for the bars.
    base = alt.Chart(rows).encode(y=alt.Y("skill_name:N", sort=list(rows["skill_name"]), axis=None))
    scale = alt.Scale(domain=[0, 1.45], nice=False)
    axis = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], title="Adoption (share of seated people)")
    tooltip = [
        alt.Tooltip("skill_name:N", title="Skill"),
        alt.Tooltip("text:N", title="Users"),
        alt.Tooltip("interval:N", title="95 % interval"),
        alt.Tooltip("uses:Q", title="Uses", format=","),
    ]
    low = alt.X("adoption_low:Q", scale=scale, axis=axis)
    bars = base.mark_bar(color=BLUE, height=13, yOffset=8).encode(
        x=alt.X("adoption_rate:Q", scale=scale, axis=axis), tooltip=tooltip
    )
    whiskers = base.mark_rule(color=ink(), strokeWidth=1.4, yOffset=8).encode(x=low, x2="adoption_high:Q")
    ends = [
        base.mark_tick(color=ink(), thickness=1.4, size=9, opacity=1, yOffset=8).encode(
            x=alt.X(f"{end}:Q", scale=scale, axis=axis)
        )
        for end in ("adoption_low", "adoption_high")
    ]
    names = base.mark_text(align="left", dy=-8, color=ink(), fontSize=12.5, limit=330).encode(
        x=alt.datum(0, scale=scale, axis=axis), text="skill_name:N"
    )
    texts = base.mark_text(align="left", dx=7, dy=8, color=ink(), fontSize=12).encode(
        x=alt.X("text_at:Q", scale=scale, axis=axis), text="text:N"
    )
    return alt.layer(bars, whiskers, *ends, names, texts).properties(height=42 * len(rows) + 50)


def trend(
    rows: pd.DataFrame, *, y: str, low: str, high: str, title: str, number_format: str, top: float | None = None
) -> Layers:
    """A value over period ends with its interval as a band; provisional points are hollow.

    rows: period_end, the three columns, is_provisional, text. top: upper end of the axis where it is fixed.
    """
    shown = rows.assign(period_end=pd.to_datetime(rows["period_end"]))
    x = alt.X("period_end:T", title="Period end", axis=alt.Axis(format="%d %b", tickCount=6, labelOverlap=True))
    scale = alt.Scale(domain=[0, top]) if top is not None else alt.Scale(zero=True)
    axis = alt.Axis(format=number_format, tickCount=5)
    base = alt.Chart(shown).encode(x=x)
    band = base.mark_area(color=BLUE, opacity=0.18).encode(
        y=alt.Y(f"{low}:Q", title=title, scale=scale, axis=axis), y2=f"{high}:Q"
    )
    line = base.mark_line(color=BLUE, strokeWidth=2).encode(y=alt.Y(f"{y}:Q", title=title, scale=scale, axis=axis))
    points = base.mark_point(size=42, color=BLUE, strokeWidth=2).encode(
        y=alt.Y(f"{y}:Q", title=title, scale=scale, axis=axis),
        fill=alt.condition("datum.is_provisional", alt.value("transparent"), alt.value(BLUE)),
        tooltip=[
            alt.Tooltip("period_end:T", title="Period end", format="%d %b %Y"),
            alt.Tooltip("text:N", title=title),
        ],
    )
    return alt.layer(band, line, points).properties(height=290)


def stacked_bar(parts: list[tuple[str, Any, str]], *, title: str) -> Layers:
    """One bar of counts that add up. parts: (name, count, colour); the counts stand in the bar and the legend."""
    rows = pd.DataFrame(
        [
            {"part": f"{name}: {formats.count(number)}", "count": 0 if formats.is_missing(number) else number, "at": at}
            for at, (name, number, _) in enumerate(parts)
        ]
    )
    names = list(rows["part"])
    chart = (
        alt.Chart(rows)
        .mark_bar(height=30)
        .encode(
            x=alt.X("count:Q", title=title, stack="zero", axis=alt.Axis(tickMinStep=1, format="d")),
            color=alt.Color(
                "part:N",
                sort=names,
                scale=alt.Scale(domain=names, range=[colour for _, _, colour in parts]),
                legend=alt.Legend(
                    title=None, orient="bottom", columns=2, labelLimit=170, symbolType="square", symbolStrokeWidth=0
                ),
            ),
            order=alt.Order("at:Q"),
            tooltip=[alt.Tooltip("part:N", title=title)],
        )
    )
    return alt.layer(chart).properties(height=150)


def plan(rows: pd.DataFrame) -> Layers:
    """Actual annual recurring revenue as bars, the plan as a line across each quarter. rows: quarter, arr in cents."""
    shown = pd.DataFrame(
        {
            "quarter": [formats.quarter(value) for value in rows["quarter"]],
            "actual": rows["actual_arr_cents"] / 100,
            "planned": rows["planned_arr_cents"] / 100,
            "actual_text": [formats.dollars(value) for value in rows["actual_arr_cents"]],
            "planned_text": [formats.dollars(value) for value in rows["planned_arr_cents"]],
        }
    )
    tooltip = [
        alt.Tooltip("quarter:N", title="Quarter"),
        alt.Tooltip("actual_text:N", title="Actual"),
        alt.Tooltip("planned_text:N", title="Plan"),
    ]
    x = alt.X("quarter:N", sort=None, title="Quarter", axis=alt.Axis(labelAngle=0))
    axis = alt.Axis(format="$,.0f", tickCount=5)
    colours = alt.Scale(domain=["Actual (bar)", "Plan (line)"], range=[BLUE, ORANGE])
    legend = alt.Legend(title=None, orient="top", symbolType="square", symbolStrokeWidth=0)
    base = alt.Chart(shown).encode(x=x, tooltip=tooltip)
    actual = (
        base.transform_calculate(kind="'Actual (bar)'")
        .mark_bar(width={"band": 0.5})
        .encode(
            y=alt.Y("actual:Q", title="ARR, US dollars", axis=axis),
            color=alt.Color("kind:N", scale=colours, legend=legend),
        )
    )
    planned = (
        base.transform_calculate(kind="'Plan (line)'")
        .mark_tick(thickness=4, width={"band": 0.8}, opacity=1)
        .encode(
            y=alt.Y("planned:Q", title="ARR, US dollars", axis=axis),
            color=alt.Color("kind:N", scale=colours, legend=legend),
        )
    )
    values = base.mark_text(dy=-8, fontSize=12, color=ink()).encode(
        y=alt.Y("actual:Q", title="ARR, US dollars", axis=axis), text="actual_text:N"
    )
    return alt.layer(actual, planned, values).properties(height=340)


def waterfall(steps: list[tuple[str, Any, bool]]) -> Layers:
    """Opening to closing as a waterfall. steps: (name, signed cents, whether the bar stands on the ground)."""
    drawn, level = [], 0.0
    for name, cents, is_level in steps:
        amount = 0.0 if formats.is_missing(cents) else cents / 100
        start, end = (0.0, amount) if is_level else (level, level + amount)
        level = end
        drawn.append(
            {
                "step": name,
                "start": start,
                "end": end,
                "top": max(start, end),
                "kind": "Level" if is_level else "Up" if amount >= 0 else "Down",
                "text": formats.dollars(cents) if is_level else formats.signed_dollars(cents),
            }
        )
    rows = pd.DataFrame(drawn)
    order = list(rows["step"])
    far = max(1.0, max(step["top"] for step in drawn))
    scale = alt.Scale(domain=[min(0.0, min(step["end"] for step in drawn)), far * 1.28], nice=False)
    axis = alt.Axis(format="$,.0f", tickCount=5)
    base = alt.Chart(rows).encode(
        y=alt.Y("step:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=110))
    )
    bars = base.mark_bar(height={"band": 0.66}).encode(
        x=alt.X("start:Q", title="MRR, US dollars", axis=axis, scale=scale),
        x2="end:Q",
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=["Level", "Up", "Down"], range=[GREY, GREEN, RED]), legend=None
        ),
        tooltip=[alt.Tooltip("step:N", title="Step"), alt.Tooltip("text:N", title="Amount")],
    )
    texts = base.mark_text(align="left", dx=6, color=ink(), fontSize=12).encode(
        x=alt.X("top:Q", title="MRR, US dollars", axis=axis, scale=scale), text="text:N"
    )
    return alt.layer(bars, texts).properties(height=34 * len(rows) + 60)


def availability_strip(rows: pd.DataFrame) -> Layers:
    """One cell a component and day; light to dark is worse, and a cell below full uptime carries its down minutes.

    rows: component, day, uptime (share or missing), coverage, down_minutes.
    """
    classes = ["100 %", "99.9 % or more", "99 % or more", "below 99 %", "No data"]
    colours = ["#8ecfae", "#e2c14a", "#d9832a", "#b3263a", "#9aa4b1"]
    shown = rows.assign(
        day=pd.to_datetime(rows["day"]),
        band=[_band(uptime, coverage) for uptime, coverage in zip(rows["uptime"], rows["coverage"], strict=True)],
        uptime_text=[formats.share(value, 2) for value in rows["uptime"]],
        coverage_text=[formats.share(value) for value in rows["coverage"]],
        mark=["" if formats.is_missing(m) or not m else "\u2022" for m in rows["down_minutes"]],
    )
    base = alt.Chart(shown).encode(
        x=alt.X(
            "yearmonthdate(day):O", title="Day (UTC)", axis=alt.Axis(format="%d %b", labelOverlap=True, labelAngle=0)
        ),
        y=alt.Y("component:N", title=None, axis=alt.Axis(labelLimit=110)),
        tooltip=[
            alt.Tooltip("component:N", title="Component"),
            alt.Tooltip("day:T", title="Day", format="%d %b %Y"),
            alt.Tooltip("uptime_text:N", title="Uptime"),
            alt.Tooltip("down_minutes:Q", title="Down minutes"),
            alt.Tooltip("excluded_minutes:Q", title="Excluded minutes"),
            alt.Tooltip("coverage_text:N", title="Coverage"),
        ],
    )
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color(
            "band:N",
            sort=classes,
            scale=alt.Scale(domain=classes, range=colours),
            legend=alt.Legend(
                title="Uptime of the day", orient="bottom", columns=2, symbolType="square", symbolStrokeWidth=0
            ),
        )
    )
    marks = base.mark_text(fontSize=13, color="#16202e").encode(text="mark:N")
    return alt.layer(cells, marks).properties(height=34 * max(1, shown["component"].nunique()) + 170)


def _band(uptime: Any, coverage: Any) -> str:
    # Which colour a published number gets; less than 90 % covered is shown as no data (S3 of the definitions).
    if formats.is_missing(uptime) or formats.is_missing(coverage) or coverage < 0.9:
        return "No data"
    if uptime >= 1:
        return "100 %"
    if uptime >= 0.999:
        return "99.9 % or more"
    return "99 % or more" if uptime >= 0.99 else "below 99 %"
