"""Acceptance and lift over time, by surface and by model: the last part of Recommendations."""

from collections.abc import Sequence
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
    name = f"{chosen['team_id']}_{chosen['period_days']}d_{surface}_{model}".replace(ALL, "all")
    # A Sunday on which nothing was shown has no row, and no line leads over it.
    series = _every_sunday(rows)
    left, right = st.columns(2, gap="medium")
    with left:
        accepted = _acceptance(trust, series, chosen["period_days"], of)
    with right:
        lifted = _lifts(trust, series, chosen["period_days"], of)
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


def _acceptance(trust: Trust, series: Sequence[data.Row], period_days: int, of: str) -> charts.Chart | None:
    st.markdown("**Acceptance**")
    drawn, known = periods.trend_of(series, "acceptance_rate")
    if len(known) < 2:
        _too_little(series, "installed", "shown")
        return None
    with sections.values(trust, "acceptance", TABLE):
        return charts.show(
            charts.trend(
                [
                    row if formats.is_missing(row.get("acceptance_rate")) else {**row, "text": of_shown(row)}
                    for row in drawn
                ],
                y="acceptance_rate",
                low="acceptance_low",
                high="acceptance_high",
                title="Acceptance (share of shown)",
                number_format="%",
            ),
            f"Acceptance{of and f' {of}'} over {period_days} days by period end, from {of_shown(known[0])} to "
            f"{of_shown(known[-1])}",
            key="acceptance",
        )


def _lifts(trust: Trust, series: Sequence[data.Row], period_days: int, of: str) -> charts.Chart | None:
    st.markdown("**Lift over holdout**")
    drawn, known = periods.trend_of(series, "lift")
    if len(known) < 2:
        _too_little(series, "installed", "holdout_installed")
        return None
    with sections.values(trust, "lift", TABLE):
        return charts.show(
            charts.trend(
                [
                    row
                    if formats.is_missing(row.get("lift"))
                    else {**row, "text": formats.points(row["lift"])}
                    | {column: 100 * row[column] for column in ("lift", "lift_low", "lift_high")}
                    for row in drawn
                ],
                y="lift",
                low="lift_low",
                high="lift_high",
                title="Lift (percentage points)",
                number_format="+~f",
                is_difference=True,
            ),
            f"Lift over holdout{of and f' {of}'} over {period_days} days by period end, "
            f"from {formats.points(known[0]['lift'])} to {formats.points(known[-1]['lift'])}",
            key="lift",
        )


def _too_little(series: Sequence[data.Row], *counts: str) -> None:
    """Instead of a line: its figures are hidden, or there are too few of them."""
    told = [row for row in series if "shown" in row]
    hidden = sum(is_hidden(row, *counts) for row in told)
    if hidden:
        banners.nothing(
            "Hidden to protect people.",
            "At every period end one of the figures would point at one person."
            if hidden == len(told)
            else f"At {formats.count(hidden)} of {formats.count(len(told))} period ends one of the figures would point "
            "at one person, and too few are left for a line.",
        )
    elif "holdout_installed" in counts:
        banners.nothing("Not measured.", "A lift needs two period ends in which something was withheld.")
    else:
        banners.nothing("Too little history for a trend.", "It appears once two period ends have a share to show.")


def _every_sunday(over_time: Sequence[data.Row]) -> list[data.Row]:
    """The rows, and one without a figure for each Sunday between them that has none."""
    by_end = {row["period_end"]: row for row in over_time}
    first, last = min(by_end, default=date.max), max(by_end, default=date.max)
    days = (first + timedelta(days=number) for number in range((last - first).days))
    sundays = {day for day in days if day.isoweekday() == 7}
    return [by_end.get(end, {"period_end": end}) for end in sorted(sundays | by_end.keys())]
