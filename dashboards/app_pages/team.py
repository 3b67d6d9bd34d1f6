"""Team: is the team using its skills, what does that save, and which skills carry it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import streamlit as st

from dashboards import data
from dashboards.app_pages import team_steps
from dashboards.components import (
    banners,
    behind,
    charts,
    definitions,
    formats,
    hours,
    money,
    periods,
    sections,
    suggestions,
    tables,
    teams,
    tiles,
)
from dashboards.components.assumptions import ENDS, FACTORS, called, minutes
from dashboards.components.behind import Part
from dashboards.components.definitions import Trust
from dashboards.components.tiles import Tile
from dashboards.viewers import Looking

ASSUMPTION_SET = "default"
TOP_SKILLS = 10
NEVER_SEEN = " Who used a skill only before the data begins counts as never used, or as too new."
NEW_TO_DATA = " Who was last active before the data begins counts as new."
NO_HOURS = "No comparison: one side of it has no hours, or they are hidden to protect people"


@dataclass(frozen=True, slots=True)
class _Against:
    """What the figures of a period are held against: the equal period before it, or the reason why there is none."""

    before: data.Row | None
    versus: str
    no_change: str
    is_provisional: bool


def show(looking: Looking) -> None:
    """The page, for the teams of this viewer."""
    st.title("Team")
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        team = teams.choose(looking)
        if team is None:
            return
        period_days = periods.choose_days()
        ends = data.query("team_period_ends", looking.viewer, team_id=team.team_id, period_days=period_days)
        end = periods.choose_end(ends, period_days) if ends else None
    if end is None:
        banners.nothing(
            f"No data for {team.label} yet.",
            "Figures appear after the first day on which somebody is seated in the team and a refresh has run.",
        )
        return
    _figures(looking, definitions.load(looking.viewer), team.team_id, period_days, end)


def _figures(looking: Looking, trust: Trust, team_id: str, period_days: int, end: date) -> None:
    chosen = {"team_id": team_id, "period_days": period_days, "period_end": str(end)}
    activity = data.query("team_activity", looking.viewer, **chosen)
    saved = hours.beside(
        data.query("team_time_saved", looking.viewer, assumption_set=ASSUMPTION_SET, **chosen), activity
    )
    now = periods.row_at(activity, end) or {}
    is_provisional = bool(now.get("is_provisional", False))
    periods.line(end, period_days, now)
    if now.get("is_suppressed"):
        banners.few_people(now["seats"])
        return
    before = periods.row_at(activity, end - timedelta(days=period_days))
    saved_before = periods.row_at(saved, end - timedelta(days=period_days))
    is_covered = periods.is_before_covered(now, "previous_active_users")
    if not is_covered:
        before = saved_before = None
    against = _Against(
        before=before,
        versus=f"vs the {period_days} days before",
        no_change=periods.NOT_COVERED
        if not is_covered
        else periods.NOT_PUBLISHED
        if before is None
        else periods.SIDE_HIDDEN,
        is_provisional=is_provisional,
    )
    tiles.row(
        trust,
        [
            _active_skills(now, activity, against),
            _time_saved(
                looking,
                periods.row_at(saved, end),
                saved,
                replace(against, before=saved_before, no_change=NO_HOURS if before else against.no_change),
            ),
            _adoption(now, activity, against),
        ],
        key="team",
    )
    skills = data.query("team_skills", looking.viewer, **chosen)
    [hours_now] = money.without_unset([periods.row_at(saved, end) or {}])
    _behind(looking, trust, now, hours_now, skills, chosen)
    team_steps.show(looking, trust, now, chosen, is_covered=is_covered)
    _skills(trust, [row for row in skills if not formats.is_missing(row["usage_rank"])], chosen, is_covered)
    suggestions.skills_to_try(looking, trust, team_id)
    _trend(trust, activity, team_id, period_days)
    _seats(trust, now, f"{team_id}_{end}", against, is_covered=is_covered)
    team_steps.show_excluded(looking, trust, chosen)


def _active_skills(now: data.Row, series: Sequence[data.Row], against: _Against) -> Tile:
    return Tile(
        label="Active skills",
        value=formats.count_or_hidden(now.get("active_skills")),
        # Side by side, not "of": a skill that was uninstalled since can still have been active in the period.
        details=[f"**{formats.count(now.get('installed_skills'))} installed** at the period's end"],
        entries=[("team_activity", "active_skills"), ("team_activity", "installed_skills")],
        change=periods.difference(now, against.before, "active_skills", formats.signed),
        versus=against.versus,
        no_change=against.no_change,
        series=periods.series(series, "active_skills"),
        is_provisional=against.is_provisional,
    )


def _time_saved(looking: Looking, now: data.Row | None, series: Sequence[data.Row], against: _Against) -> Tile:
    now = now or {}
    if now.get("successes") == 0:
        details = ["No successful use in this period, so no time was saved."]
    elif now.get("is_suppressed"):
        details = ["Hours over one active person, or over what one alone did with a skill, would be that person's."]
    elif formats.is_missing(now.get("hours_p50")):
        details = ["No assumption is in force for what was used, so there is nothing to draw hours from."]
    else:
        details = [
            f"p50 of the draws; p10 to p90: **{formats.hours(now.get('hours_p10'))} to "
            f"{formats.hours(now.get('hours_p90'))}**",
            f"from {formats.counted(now.get('successes'), 'successful use')}; weakest assumption: "
            f"**{formats.plain(now.get('weakest_grade') or formats.NO_DATA)}**",
        ]
    return Tile(
        label="Time saved",
        tag="modelled",
        value=formats.HIDDEN if now.get("is_suppressed") else formats.hours(now.get("hours_p50")),
        details=details,
        entries=[("team_time_saved", "hours_p50")],
        change=periods.difference(
            now, against.before, "hours_p50", lambda value: f"{formats.signed(value, 1)}{formats.THIN}h"
        ),
        versus=against.versus,
        no_change=against.no_change,
        series=periods.series(series, "hours_p50"),
        is_provisional=against.is_provisional,
        extra=_assumptions(looking),
    )


def _assumptions(looking: Looking) -> str:
    """The assumptions behind time saved as a Markdown table, for the popover of its tile."""
    rows = data.query("assumptions", looking.viewer, assumption_set=ASSUMPTION_SET)
    if not rows:
        return "**Assumptions**\n\nNone are published."
    lines = ["**Assumptions: minutes saved per successful use**", "", "| Skill | Low | Mode | High | Grade | Source |"]
    lines.append("|---|---:|---:|---:|---|---|")
    for row in rows:
        name = formats.plain(called(row["skill_name"]))
        numbers = " | ".join(minutes(row[end]) for end in ENDS)
        lines.append(f"| {name} | {numbers} | {formats.plain(row['grade'])} | {formats.plain(row['source'])} |")
    first = rows[0]
    kept, incremental = (
        ", ".join(formats.exact_share(first.get(f"{factor}_{end}")) for end in ENDS) for factor in FACTORS
    )
    lines += [
        "",
        f"Share of results kept (low, mode, high): {kept}. Share that would not have been done without: {incremental}.",
    ]
    return "\n".join(lines)


def _adoption(now: data.Row, series: Sequence[data.Row], against: _Against) -> Tile:
    band = now.get("adoption_band")
    rate = now.get("adoption_rate")
    is_hidden = formats.is_missing(rate) and not formats.is_missing(band)
    counted = f"{formats.count(now.get('active_users'))}/{formats.count(now.get('seats'))}"
    return Tile(
        label="Adoption: at least one skill",
        value=str(band) if is_hidden else formats.share(rate),
        details=[
            f"A band of {formats.count(now.get('seats'))} people: the exact share would point at one person"
            if is_hidden
            else f"**≥ 1 skill: {counted}** people, 95{formats.THIN}% interval "
            f"{formats.interval(now.get('adoption_low'), now.get('adoption_high'))}",
            f"Mean over {formats.count(now.get('installed_skills'))} installed skills: "
            f"**{formats.share(now.get('mean_skill_adoption'))}**"
            + (" (its users to the nearest three, for one skill's are hidden)" if now.get("is_mean_coarse") else ""),
        ],
        entries=[("team_activity", "adoption_rate"), ("team_activity", "mean_skill_adoption")],
        change=periods.adoption_moved(now),
        versus=against.versus,
        no_change=against.no_change,
        series=periods.series(series, "adoption_rate"),
        is_provisional=against.is_provisional,
    )


def _behind(
    looking: Looking,
    trust: Trust,
    now: data.Row,
    saved: data.Row,
    skills: Sequence[data.Row],
    chosen: dict[str, Any],
) -> None:
    """The skills that are counted, those that are installed, and the uses that hours are drawn from."""
    installed = data.query("team_installed", looking.viewer, team_id=chosen["team_id"], period_end=chosen["period_end"])
    note = behind.adds_up(skills, now, {"uses": "uses"})
    note += " Users do not add up: somebody with two skills is a user of each."
    if not formats.is_missing(now.get("active_skills")):
        note = f"Active skills are the {formats.count(now['active_skills'])} rows with a rank. {note}"
    parts = [
        behind.skills(skills, f"skill_rows_{chosen['team_id']}_{chosen['period_end']}", note),
        Part(
            title="Installed skills at the period's end",
            rows=installed,
            columns={
                "skill_name": ("Skill", tables.text),
                "installed_people": ("People", formats.count_or_hidden),
                "used_within_days": ("Used within", _within),
            },
            entries=[("team_installed_skills", "installed_people"), ("team_installed_skills", "used_within_days")],
            name=f"installed_rows_{chosen['team_id']}_{chosen['period_end']}",
            note=f"One row each: {formats.count(len(installed))}. People are those who have it.",
        ),
    ]
    if saved.get("successes") and not saved.get("is_suppressed"):
        uses = data.query("time_saved_uses", looking.viewer, assumption_set=ASSUMPTION_SET, **chosen)
        name = f"assumption_rows_{chosen['team_id']}_{chosen['period_end']}"
        parts.append(behind.assumptions(uses, saved, name))
    behind.show(
        trust,
        {**now, **{name: value for name, value in saved.items() if name not in now}},
        f"figures_{chosen['team_id']}_{chosen['period_end']}",
        parts,
        "team_activity",
        "team_time_saved",
        hidden=f"Adoption counts people; {behind.PEOPLE}",
    )


def _within(days: Any) -> str:
    return "Not in 90 days" if formats.is_missing(days) else f"{formats.count(days)} days"


def _skills(trust: Trust, skills: Sequence[data.Row], chosen: dict[str, Any], is_covered: bool) -> None:
    st.subheader("Top skills by users")
    if not skills:
        banners.nothing("No skill was used with success in this period.", "Choose a longer period, or an earlier end.")
        return
    told = [
        {
            **row,
            "text": f"{_users(row)} {_move(row, is_covered)}".strip(),
            "interval": formats.interval(row["adoption_low"], row["adoption_high"]),
        }
        for row in skills[:TOP_SKILLS]
    ]
    with sections.values(trust, "skills", "team_skill_usage"):
        chart = charts.show(
            charts.skill_bars(told),
            "Share of seated people with at least one successful use, by skill: "
            + "; ".join(f"{row['skill_name']} {row['text']}" for row in told),
            key="skills",
        )
    st.caption(
        f"{len(told)} of {len(skills)} skills used with success. The thin line is the 95{formats.THIN}% interval. "
        + (
            "▲ ▼ places gained or lost against the equal period before; new: not used with success in it."
            if is_covered
            else f"{periods.NOT_COVERED}."
        )
    )
    folded = st.expander(f"{formats.counted(len(skills), 'skill')} as a table")
    with folded, sections.values(trust, "all_skills", "team_skill_usage"):
        tables.show(
            [{**row, "moved": _move(row, is_covered)} for row in skills],
            {
                "usage_rank": ("Rank", formats.count),
                "skill_name": ("Skill", tables.text),
                "moved": ("Change", str),
                "users": ("Users", formats.count_or_hidden),
                "adoption_rate": ("Adoption", _share),
                "uses": ("Uses", formats.count_or_hidden),
                "failures": ("Failures", formats.count_or_hidden),
            },
            height=None if len(skills) < 12 else 420,
        )
    sections.foot(
        trust,
        skills,
        f"skills_{chosen['team_id']}_{chosen['period_end']}",
        ("team_skill_usage", "adoption_rate"),
        is_provisional=any(row["is_provisional"] for row in skills),
        drawn={"Top skills by users": chart},
    )


def _users(row: data.Row) -> str:
    if not formats.is_missing(row["users"]):
        return formats.share_of(row["adoption_rate"], row["users"], row["seats"])
    band = row.get("adoption_band")
    return formats.NO_DATA if formats.is_missing(band) else f"{band} of {formats.count(row['seats'])}"


def _move(row: data.Row, is_covered: bool) -> str:
    """Places gained or lost against the equal period before, where the data covers that and nothing of it is hidden."""
    if not is_covered:
        return ""
    previous = row.get("previous_usage_rank")
    if formats.is_missing(previous):
        return "" if formats.is_missing(row.get("previous_users")) else "new"
    moved = int(previous or 0) - int(row["usage_rank"])
    return "=" if moved == 0 else f"{'▲' if moved > 0 else '▼'}{abs(moved)}"


def _share(value: Any) -> str:
    return formats.HIDDEN if formats.is_missing(value) else formats.share(value)


def _rate(row: data.Row) -> str:
    return formats.share_of(row["adoption_rate"], row["active_users"], row["seats"])


def _trend(trust: Trust, activity: Sequence[data.Row], team_id: str, period_days: int) -> None:
    st.subheader("Adoption over time")
    rows, known = periods.trend_of(activity, "adoption_rate")
    if len(known) < 2:
        periods.no_trend(activity, lambda row: formats.is_missing(row["adoption_rate"]))
        return
    drawn = [{**row, "text": _rate(row)} for row in rows]
    with sections.values(trust, "trend", "team_activity"):
        chart = charts.show(
            charts.trend(
                drawn,
                y="adoption_rate",
                low="adoption_low",
                high="adoption_high",
                title="Adoption (≥ 1 skill)",
                number_format="%",
                top=1.0,
            ),
            f"Adoption over {period_days} days by period end, from {_rate(known[0])} to "
            f"{_rate(known[-1])} on {formats.day(known[-1]['period_end'])}",
            key="trend",
        )
    st.caption(
        f"Each point is the {period_days} days up to a Sunday or the chosen end; the band is the 95{formats.THIN}% "
        "interval; a hollow point is provisional, a gap is hidden."
    )
    sections.foot(
        trust,
        activity,
        f"trend_{team_id}_{period_days}d",
        ("team_activity", "adoption_rate"),
        is_provisional=any(row["is_provisional"] for row in activity),
        drawn={"Adoption (≥ 1 skill) over time": chart},
    )


SEATS = {
    "seats_active": ("Active", charts.BLUE),
    "seats_idle": ("Idle", charts.ORANGE),
    "seats_never_used": ("Never used", charts.RED),
    "seats_too_new": ("Too new to tell", charts.GREY),
}
LIFECYCLE = {
    "new_users": ("New", charts.GREEN),
    "returning_users": ("Returning", charts.BLUE),
    "resurrected_users": ("Back after a break", charts.VIOLET),
}


def _seats(trust: Trust, now: data.Row, name: str, against: _Against, *, is_covered: bool) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Seats at the period's end")
        chart = _parts(trust, now, SEATS, "People seated", "seats")
        st.caption(_told_before(against, SEATS) + (NEVER_SEEN if chart and not is_covered else ""))
        sections.foot(
            trust,
            [_only(now, SEATS)],
            f"seats_{name}",
            *(("team_activity", column) for column in SEATS),
            is_provisional=bool(now.get("is_provisional")),
            drawn={"Seats at the period's end": chart} if chart else None,
        )
    with right:
        st.subheader("Active people, by where they come from")
        chart = _parts(trust, now, LIFECYCLE, "Active people", "lifecycle")
        st.caption(_told_before(against, LIFECYCLE) + (_gone(now) if is_covered else NEW_TO_DATA if chart else ""))
        meant = (*LIFECYCLE, "dormant_users")
        sections.foot(
            trust,
            [_only(now, meant)],
            f"lifecycle_{name}",
            *(("team_activity", column) for column in meant),
            is_provisional=bool(now.get("is_provisional")),
            drawn={"Active people, by where they come from": chart} if chart else None,
        )


def _gone(now: data.Row) -> str:
    gone = now.get("dormant_users")
    return "" if formats.is_missing(gone) else f" Not active again: {formats.count(gone)}."


def _only(now: data.Row, columns: Iterable[str]) -> data.Row:
    """The counts that a section shows, with what they are of."""
    return {column: now[column] for column in ("team_id", "period_end", "period_days", *columns, "is_provisional")}


def _parts(trust: Trust, now: data.Row, names: dict[str, tuple[str, str]], title: str, key: str) -> charts.Chart | None:
    """A bar of counts that add up; None, and said so, where it cannot be drawn."""
    parts = [(name, now.get(column), colour) for column, (name, colour) in names.items()]
    if any(formats.is_missing(number) for _, number, _ in parts):
        banners.nothing(
            "Hidden or not measured.",
            "One of the counts would point at one person, or the period that they are held against is hidden or not "
            "published, so none is shown.",
        )
        return None
    if not any(number for _, number, _ in parts):
        banners.nothing("Nobody.", "There is no one to count in this period.")
        return None
    with sections.values(trust, key, "team_activity"):
        return charts.show(charts.stacked_bar(parts, title=title), f"{title}. {_told(now, names)}", key=key)


def _told_before(against: _Against, names: dict[str, tuple[str, str]]) -> str:
    if against.before is None:
        return f"{against.no_change}."
    return f"In the equal period before: {_told(against.before, names)}."


def _told(row: data.Row, names: dict[str, tuple[str, str]]) -> str:
    """The counts of a period in words; where there are none, why."""
    if any(formats.is_missing(row.get(column)) for column in names):
        return "hidden or not measured"
    return ", ".join(f"{formats.count(row[column])} {name.lower()}" for column, (name, _) in names.items())
