"""Onboarding: how soon do the people who join the team begin to use skills, and does that get better."""

from collections.abc import Callable, Sequence
from datetime import date

import streamlit as st

from dashboards import data
from dashboards.components import (
    banners,
    behind,
    charts,
    definitions,
    formats,
    periods,
    sections,
    selection,
    tables,
    teams,
    tiles,
)
from dashboards.components.behind import Part
from dashboards.components.definitions import Trust
from dashboards.components.tiles import Tile
from dashboards.viewers import Looking
from warehouse.small_groups import MINIMUM_SEATS

CURVES = 4
"""Months that one chart holds apart."""


def show(looking: Looking) -> None:
    """The page, for the teams of this viewer."""
    st.title("Onboarding")
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        team = teams.choose(looking)
        if team is None:
            return
        months = data.query("onboarding_months", looking.viewer, team_id=team.team_id)
        shown = [row for row in months if row["has_data"] and not row.get("is_suppressed")]
        month = None
        if shown:
            with st.container(width=220):
                month = _choose_month(shown)
    if not months:
        banners.nothing(
            f"Nobody has joined {team.label} yet.",
            "Figures appear after the first day on which somebody is seated in the team and a refresh has run.",
        )
        return
    trust = definitions.load(looking.viewer)
    if month is None:
        _nothing_shown(months)
        _months(trust, months, team.team_id)
        return
    days = _days(looking, _drawn(shown, month), team.team_id)
    _figures(trust, shown, month)
    _behind(trust, shown, month, days, team.team_id)
    _curves(trust, shown, month, days, team.team_id)
    _months(trust, months, team.team_id)


def _nothing_shown(months: Sequence[data.Row]) -> None:
    if all(not row["has_data"] for row in months):
        banners.nothing(
            "Everybody joined before the data begins.",
            "When they first used a skill was not seen. Figures appear with the next who join.",
        )
        return
    st.info(
        f"**Hidden to protect people.** In no month that the data covers did {MINIMUM_SEATS} people or more join this "
        "team. Figures over fewer would be figures about persons.",
        icon=":material/visibility_off:",
    )


def _choose_month(shown: Sequence[data.Row]) -> data.Row:
    """The month of joining; at first the newest whose first 30 days are over for everybody."""
    first = next((row for row in shown if row["is_complete_30"]), shown[0])
    texts = {str(row["cohort_month"]): f"{row['cohort_month']:%B %Y}" for row in shown}
    chosen = selection.choose(
        "Joined in", "joined", list(texts), default=str(first["cohort_month"]), text=texts.__getitem__
    )
    return next(row for row in shown if str(row["cohort_month"]) == chosen)


def _figures(trust: Trust, shown: Sequence[data.Row], month: data.Row) -> None:
    st.markdown(
        f"**{formats.count(month['seats'])} people** joined in {month['cohort_month']:%B %Y}"
        + (
            ""
            if month["is_complete_30"]
            else " :orange-badge[:material/hourglass_top: The first 30 days of some are not over]"
        )
    )
    before = next((row for row in shown if row["cohort_month"] < month["cohort_month"]), None)
    until = [row for row in reversed(shown) if row["cohort_month"] <= month["cohort_month"]]

    def tile(label: str, column: str, value: str, details: Sequence[str], change: Callable[[float], str]) -> Tile:
        return Tile(
            label=label,
            value=value,
            details=details,
            entries=[("team_onboarding_summary", column)],
            change=_difference(month, before, column, change),
            versus=""
            if before is None
            else f"vs {before['cohort_month']:%b %Y} ({formats.count(before['seats'])} people)",
            no_change="No earlier month to compare with"
            if before is None
            else f"No comparison: {before['cohort_month']:%b %Y} or this month is hidden or not known",
            series=periods.series(until, column),
            is_provisional=not month["is_complete_30"],
            # So few people join in a month that a difference is seldom one: it is said, and not coloured.
            good="off",
        )

    tiles.row(
        trust,
        [
            *(
                tile(
                    f"Begun by day {day}",
                    f"adopted_by_{day}",
                    _share(month, day),
                    [_counted(month, day)],
                    formats.points,
                )
                for day in (7, 30)
            ),
            tile(
                "Half had begun by",
                "median_days",
                _median(month),
                [_about_median(month)],
                lambda value: f"{formats.signed(value)}{formats.THIN}days",
            ),
            tile(
                "Skills in the first 30 days",
                "median_skills_30",
                _skills(month),
                [_people_30(month)],
                lambda value: formats.signed(value, 1),
            ),
        ],
        key="onboarding",
    )


def _drawn(shown: Sequence[data.Row], month: data.Row) -> list[date]:
    """The months that one chart holds apart, newest first."""
    return [row["cohort_month"] for row in shown if row["cohort_month"] <= month["cohort_month"]][:CURVES]


def _of_how_many(shown: Sequence[data.Row], month: data.Row) -> str:
    """That the chart leaves earlier months out, as a sentence; empty where it has them all."""
    known = sum(row["cohort_month"] <= month["cohort_month"] for row in shown)
    if known <= CURVES:
        return ""
    return f"Drawn are the {CURVES} newest of the {formats.count(known)} months with figures up to the chosen one. "


def _days(looking: Looking, drawn: Sequence[date], team_id: str) -> list[data.Row]:
    """The curves of these months, a row for each day."""
    found = data.query(
        "onboarding_curves",
        looking.viewer,
        team_id=team_id,
        first_month=str(min(drawn)),
        last_month=str(max(drawn)),
    )
    return [row for row in found if row["cohort_month"] in drawn]


def _behind(trust: Trust, shown: Sequence[data.Row], month: data.Row, days: Sequence[data.Row], team_id: str) -> None:
    """The month day by day, and the months that it is held against."""
    name = f"{team_id}_{month['cohort_month']}"
    told = [{**row, "so_far": _begun(row, "adopters")} for row in days if row["cohort_month"] == month["cohort_month"]]
    months = [
        {
            **row,
            **{f"begun_{day}": _begun(row, f"adopters_{day}") for day in (7, 30)},
            "is_provisional": not row["is_complete_30"],
        }
        for row in shown
        if row["cohort_month"] <= month["cohort_month"]
    ]
    behind.show(
        trust,
        {**month, "is_provisional": not month["is_complete_30"]},
        f"onboarding_{name}",
        [
            Part(
                title=f"Who had begun, by days since joining in {month['cohort_month']:%B %Y}",
                rows=told,
                columns={
                    "day": ("Day", formats.count),
                    "so_far": ("People so far", str),
                    "adopted_share": (
                        "Share",
                        lambda value: formats.HIDDEN if formats.is_missing(value) else formats.share(value),
                    ),
                },
                entries=[("team_onboarding", "adopted_share")],
                name=f"onboarding_days_{name}",
                note="Begun by day 7 and by day 30 are the rows of these days; half had begun on the first day whose "
                "share is a half. Days after the last row are hidden, or not over yet."
                if told
                else "Every day is hidden: too few have begun, or too few have not.",
            ),
            Part(
                title="Months of joining",
                rows=months,
                columns={
                    "cohort_month": ("Joined in", formats.month),
                    "seats": ("People", formats.count),
                    "begun_7": ("Begun by day 7", str),
                    "begun_30": ("by day 30", str),
                    "people_30": ("There for 30 days", formats.count_or_hidden),
                },
                entries=[("team_onboarding_summary", "adopters_7"), ("team_onboarding_summary", "people_30")],
                name=f"onboarding_joined_{name}",
                note="The months behind the lines of the tiles, newest first. A share does not add up over them.",
            ),
        ],
        "team_onboarding_summary",
        hidden=f"On which day somebody began is not listed: {behind.PEOPLE}",
    )


def _begun(row: data.Row, count: str) -> str:
    return _band(row, count) or formats.count_or_hidden(row[count])


def _curves(trust: Trust, shown: Sequence[data.Row], month: data.Row, rows: Sequence[data.Row], team_id: str) -> None:
    st.subheader("Share that has begun, by days since joining")
    drawn = _drawn(shown, month)
    known = [row for row in rows if not formats.is_missing(row["adopted_share"])]
    last = {row["cohort_month"]: row for row in rows}
    reached = [_in_the_end(row, last) for row in shown if row["cohort_month"] in drawn]
    if not known:
        banners.nothing(
            "No curve to draw.", f"Every count of these months would point at one person. {'; '.join(reached)}."
        )
        return
    told = reached + [f"{_name(row)}, last seen by day {row['day']}: {_mark(row)}" for row in known if _mark(row)]
    with sections.values(trust, "curves", "team_onboarding"):
        chart = charts.show(
            charts.onboarding_curves(
                [{**row, "cohort": _name(row), "text": _reached(row), "mark": _mark(row)} for row in rows],
                [_name({"cohort_month": each}) for each in drawn],
            ),
            "Estimated share that has begun by days since joining: " + "; ".join(told),
            key="curves",
        )
    st.caption(
        _of_how_many(shown, month)
        + "Estimated by Kaplan-Meier: who left before beginning, and who has only just joined, counts for as long as "
        "they were there. A tick ends a stretch in which people were last seen who had not begun. A curve is drawn "
        "while two or more have begun and two or more have not, for nearer to its ends it would tell one person's day; "
        f"it also ends where nobody is watched any longer. Reached in the end: {'; '.join(reached)}."
    )
    sections.foot(
        trust,
        rows,
        f"onboarding_curves_{team_id}_{month['cohort_month']}",
        ("team_onboarding", "adopted_share"),
        is_provisional=not month["is_complete_30"],
        drawn={"Share that has begun, by days since joining": chart},
    )


def _months(trust: Trust, months: Sequence[data.Row], team_id: str) -> None:
    st.subheader("Every month of joining")
    told = [
        {
            **row,
            "month": f"{row['cohort_month']:%b %Y}",
            **{f"by_{day}": _cell(row, _share(row, day, with_count=True)) for day in (7, 30)},
            "half": _cell(row, _median(row)),
            "skills": _cell(row, _skills(row)),
            "state": "joined before the data begins"
            if not row["has_data"]
            else ""
            if row["is_complete_30"]
            else "first 30 days not over",
        }
        for row in months
    ]
    with sections.values(trust, "months", "team_onboarding_summary"):
        tables.show(
            told,
            {
                "month": ("Joined in", str),
                "seats": ("People", formats.count),
                "by_7": ("Begun by day 7", str),
                "by_30": ("by day 30", str),
                "half": ("Half by", str),
                "skills": ("Skills in 30 days", str),
                "state": ("Note", str),
            },
            height=None if len(told) < 14 else 460,
        )
    hidden = sum(bool(row.get("is_suppressed") and row["has_data"]) for row in months)
    if hidden:
        st.caption(
            f"{formats.count(hidden)} of {formats.count(len(months))} months are hidden: fewer than {MINIMUM_SEATS} "
            "people joined, and figures over so few would be figures about persons."
        )
    sections.foot(
        trust,
        # A month whose first 30 days are over is final, whatever the newest is.
        [{**row, "is_provisional": not row["is_complete_30"]} for row in months],
        f"onboarding_months_{team_id}",
        ("team_onboarding_summary", "adopted_by_30"),
        is_provisional=not all(row["is_complete_30"] for row in months),
    )


def _cell(row: data.Row, text: str) -> str:
    return formats.NO_DATA if not row["has_data"] else formats.HIDDEN if row.get("is_suppressed") else text


def _name(row: data.Row) -> str:
    month: date = row["cohort_month"]
    return f"{month:%b %Y}"


def _reached(row: data.Row) -> str:
    if formats.is_missing(row["adopters"]):
        return _band(row, "adopters")
    return formats.share_of(row["adopted_share"], row["adopters"], row["seats"])


def _in_the_end(month: data.Row, last: dict[date, data.Row]) -> str:
    """What a month has come to: near an end how many only, for the day would be one person's."""
    band, row = _band(month, "adopters"), last.get(month["cohort_month"])
    if band or row is None:
        return f"{_name(month)} {band or formats.HIDDEN.lower()}"
    return f"{_name(month)} {_reached(row)} by day {row['day']}"


def _band(row: data.Row, count: str) -> str:
    """A count near one of its ends, which small-group rules tell as a band; empty where it is hidden altogether."""
    band = row.get(f"{count}_band")
    return f"{band.replace('-', '–')} of {formats.count(row['seats'])}" if band else ""


def _is_few(row: data.Row, count: str) -> bool:
    return row.get(f"{count}_band") == "0-1"


def _mark(row: data.Row) -> str | None:
    """What a tick of censoring says; None on a day without one."""
    last_seen = row.get("last_seen")
    return None if formats.is_missing(last_seen) else f"{formats.count(last_seen)} people who had not begun"


def _share(row: data.Row, day: int, *, with_count: bool = False) -> str:
    if formats.is_missing(row[f"adopters_{day}"]):
        return _band(row, f"adopters_{day}") or formats.HIDDEN
    value = row[f"adopted_by_{day}"]
    if formats.is_missing(value):
        return "Not known yet"
    counted = f" ({formats.count(row[f'adopters_{day}'])}/{formats.count(row['seats'])})" if with_count else ""
    return formats.share(value) + counted


def _counted(row: data.Row, day: int) -> str:
    if formats.is_missing(row[f"adopters_{day}"]):
        return "people so far: the exact number would point at one person"
    counted = f"{formats.count(row[f'adopters_{day}'])}/{formats.count(row['seats'])}"
    return f"**{counted}** people so far; the share counts who left for as long as they were there"


def _median(row: data.Row) -> str:
    if _is_few(row, "adopters"):
        return formats.HIDDEN
    if formats.is_missing(row["median_days"]) and "adopters_band" in row:
        # Whoever sees all knows which of the two it is; here to say it would tell of one person.
        return "Not told"
    return "Not reached" if formats.is_missing(row["median_days"]) else f"day {formats.count(row['median_days'])}"


def _about_median(row: data.Row) -> str:
    if _is_few(row, "adopters"):
        return f"{_band(row, 'adopters')} have begun: it would be one person's day"
    if formats.is_missing(row["median_days"]):
        return "not reached yet, or by so few that it would be one person's day"
    return "days from joining to the first success; day 0 is the day of joining"


def _skills(row: data.Row) -> str:
    if not formats.is_missing(row["median_skills_30"]):
        return formats.decimal(row["median_skills_30"], 1)
    return formats.HIDDEN if row.get("people_30") != 0 else "Not known yet"


def _people_30(row: data.Row) -> str:
    """What the median of skills is over, or why there is none."""
    people = row.get("people_30")
    if people is None or formats.is_missing(people):
        return "median over people who stayed 30 days"
    if people == 0:
        return "Nobody has been there for 30 days yet"
    if people < MINIMUM_SEATS:
        few = f"{formats.count(people)} of {formats.count(row['seats'])}"
        return f"Only {few} people have been there for 30 days: a median over so few would be about persons"
    return f"median over **{formats.count(people)}** people who stayed 30 days, those without any included"


def _difference(month: data.Row, before: data.Row | None, column: str, as_text: Callable[[float], str]) -> str | None:
    if before is None or formats.is_missing(month[column]) or formats.is_missing(before[column]):
        return None
    return as_text(float(month[column]) - float(before[column]))
