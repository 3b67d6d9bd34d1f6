"""My usage: a person's own numbers, for that person and nobody else."""

from collections.abc import Sequence
from datetime import date, timedelta

import streamlit as st

from dashboards import data
from dashboards.components import banners, behind, charts, definitions, formats, periods, sections, tables, tiles
from dashboards.components.behind import Part
from dashboards.components.definitions import Trust
from dashboards.components.tiles import Tile
from dashboards.viewers import Looking

MEANING = (
    "A use is an invocation that you started, on a day on which you were seated in a team; its result is a success, a "
    "failure, or unknown where the client did not say. The Claude Code hook always reports success. An active day "
    "(UTC) is one with at least one success.\n\nOnly you see this page. A team's pages count you among the others, "
    "and hide what would point at one person."
)
TABLE = "team_skill_usage"
"""Made of the same rows as the figures of teams, whose health is the one that is published."""
FIGURES = {
    "active_days": ("Active days", "Days (UTC) of the period with at least one success of yours."),
    "active_skills": ("Skills", "Skills of which you had at least one success in the period."),
    "uses": ("Uses", "Invocations that you started in the period, whatever came of them."),
    "successes": ("Successes", "Those of your uses in the period that are known to have succeeded."),
}
"""What each figure is called, and what it counts."""


def show(looking: Looking) -> None:
    """The page, for the viewer's own rows."""
    st.title("My usage")
    st.caption("Only you can open this page: your lead sees counts of people, never yours.")
    if not looking.viewer.actor_key:
        banners.nothing(
            "No usage is known to be yours.",
            "It appears once your sign-in is linked to the account with which you use skills.",
        )
        return
    days = periods.choose_days()
    trust = definitions.load(looking.viewer)
    windows = data.query("my_windows", looking.viewer, period_days=days)
    _teams(data.query("my_teams", looking.viewer))
    whole = next((row for row in windows if row["skill_name"] == "*"), None)
    if whole is None:
        banners.nothing(
            f"No use of a skill in the last {days} days.",
            "Choose a longer period, or use a skill; it shows a day later.",
        )
        return
    skills = [row for row in windows if row["skill_name"] != "*"]
    start = whole["period_end"] - timedelta(days=days - 1)
    # The newest period is the only one that is kept of a person, and late events may still come.
    periods.line(whole["period_end"], days, {"is_provisional": True})
    by_day = data.query("my_days", looking.viewer)
    drawn = [row for row in by_day if start <= row["day"] <= whole["period_end"]]
    _figures(trust, whole, days, drawn, by_day)
    _days(trust, drawn, start, whole["period_end"])
    _skills(trust, skills, days)


def _teams(stays: Sequence[data.Row]) -> None:
    told = [
        f"**{formats.plain(row['team_name'] or row['team_id'])}** since {formats.day(row['joined_at'])}"
        + ("" if formats.is_missing(row["left_at"]) else f" until {formats.day(row['left_at'])}")
        for row in stays
    ]
    if told:
        st.markdown(f"Seated in {'; '.join(told)}")


def _lines(rows: Sequence[data.Row], start: date, end: date) -> dict[str, list[float]]:
    """Each figure day by day, from the first day of the period on which, or before which, there was a use."""
    first = max(start, min((row["day"] for row in rows), default=end))
    of_day: dict[date, list[data.Row]] = {first + timedelta(days=n): [] for n in range((end - first).days + 1)}
    for row in rows:
        if row["day"] in of_day:
            of_day[row["day"]].append(row)
    succeeded = [sum(row["successes"] > 0 for row in some) for some in of_day.values()]
    return {
        "active_days": [float(count > 0) for count in succeeded],
        "active_skills": [float(count) for count in succeeded],
        "uses": [float(sum(row["uses"] for row in some)) for some in of_day.values()],
        "successes": [float(sum(row["successes"] for row in some)) for some in of_day.values()],
    }


def _figures(trust: Trust, whole: data.Row, days: int, rows: Sequence[data.Row], by_day: Sequence[data.Row]) -> None:
    before = {name: whole.get(f"previous_{name}") for name in FIGURES}
    if formats.is_missing(before["uses"]):
        st.caption(
            f"Nothing to compare with: the data does not reach over the {days} days before these, or you had no seat "
            "on some day since."
        )
    more = {
        "active_days": "with at least one success",
        "active_skills": "used with success",
        "uses": f"{formats.count(whole['unknown'])} without a known result",
        "successes": formats.counted(whole["failures"], "failure"),
    }
    end: date = whole["period_end"]
    lines = _lines(by_day, end - timedelta(days=days - 1), end)
    with st.container(key="my_figures"):
        tiles.row(
            trust,
            [
                Tile(
                    label=label,
                    value=formats.count(whole[name]),
                    details=[more[name]],
                    entries=[(TABLE, "uses")],
                    change=periods.difference(whole, before, name, formats.signed),
                    versus=f"vs the {days} days before",
                    no_change="Nothing to compare with",
                    series=lines[name] if len(lines[name]) > 1 else (),
                    # The newest period is the only one that is kept of a person.
                    is_provisional=True,
                    meaning=f"**{label}**\n\n{counted}\n\n{MEANING}",
                    # More is not better: no colour.
                    good="off",
                )
                for name, (label, counted) in FIGURES.items()
            ],
            key="my_usage",
        )
    st.caption("Each line goes day by day, and begins with your first use where that lies in the period.")
    behind.show(
        trust,
        {**_own(whole), "is_provisional": True},
        f"my_figures_{days}d",
        [
            Part(
                title="Your uses by day and skill",
                rows=rows,
                columns={
                    "day": ("Day", formats.day),
                    "skill_name": ("Skill", tables.text),
                    "uses": ("Uses", formats.count),
                    "successes": ("Successes", formats.count),
                    "failures": ("Failures", formats.count),
                    "unknown": ("Unknown", formats.count),
                },
                entries=[(TABLE, "uses")],
                name=f"my_uses_{days}d",
                note=behind.adds_up(rows, whole, {"uses": "uses", "successes": "successes"}, "you were in two teams")
                + " Active days are the days, and skills the skills, that have a success.",
                meaning=MEANING,
            )
        ],
        TABLE,
    )


def _own(row: data.Row) -> data.Row:
    """A row without the name under which the person's events stand."""
    return {column: value for column, value in row.items() if column != "actor_key"}


def _days(trust: Trust, drawn: Sequence[data.Row], start: date, end: date) -> None:
    st.subheader("Uses by day")
    chart = charts.show(
        charts.days(drawn, start, end),
        f"Your uses by day from {formats.day(start)} to {formats.day(end)}; the table below has them by skill",
        key="my_days",
    )
    _foot(trust, drawn, f"my_days_{start}_{end}", chart)


def _skills(trust: Trust, skills: Sequence[data.Row], days: int) -> None:
    st.subheader("By skill")
    tables.show(
        skills,
        {
            "skill_name": ("Skill", tables.text),
            "uses": ("Uses", formats.count),
            "successes": ("Successes", formats.count),
            "failures": ("Failures", formats.count),
            "unknown": ("Unknown", formats.count),
            "active_days": ("Active days", formats.count),
        },
        height=None if len(skills) < 14 else 460,
    )
    _foot(trust, skills, f"my_skills_{days}d")


def _foot(trust: Trust, rows: Sequence[data.Row], name: str, chart: charts.Chart | None = None) -> None:
    sections.foot(
        trust,
        [_own(row) for row in rows],
        name,
        (TABLE, "uses"),
        # The newest days are always among them.
        is_provisional=True,
        meaning=MEANING,
        drawn={"My uses by day": chart} if chart else None,
    )
