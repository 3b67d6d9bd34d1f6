"""Acceptance and lift over time, by surface and by model: the last part of Recommendations."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import streamlit as st

from dashboards import data
from dashboards.components import banners, charts, formats, periods, sections, selection
from dashboards.components.definitions import Trust
from dashboards.components.recommended import ALL, TABLE, called, is_hidden, of_shown
from dashboards.viewers import Looking

EVERY = "all"
"""All of them in an address, which writes no star."""


def show(looking: Looking, trust: Trust, chosen: dict[str, Any]) -> None:
    """Two lines with their bands, of the surface and the model that are chosen here."""
    st.subheader("Acceptance and lift over time")
    known = data.query("recommendation_parts", looking.viewer, **chosen)
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        surface = _choose("Surface", "surface", known)
        model = _choose("Model", "model", known)
    selection.on_paper(f"Surface: {called(surface)}, model: {called(model)}")
    rows = data.query("recommendations_over_time", looking.viewer, surface=surface, model=model, **chosen)
    of = _which(surface, model)
    if not rows:
        banners.nothing(
            f"Nothing was recommended {of} in the year before.", "Choose another surface or model, or all of them."
        )
        return
    name = f"{chosen['team_id']}_{chosen['period_days']}d_{surface}_{model}".replace(ALL, EVERY)
    # A Sunday on which nothing was shown has no row, and no line leads over it.
    series = _every_sunday(rows)
    about = f"{of and f' {of}'} over {chosen['period_days']} days by period end"
    left, right = st.columns(2, gap="medium")
    with left:
        accepted = _line(
            trust,
            series,
            "Acceptance",
            about,
            column="acceptance_rate",
            counts=("installed", "shown"),
            point=lambda row: {"text": of_shown(row)},
            title="Acceptance (share of shown)",
            number_format="%",
        )
    with right:
        lifted = _line(
            trust,
            series,
            "Lift over holdout",
            about,
            column="lift",
            counts=("installed", "holdout_installed"),
            point=_in_points,
            title="Lift (percentage points)",
            number_format="+~f",
            is_difference=True,
        )
    st.caption(
        f"Each point is what was first shown in the {chosen['period_days']} days up to a Sunday or the chosen end, "
        f"without what is still open; the band is the 95{formats.THIN}% interval; a hollow point is provisional, a gap "
        "is hidden, still open or nothing shown. Lift is the acceptance less the share of withheld episodes of the "
        "surface that were installed all the same; where the band holds the dashed line, no difference is shown."
    )
    drawn = {"Acceptance over time": accepted, "Lift over time": lifted}
    sections.foot(
        trust,
        rows,
        f"acceptance_{name}",
        (TABLE, "acceptance_rate"),
        (TABLE, "lift"),
        is_provisional=any(row["is_provisional"] for row in rows),
        drawn={title: chart for title, chart in drawn.items() if chart is not None},
    )


def _choose(label: str, name: str, known: Sequence[data.Row]) -> str:
    """One of the surfaces or models that something was recommended by; at first all of them."""
    found = sorted({row[name] for row in known} - {ALL}, key=called)
    with st.container(width=180):
        chosen = selection.choose(
            label, name, [EVERY, *found], default=EVERY, text=lambda value: called(ALL if value == EVERY else value)
        )
    return ALL if chosen == EVERY else chosen


def _which(surface: str, model: str) -> str:
    """Of which recommendations a chart is, behind a noun: on Web by Collaborative."""
    return " ".join(
        [
            *([f"on {formats.plain(called(surface))}"] if surface != ALL else []),
            *([f"by {formats.plain(called(model))}"] if model != ALL else []),
        ]
    )


def _line(
    trust: Trust,
    series: Sequence[data.Row],
    heading: str,
    about: str,
    *,
    column: str,
    counts: Sequence[str],
    point: Callable[[data.Row], data.Row],
    **look: Any,
) -> charts.Chart | None:
    """A figure over period ends; None, and said so, where there is too little to draw.

    counts: of which the figure is made; point: the text of a row, and what is drawn of it otherwise than published;
    look: as `charts.trend` takes it.
    """
    st.markdown(f"**{heading}**")
    drawn, known = periods.trend_of(series, column)
    if len(known) < 2:
        _too_little(series, *counts)
        return None
    name = column.removesuffix("_rate")
    with sections.values(trust, name, TABLE):
        return charts.show(
            charts.trend(
                [row if formats.is_missing(row.get(column)) else {**row, **point(row)} for row in drawn],
                y=column,
                low=f"{name}_low",
                high=f"{name}_high",
                **look,
            ),
            f"{heading}{about}, from {point(known[0])['text']} to {point(known[-1])['text']}",
            key=name,
        )


def _in_points(row: data.Row) -> data.Row:
    """A lift as it is drawn: in percentage points."""
    drawn = {column: 100 * row[column] for column in ("lift", "lift_low", "lift_high")}
    return {"text": formats.points(row["lift"]), **drawn}


def _too_little(series: Sequence[data.Row], *counts: str) -> None:
    """Instead of a line: its figures are hidden, or there are too few of them."""
    told = [row for row in series if "shown" in row]
    if "holdout_installed" in counts and not any(is_hidden(row, *counts) for row in told):
        banners.nothing("Not measured.", "A lift needs two period ends in which something was withheld.")
    else:
        periods.no_trend(told, lambda row: is_hidden(row, *counts))


def _every_sunday(over_time: Sequence[data.Row]) -> list[data.Row]:
    """The rows, and one without a figure for each Sunday between them that has none."""
    by_end = {row["period_end"]: row for row in over_time}
    first, last = min(by_end, default=date.max), max(by_end, default=date.max)
    days = (first + timedelta(days=number) for number in range((last - first).days))
    sundays = {day for day in days if day.isoweekday() == 7}
    return [by_end.get(end, {"period_end": end}) for end in sorted(sundays | by_end.keys())]
