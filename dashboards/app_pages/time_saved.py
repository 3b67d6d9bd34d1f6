"""Time saved: the hours that a team's uses are modelled to save, what they rest on, and what others would say."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import streamlit as st

from analysis.time_saved import sensitivity
from dashboards import data
from dashboards.app_pages import time_saved_what_if
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
    selection,
    tables,
    teams,
    tiles,
)
from dashboards.components.assumptions import ENDS, FACTORS, as_tables, called, minutes
from dashboards.components.definitions import Trust
from dashboards.components.tiles import Tile
from dashboards.viewers import Looking

DEFAULT_SET = "default"
GIVEN = (*ENDS, "grade")


def show(looking: Looking) -> None:
    """The page, for the teams of this viewer."""
    st.title("Time saved")
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        team = teams.choose(looking)
        if team is None:
            return
        period_days = periods.choose_days()
        ends = data.query("team_period_ends", looking.viewer, team_id=team.team_id, period_days=period_days)
        end = periods.choose_end(ends, period_days) if ends else None
        names = [str(row["assumption_set"]) for row in data.query("assumption_sets", looking.viewer)]
        chosen_set = names[0] if names else DEFAULT_SET
        if len(names) > 1 or (names and st.query_params.get("set") not in (None, chosen_set)):
            with st.container(width=220):
                chosen_set = selection.choose("Assumptions", "set", names, default=names[0])
                selection.on_paper(f"Assumptions: {chosen_set}")
    if end is None:
        banners.nothing(
            f"No data for {team.label} yet.",
            "Figures appear after the first day on which somebody is seated in the team and a refresh has run.",
        )
        return
    chosen = {"team_id": team.team_id, "period_days": period_days, "period_end": str(end)}
    activity = data.query("team_activity", looking.viewer, **chosen)
    periods.line(end, period_days, periods.row_at(activity, end) or {})
    saved = hours.beside(data.query("team_time_saved", looking.viewer, assumption_set=chosen_set, **chosen), activity)
    now = periods.row_at(saved, end)
    trust = definitions.load(looking.viewer)
    if now is None or now["successes"] == 0:
        banners.nothing(
            "No successful use in this period, so no hours were saved.", "Choose a longer period, or an earlier end."
        )
    elif not now.get("is_suppressed") and formats.is_missing(now["hours_p50"]):
        banners.nothing(
            "Nothing is assumed of what was used in this period.", "Choose another set of assumptions, or another end."
        )
    elif now.get("is_suppressed"):
        st.info(
            "**Hidden to protect people.** Hours over fewer than five seated people, in this period or in one that "
            "shares days with it, over one active person, or over what one alone did with a skill that has an "
            "assumption of its own, would be figures about persons.",
            icon=":material/visibility_off:",
        )
    else:
        _figures(trust, saved, now, end, period_days)
        _behind(looking, trust, chosen, chosen_set, now)
        _trend(trust, saved, team.team_id, period_days)
        if len(names) > 1:
            _sets(looking, trust, chosen, is_provisional=bool(now["is_provisional"]))
        _rests_on(looking, trust, chosen, chosen_set, now)
        if not money.is_set(now):
            st.caption(money.HOW_TO_SET)


def _figures(trust: Trust, saved: Sequence[data.Row], now: data.Row, end: date, period_days: int) -> None:
    before_end = end - timedelta(days=period_days)
    before = periods.comparable(saved, before_end)
    common: dict[str, Any] = {
        "versus": f"vs the {period_days} days before",
        "no_change": periods.why_nothing_before(
            now,
            periods.row_at(saved, before_end),
            "No comparison: the equal period before is not published, has no hours, or they are hidden",
        ),
        "is_provisional": bool(now["is_provisional"]),
    }

    def change(value: float) -> str:
        return f"{formats.signed(value, 1)}{formats.THIN}h"

    shown = [
        Tile(
            label="Time saved",
            tag="modelled",
            value=formats.hours(now["hours_p50"]),
            details=[
                "p50 of 2,000 draws; p10 to p90: "
                f"**{formats.hours(now['hours_p10'])} to {formats.hours(now['hours_p90'])}**"
            ],
            entries=[("team_time_saved", "hours_p50")],
            change=periods.difference(now, before, "hours_p50", change),
            series=periods.series(saved, "hours_p50"),
            **common,
        ),
        Tile(
            label="Successful uses",
            value=formats.count(now["successes"]),
            details=[f"weakest assumption behind them: **{formats.plain(now['weakest_grade'])}**"],
            entries=[("team_time_saved", "successes")],
            change=periods.difference(now, before, "successes", formats.signed),
            series=periods.series(saved, "successes"),
            **common,
        ),
        Tile(
            label="Uses × most likely minutes",
            tag="not a result",
            value=formats.hours(now["hours_naive"]),
            details=["what counting alone would claim, before what is redone or would have been done anyway"],
            entries=[("team_time_saved", "hours_naive")],
            change=periods.difference(now, before, "hours_naive", change),
            series=periods.series(saved, "hours_naive"),
            good="off",
            **common,
        ),
    ]
    if money.is_set(now):
        shown.insert(1, _worth(saved, now, before, common))
    tiles.row(trust, shown, key="time_saved")


def _worth(saved: Sequence[data.Row], now: data.Row, before: data.Row | None, common: Mapping[str, Any]) -> Tile:
    """What the hours are worth. Held against the period before where the account says the same of both."""
    is_same = money.is_same_basis(now, before)
    no_change = "No comparison: the account had no worth of an hour, or another, in the equal period before"
    return Tile(
        label="Worth of the time saved",
        tag="modelled",
        value=formats.dollars(now["value_cents_p50"]),
        details=[f"p10 to p90: **{formats.plain(money.ends(now))}**", formats.plain(money.basis(now))],
        entries=[("team_time_saved", "value_cents_p50")],
        change=periods.difference(now, before, "value_cents_p50", formats.signed_dollars) if is_same else None,
        # The line breaks where the account's rate or share were others: it is to show hours move, not settings.
        series=periods.series(
            [row if money.is_same_basis(now, row) else {**row, "value_cents_p50": None} for row in saved],
            "value_cents_p50",
        ),
        **{**common, **({} if is_same or before is None else {"no_change": no_change})},
    )


def _behind(looking: Looking, trust: Trust, chosen: Mapping[str, Any], chosen_set: str, now: data.Row) -> None:
    """The uses by assumption, and the same by skill."""
    name = f"{chosen['team_id']}_{chosen['period_end']}_{chosen_set}"
    uses = data.query("time_saved_uses", looking.viewer, assumption_set=chosen_set, **chosen)
    skills = data.query("team_skills", looking.viewer, **chosen)
    behind.show(
        trust,
        money.without_unset([now])[0],
        f"time_saved_{name}",
        [
            behind.assumptions(uses, now, f"assumption_rows_{name}"),
            behind.skills(
                skills,
                f"skill_rows_{name}",
                behind.adds_up(
                    skills, now, {"successes": "successful uses"}, "of some of these skills nothing is assumed"
                ),
            ),
        ],
        "team_time_saved",
    )


def _told(row: data.Row) -> str:
    return f"{formats.hours(row['hours_p50'])} ({formats.hours(row['hours_p10'])} to {formats.hours(row['hours_p90'])})"


def _trend(trust: Trust, saved: Sequence[data.Row], team_id: str, period_days: int) -> None:
    st.subheader("Hours over time")
    rows, known = periods.trend_of(saved, "hours_p50")
    if len(known) < 2:
        periods.no_trend(saved, lambda row: bool(row.get("is_suppressed")))
        return
    drawn = [{**row, "text": _told(row)} for row in rows]
    with sections.values(trust, "hours", "team_time_saved"):
        chart = charts.show(
            charts.trend(
                drawn,
                y="hours_p50",
                low="hours_p10",
                high="hours_p90",
                title="Hours saved, modelled",
                number_format=",~f",
            ),
            f"Modelled hours saved in {period_days} days by period end, from {_told(known[0])} to "
            f"{_told(known[-1])} on {formats.day(known[-1]['period_end'])}",
            key="hours",
        )
    st.caption(
        f"Each point is the {period_days} days up to a Sunday or the chosen end. The line is the median of the draws, "
        "the band runs from p10 to p90; a hollow point is provisional, a gap is hidden."
    )
    sections.foot(
        trust,
        money.without_unset(saved),
        f"hours_{team_id}_{period_days}d",
        ("team_time_saved", "hours_p50"),
        is_provisional=any(row["is_provisional"] for row in saved),
        drawn={"Hours saved over time, modelled": chart},
    )


def _sets(looking: Looking, trust: Trust, chosen: Mapping[str, Any], *, is_provisional: bool) -> None:
    st.subheader("The same uses under every set of assumptions")
    rows = money.without_unset(data.query("time_saved_sets", looking.viewer, **chosen))
    worth = {"value_cents_p50": ("Worth, p50", formats.dollars)} if any(money.is_set(row) for row in rows) else {}
    with sections.values(trust, "sets", "team_time_saved"):
        tables.show(
            rows,
            {
                "assumption_set": ("Assumptions", tables.text),
                "hours_p10": ("p10", formats.hours),
                "hours_p50": ("p50", formats.hours),
                "hours_p90": ("p90", formats.hours),
                **worth,
                "successes": ("Uses they cover", formats.count),
                "weakest_grade": ("Weakest grade", tables.text),
            },
        )
    sections.foot(
        trust,
        rows,
        f"sets_{chosen['team_id']}_{chosen['period_end']}",
        ("team_time_saved", "hours_p50"),
        ("team_time_saved", "weakest_grade"),
        is_provisional=is_provisional,
    )


def _rests_on(looking: Looking, trust: Trust, chosen: Mapping[str, Any], chosen_set: str, now: data.Row) -> None:
    """The assumptions, how much each matters, and what others would say."""
    uses = data.query("time_saved_uses", looking.viewer, assumption_set=chosen_set, **chosen)
    assumed = data.query("assumptions", looking.viewer, assumption_set=chosen_set)
    shares = _shares(assumed)
    name = f"{chosen['team_id']}_{chosen['period_end']}_{chosen_set}"
    is_provisional = bool(now["is_provisional"])
    kept = periods.parted_ends(trust)
    uninstalls = None
    if chosen["period_end"] in map(str, kept):
        uninstalls = data.query("time_saved_uninstalls", looking.viewer, **chosen)
    _assumptions(trust, _beside(uses, uninstalls), assumed, shares, name, kept, is_provisional=is_provisional)
    if not uses or not shares or any(formats.is_missing(row["successes"]) for row in uses):
        st.info(
            "**What matters most, and what-if: hidden to protect people.** Uses under one of the assumptions are one "
            "person's, and the rest less the others would tell how many.",
            icon=":material/visibility_off:",
        )
        return
    _tornado(trust, uses, shares, name, is_provisional=is_provisional)
    time_saved_what_if.show(uses, shares, now, name)


def _shares(assumed: Sequence[data.Row]) -> list[dict[str, Any]]:
    """The two shares of a set, which every row of its assumptions carries; none where one is not known."""
    first = assumed[0] if assumed else {}
    rows = [
        {"assumption_set": first.get("assumption_set"), "factor": factor}
        | {end: first.get(f"{factor}_{end}") for end in ENDS}
        for factor in FACTORS
    ]
    return [] if any(formats.is_missing(value) for row in rows for value in row.values()) else rows


def _beside(uses: Sequence[data.Row], uninstalls: Sequence[data.Row] | None) -> list[dict[str, Any]]:
    """The rows with the uninstalls of the skills that fall under each, as text; none where the period has none kept.

    Hidden uninstalls make a sum "3 + hidden": at least so many.
    """
    if uninstalls is None:
        return [dict(row) for row in uses]
    own = {row["assumption_name"] for row in uses}
    of_row: dict[str, list[Any]] = {name: [] for name in own}
    for row in uninstalls:
        of_row.setdefault(row["skill_name"] if row["skill_name"] in own else "*", []).append(row["events"])
    return [{**row, "uninstalls": _sum_or_hidden(of_row[row["assumption_name"]])} for row in uses]


def _sum_or_hidden(counts: Sequence[Any]) -> str:
    known = [count for count in counts if not formats.is_missing(count)]
    if len(known) == len(counts):
        return formats.count(sum(known))
    return f"{formats.count(sum(known))} + hidden" if known else formats.HIDDEN


def _assumptions(
    trust: Trust,
    uses: Sequence[Mapping[str, Any]],
    assumed: Sequence[data.Row],
    shares: Sequence[Mapping[str, Any]],
    name: str,
    kept: Sequence[date],
    *,
    is_provisional: bool,
) -> None:
    st.subheader("What the hours rest on")
    known = {row["skill_name"]: row for row in assumed}
    rows = [
        {**row, "skill": called(row["assumption_name"]), "source": _source(row, known.get(row["assumption_name"]))}
        for row in uses
    ]
    has_uninstalls = all("uninstalls" in row for row in rows)
    with sections.values(trust, "assumptions", "team_time_saved_uses", "team_skill_breakdown", "assumptions"):
        tables.show(
            rows,
            {
                "skill": ("Skill", tables.text),
                "successes": ("Uses", formats.count_or_hidden),
                "failures": ("Failures", formats.count_or_hidden),
                **({"uninstalls": ("Uninstalls", tables.text)} if has_uninstalls else {}),
                "low": ("Low, min", minutes),
                "mode": ("Most likely", minutes),
                "high": ("High", minutes),
                "grade": ("Grade", tables.text),
                "source": ("Source", tables.text),
            },
            height=None if len(rows) < 12 else 420,
        )
    st.caption(
        "".join(
            f"{FACTORS[row['factor']]}: {', '.join(formats.exact_share(row[end]) for end in ENDS)} "
            "(low, most likely, high). "
            for row in shares
        )
        + "Grades, most trusted first: experiment, diary, survey, assumed. The Claude Code hook always reports "
        "success, so there are this many failures or more. "
        + (
            "They are hidden where each skill was used by one person at most, or where somebody only failed with one, "
            "for what is left would be that person's. "
            if any(formats.is_missing(row["failures"]) and not formats.is_missing(row["successes"]) for row in rows)
            else ""
        )
        + (
            "Uninstalls are those of the same skills, by people seated in the team; those of a skill that would be one "
            "person's are hidden."
            if has_uninstalls
            else "Uninstalls of the same skills are not kept for this period, only for those that end on "
            f"{' and '.join(formats.day(end) for end in sorted(set(kept)))}."
        )
    )
    sections.foot(
        trust,
        uses,
        f"assumptions_{name}",
        ("team_time_saved_uses", "successes"),
        ("team_time_saved_uses", "failures"),
        ("team_skill_breakdown", "events"),
        ("assumptions", "grade"),
        is_provisional=is_provisional,
    )


def _source(row: data.Row, known: data.Row | None) -> str:
    """Where the numbers of a row come from, and what a measured effect replaced, as far as the row still counts."""
    # Numbers may come again: only the row that was in force on the period's last day says where these are from.
    if known is None or known["valid_from"] > row["period_end"] or any(known[name] != row[name] for name in GIVEN):
        return "in force then, and replaced since"
    replaced = known.get("replaced_grade")
    return tables.text(known["source"]) + ("" if formats.is_missing(replaced) else f" (in place of: {replaced})")


def _tornado(
    trust: Trust, uses: Sequence[data.Row], shares: Sequence[Mapping[str, Any]], name: str, *, is_provisional: bool
) -> None:
    st.subheader("Which assumption matters most")
    rows = [
        {
            **row,
            "name": f"{called(row['assumption'])}: {_range(row)}",
            "text": f"{formats.hours(row['hours_p50_at_low'])} to {formats.hours(row['hours_p50_at_high'])}",
        }
        for row in sensitivity(*as_tables(uses, shares)).to_pylist()
    ]
    with sections.values(trust, "tornado", "team_time_saved_uses", "assumptions"):
        chart = charts.show(
            charts.tornado(rows),
            "Median hours with one assumption at its low and at its high: "
            + "; ".join(f"{row['name']}, {row['text']}" for row in rows),
            key="tornado",
        )
    st.caption(
        "The median hours with one assumption held at its low end (orange, left number) and at its high end (blue, "
        "right number), all others drawn as ever; the line is the median with none held. The widest stands first: "
        "the one to measure next."
    )
    sections.foot(
        trust,
        rows,
        f"tornado_{name}",
        ("team_time_saved", "hours_p50"),
        ("team_time_saved_uses", "successes"),
        is_provisional=is_provisional,
        drawn={"Median hours saved with one assumption at its low and at its high": chart},
    )


def _range(row: Mapping[str, Any]) -> str:
    if row["assumption"].startswith("#"):
        return f"{formats.exact_share(row['low'])} to {formats.exact_share(row['high'])}"
    return f"{minutes(row['low'])} to {minutes(row['high'])}{formats.THIN}min a use"
