"""Account: the teams of one customer side by side, and the account as a whole, in people and not in sums."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import streamlit as st

from dashboards import data
from dashboards.components import (
    banners,
    behind,
    charts,
    definitions,
    formats,
    hours,
    links,
    money,
    periods,
    sections,
    selection,
    tables,
    tiles,
)
from dashboards.components.behind import Part
from dashboards.components.definitions import Trust
from dashboards.components.tiles import Tile
from dashboards.viewers import Looking, team_labels
from warehouse.small_groups import MINIMUM_SEATS

ASSUMPTION_SET = "default"
FEW = f"fewer than {MINIMUM_SEATS} people"


def show(looking: Looking) -> None:
    """The page, for the accounts of this viewer."""
    st.title("Account")
    accounts = {str(row["account_id"]): row for row in data.query("accounts", looking.viewer)}
    if not accounts:
        banners.nothing(
            "You have no account here.",
            "This page shows the accounts that you belong to. Other pages are in the navigation.",
        )
        return
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        with st.container(width=260):
            account_id = selection.choose(
                "Account", "account", list(accounts), default=next(iter(accounts)),
                text=lambda account: str(accounts[account]["account_name"]),
            )  # fmt: skip
            selection.on_paper(str(accounts[account_id]["account_name"]))
        period_days = periods.choose_days()
        chosen: dict[str, Any] = {"account_id": account_id, "period_days": period_days}
        ends = data.query("account_period_ends", looking.viewer, **chosen)
        end = periods.choose_end(ends, period_days) if ends else None
    if end is None:
        banners.nothing(
            f"No data for {formats.plain(accounts[account_id]['account_name'])} yet.",
            "Figures appear after the first day on which somebody is seated in one of its teams and a refresh has run.",
        )
        return
    trust = definitions.load(looking.viewer)
    activity = data.query("account_activity", looking.viewer, **chosen, period_end=str(end))
    now = periods.row_at(activity, end) or {}
    periods.line(end, period_days, now)
    _whole(looking, trust, activity, now, end, period_days)
    _teams(looking, trust, {**chosen, "period_end": str(end)}, bool(now.get("is_provisional")))
    _trend(trust, activity, account_id, period_days)


def _whole(
    looking: Looking, trust: Trust, activity: Sequence[data.Row], now: data.Row, end: date, period_days: int
) -> None:
    if now.get("is_suppressed"):
        st.info(
            "**The account as a whole is hidden to protect people.** "
            + (
                f"{formats.counted(now['seats'], 'person was', 'people were')} seated; figures over {FEW} would be "
                "figures about persons."
                if (now.get("seats") or 0) < MINIMUM_SEATS
                else "A figure of one of its teams is hidden in this period, or a few people are in two teams or in "
                "none, and the teams and the account together would give them away."
            ),
            icon=":material/visibility_off:",
        )
        return
    before_end = end - timedelta(days=period_days)
    before = periods.comparable(activity, before_end)
    versus = f"vs the {period_days} days before"
    no_change = periods.why_nothing_before(
        now,
        periods.row_at(activity, before_end),
        "No comparison: the equal period before is not published, or hidden",
    )
    is_provisional = bool(now.get("is_provisional"))
    band = now.get("adoption_band")

    def tile(label: str, column: str, details: Sequence[str], value: str | None = None, change: Any = None) -> Tile:
        return Tile(
            label=label,
            value=value or formats.count_or_hidden(now.get(column)),
            details=details,
            entries=[("account_activity", column)],
            change=periods.difference(now, before, column, change or formats.signed),
            versus=versus,
            no_change=no_change,
            series=periods.series(activity, column),
            is_provisional=is_provisional,
        )

    is_band = formats.is_missing(now.get("adoption_rate")) and not formats.is_missing(band)
    tiles.row(
        trust,
        [
            tile(
                "Adoption: at least one skill",
                "adoption_rate",
                [
                    f"A band of {formats.count(now['seats'])} people: the exact share would point at one person"
                    if is_band
                    else f"**{formats.count(now['active_users'])}/{formats.count(now['seats'])}** people, "
                    f"95{formats.THIN}% interval {formats.interval(now['adoption_low'], now['adoption_high'])}",
                ],
                str(band) if is_band else formats.share(now.get("adoption_rate")),
                formats.points,
            ),
            tile("Seats", "seats", ["people seated in any team; somebody in two teams is one"]),
            tile("Active skills", "active_skills", ["with at least one user; used in two teams, it is one"]),
            tile("Uses", "uses", [f"**{formats.count_or_hidden(now.get('successes'))}** known to have succeeded"]),
        ],
        key="account",
    )
    _behind(looking, trust, now)


def _behind(looking: Looking, trust: Trust, now: data.Row) -> None:
    """The teams of the account."""
    chosen = {"account_id": now["account_id"], "period_days": now["period_days"], "period_end": str(now["period_end"])}
    labels = team_labels(data.query("teams", looking.viewer))
    rows = [
        {"team": labels.get(row["team_id"], row["team_id"]), **row}
        for row in data.query("account_teams", looking.viewer, **chosen)
    ]
    name = f"{now['account_id']}_{now['period_end']}"
    more = "somebody in two teams counts in each, and teams that are not yours are left out"
    behind.show(
        trust,
        now,
        f"account_{name}",
        [
            Part(
                title="Teams",
                rows=sorted(rows, key=lambda row: row["team"]),
                columns={
                    "team": ("Team", tables.text),
                    "seats": ("Seats", formats.count),
                    "active_users": ("Active", formats.count_or_hidden),
                    "active_skills": ("Active skills", formats.count_or_hidden),
                    "uses": ("Uses", formats.count_or_hidden),
                    "successes": ("Successes", formats.count_or_hidden),
                },
                entries=[("team_activity", "active_users"), ("team_activity", "uses")],
                name=f"account_rows_{name}",
                note=f"{behind.adds_up(rows, now, {'uses': 'uses'}, more)} Skills of two teams may be the "
                "same, so they do not add up.",
            )
        ],
        "account_activity",
        hidden=f"Adoption counts people; {behind.PEOPLE}",
    )


def _teams(looking: Looking, trust: Trust, chosen: dict[str, Any], is_provisional: bool) -> None:
    st.subheader("Teams side by side")
    named = [row for row in data.query("teams", looking.viewer) if row["account_id"] == chosen["account_id"]]
    activity = {row["team_id"]: row for row in data.query("account_teams", looking.viewer, **chosen)}
    found = {
        row["team_id"]: row
        for row in data.query("account_time_saved", looking.viewer, **chosen, assumption_set=ASSUMPTION_SET)
    }
    if not named:
        banners.nothing("No team of this account is yours to see.", "Only the account as a whole is shown.")
        return
    labels = team_labels(named)
    saved = {team_id: hours.of_team(found.get(team_id), activity.get(team_id)) for team_id in labels}
    rows = [
        _team(labels[row["team_id"]], row["team_id"], activity.get(row["team_id"]), saved[row["team_id"]])
        for row in named
    ]
    rows.sort(key=lambda row: (row["adoption_rate"] is None, -(row["adoption_rate"] or 0.0), row["team"]))
    # One account has one setting at a period's end, so every team's worth follows from the same.
    valued = next((row for row in saved.values() if row is not None and money.is_set(row)), None)
    worth = {"worth": ("Worth, p50", str), "worth_range": ("Worth, p10 to p90", str)} if valued else {}
    drawn = {}
    with sections.values(trust, "teams", "team_activity", "team_time_saved"):
        if any(row["seats"] for row in rows):
            drawn["Adoption (≥ 1 skill) by team"] = charts.show(
                charts.adoption_bars(rows, "team", "Team"),
                "Share of seated people with at least one successful use, by team: "
                + "; ".join(f"{row['team']} {row['text']}" for row in rows),
                key="teams",
            )
            st.caption(f"The thin line is the 95{formats.THIN}% interval: teams whose lines overlap are not apart.")
        tables.show(
            rows,
            {
                "team": ("Team", tables.text),
                "seats": ("Seats", formats.count),
                "active": ("Active", str),
                "share": ("Adoption", str),
                "moved": ("Change", str),
                "all_uses": ("Uses", str),
                "hours": ("Hours saved, p50", str),
                "range": ("p10 to p90", str),
                **worth,
                "note": ("Note", tables.text),
            },
        )
    hidden = sum(bool(row["note"]) for row in rows)
    st.caption(
        "Hours are modelled; hours of teams do not add up to the account's p50"
        + (f", nor does what they are worth ({formats.plain(money.basis(valued))})." if valued else ".")
        + (f" {formats.count(hidden)} of {formats.count(len(rows))} teams lack figures." if hidden else "")
    )
    if not valued and any(not formats.is_missing((row or {}).get("hours_p50")) for row in found.values()):
        st.caption(money.HOW_TO_SET)
    shown = [
        {
            **{"team_id": row["team_id"], "team_name": row["team"], "note": row["note"]},
            **{name: value for name, value in activity.get(row["team_id"], {}).items() if name != "team_id"},
            **{
                name: (saved[row["team_id"]] or {}).get(name)
                for name in ("hours_p10", "hours_p50", "hours_p90", *(money.COLUMNS if valued else ()))
            },
        }
        for row in rows
    ]
    columns = dict.fromkeys(column for row in shown for column in row)
    sections.foot(
        trust,
        [{column: row.get(column) for column in columns} for row in shown],
        f"teams_{chosen['account_id']}_{chosen['period_end']}",
        ("team_activity", "adoption_rate"),
        ("team_time_saved", "hours_p50"),
        is_provisional=is_provisional,
        drawn=drawn,
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("To the page of a team:", width="content")
        for row in rows:
            links.to("team", row["team"], icon=":material/groups:", team=row["team_id"], lead=row["team_id"])


def _team(label: str, team_id: str, now: data.Row | None, saved: data.Row | None) -> dict[str, Any]:
    """A line of the comparison: what is shown of a team, and why the rest is not."""
    row = now or {}
    few, band = bool(row.get("is_suppressed")), row.get("adoption_band")
    rate = row.get("adoption_rate")
    if now is None:
        note = "nobody was seated in this period"
    elif few:
        note = f"hidden: {FEW}" if (row.get("seats") or 0) < MINIMUM_SEATS else f"hidden: {FEW} in a part of it"
    elif not formats.is_missing(band):
        note = "a band: the exact share would point at one person"
    elif (saved or {}).get("is_suppressed"):
        note = "hours hidden: they would be one person's"
    else:
        note = ""
    share = formats.HIDDEN if few else str(band) if not formats.is_missing(band) else formats.share(rate)
    counted = f"{share} ({formats.count(row.get('active_users'))}/{formats.count(row.get('seats'))})"
    told = f"{share} of {formats.count(row.get('seats'))}"
    return {
        "team": label,
        "team_id": team_id,
        "seats": row.get("seats"),
        "uses": row.get("uses"),
        "adoption_rate": rate,
        "adoption_low": row.get("adoption_low"),
        "adoption_high": row.get("adoption_high"),
        "interval": formats.interval(row.get("adoption_low"), row.get("adoption_high")),
        "text": note if now is None or few else told if formats.is_missing(rate) else counted,
        "active": formats.NO_DATA if now is None else formats.count_or_hidden(row.get("active_users")),
        "share": share,
        "moved": periods.adoption_moved(row) or "",
        "all_uses": formats.NO_DATA if now is None else formats.count_or_hidden(row.get("uses")),
        "hours": _hours(saved, "hours_p50"),
        "range": ""
        if saved is None
        else f"{_hours(saved, 'hours_p10')} to {_hours(saved, 'hours_p90')}"
        if not saved.get("is_suppressed")
        else formats.HIDDEN,
        "worth": _worth(saved, formats.dollars(saved["value_cents_p50"]) if saved and money.is_set(saved) else None),
        "worth_range": _worth(saved, money.ends(saved) if saved and money.is_set(saved) else ""),
        "note": note,
    }


def _rate(row: data.Row) -> str:
    return formats.share_of(row["adoption_rate"], row["active_users"], row["seats"])


def _hours(saved: data.Row | None, column: str) -> str:
    if saved is None:
        return formats.NO_DATA
    return formats.HIDDEN if saved.get("is_suppressed") else formats.hours(saved[column])


def _worth(saved: data.Row | None, told: str | None) -> str:
    if saved is not None and saved.get("is_suppressed"):
        return formats.HIDDEN
    return formats.NO_DATA if told is None else told


def _trend(trust: Trust, activity: Sequence[data.Row], account_id: str, period_days: int) -> None:
    st.subheader("Adoption over time")
    rows, known = periods.trend_of(activity, "adoption_rate")
    if len(known) < 2:
        periods.no_trend(activity, lambda row: formats.is_missing(row["adoption_rate"]))
        return
    drawn = [{**row, "text": _rate(row)} for row in rows]
    with sections.values(trust, "account_trend", "account_activity"):
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
            f"Adoption of the account over {period_days} days by period end, from {_rate(known[0])} to "
            f"{_rate(known[-1])} on {formats.day(known[-1]['period_end'])}",
            key="account_trend",
        )
    hidden = sum(formats.is_missing(row["adoption_rate"]) for row in activity)
    st.caption(
        f"Each point is the {period_days} days up to a Sunday or the chosen end, in people of all teams; the band is "
        f"the 95{formats.THIN}% interval; a hollow point is provisional."
        + (f" {formats.count(hidden)} of {formats.count(len(activity))} period ends are hidden." if hidden else "")
    )
    sections.foot(
        trust,
        activity,
        f"account_trend_{account_id}_{period_days}d",
        ("account_activity", "adoption_rate"),
        is_provisional=any(row["is_provisional"] for row in activity),
        drawn={"Adoption (≥ 1 skill) over time": chart},
    )
