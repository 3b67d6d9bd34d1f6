"""Skill: one skill in one team, how installs of it end, whether people come back to it, and how good it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import streamlit as st

from dashboards import data
from dashboards.app_pages import skill_installs
from dashboards.components import (
    banners,
    behind,
    charts,
    definitions,
    formats,
    periods,
    sections,
    selection,
    suggestions,
    tables,
    teams,
    tiles,
)
from dashboards.components.behind import Part
from dashboards.components.definitions import Trust
from dashboards.components.tiles import Tile
from dashboards.viewers import Looking
from warehouse.small_groups import MINIMUM_SEATS

WEEK, WEEKS = 7, 4
"""Days of a week, and weeks of the one period that is whole weeks and more than one."""
STATES = {
    "held": ":gray-badge[:material/lock_clock: Held]",
    "capped": ":red-badge[:material/gpp_maybe: Capped by a critical advisory]",
    "insufficient evidence": ":gray-badge[:material/help: Insufficient evidence]",
}


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What the page is about: names as the file of a download has them, too."""

    team_id: str
    team: str
    skill_name: str
    period_days: int
    end: date
    ends: frozenset[date]

    @property
    def before(self) -> date:
        """The end of the previous equal period."""
        return self.end - timedelta(days=self.period_days)


def show(looking: Looking) -> None:
    """The page, for the teams of this viewer."""
    st.title("Skill")
    chosen = _choose(looking)
    if chosen is None:
        return
    trust = definitions.load(looking.viewer)
    _use(looking, trust, chosen)
    of_skill = {"team_id": chosen.team_id, "skill_name": chosen.skill_name, "period_days": chosen.period_days}
    skill_installs.show(looking, trust, of_skill, chosen.end)
    _quality(looking, trust, chosen)
    _retention(looking, trust, chosen)
    suggestions.used_together(looking, trust, chosen.skill_name)


def _choose(looking: Looking) -> _Chosen | None:
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        team = teams.choose(looking)
        if team is None:
            return None
        names = [row["skill_name"] for row in data.query("team_skill_names", looking.viewer, team_id=team.team_id)]
        if names:
            with st.container(width=260):
                skill_name = selection.choose("Skill", "skill", names, default=names[0])
            period_days = periods.choose_days()
            ends = data.query("team_period_ends", looking.viewer, team_id=team.team_id, period_days=period_days)
            end = periods.choose_end(ends, period_days)
            days = frozenset(row["period_end"] for row in ends)
            return _Chosen(team.team_id, team.label, skill_name, period_days, end, days)
    banners.nothing(
        f"{team.label} has not used a skill yet.",
        "Figures appear after the first use by somebody seated in the team and a refresh.",
    )
    return None


def _use(looking: Looking, trust: Trust, chosen: _Chosen) -> None:
    asked = {"team_id": chosen.team_id, "period_days": chosen.period_days, "period_end": str(chosen.end)}
    series = periods.with_cover(
        data.query("team_skill", looking.viewer, skill_name=chosen.skill_name, **asked),
        data.query("team_activity", looking.viewer, **asked),
    )
    now = periods.row_at(series, chosen.end)
    unresolved = " :gray-badge[:material/help: The registry does not say which skill this is]"
    periods.line(
        chosen.end,
        chosen.period_days,
        now or {},
        of=f"**{formats.plain(chosen.skill_name)}** in {formats.plain(chosen.team)}, ",
        more=unresolved if now is not None and now["is_name_resolved"] is False else "",
    )
    if now is None:
        banners.nothing(
            "Not used in this period, nor in the equal one before.", "Choose a longer period, or an earlier end."
        )
        return
    if now.get("is_suppressed"):
        banners.few_people(now["seats"])
        return
    before = periods.row_at(series, chosen.before)
    tiles.row(trust, _tiles(chosen, now, before, series), key="skill")
    _behind(looking, trust, chosen, now, series)


def _behind(looking: Looking, trust: Trust, chosen: _Chosen, now: data.Row, series: Sequence[data.Row]) -> None:
    """The period in its weeks and by SDK version, as far as these are published, and the periods of the lines."""
    name = f"{chosen.team_id}_{chosen.skill_name}_{chosen.end}"
    parts = []
    weeks = _weeks(looking, chosen)
    listed = weeks if weeks and are_all_shown([now, *weeks]) else []
    if listed:
        told = f"{behind.adds_up(listed, now, {'uses': 'uses'})} Users do not add up: somebody may use it every week."
        parts.append(_windows("The weeks of the period", listed, f"skill_weeks_{name}", told))
    versions = _versions(looking, trust, chosen)
    if versions:
        parts.append(
            Part(
                title="Uses by SDK version",
                rows=versions,
                columns={
                    "value": ("SDK version", lambda value: "Unknown" if value == "unknown" else tables.text(value)),
                    "people": ("People", formats.count_or_hidden),
                    "events": ("Uses", formats.count_or_hidden),
                },
                entries=[("team_skill_breakdown", "events"), ("team_skill_breakdown", "people")],
                name=f"skill_versions_{name}",
                note=behind.adds_up(versions, {"events": now["uses"]}, {"events": "uses"}),
            )
        )
    parts.append(
        _windows(
            f"Every point of the lines: {chosen.period_days} days up to a Sunday, this period and the one before",
            list(reversed(series)),
            f"skill_periods_{name}",
            "They share days, so they do not add up." + ("" if listed else _why_no_weeks(chosen, weeks)),
        )
    )
    behind.show(
        trust, now, f"skill_{name}", parts, "team_skill_usage", hidden=f"Adoption counts people; {behind.PEOPLE}"
    )


def are_all_shown(rows: Sequence[data.Row]) -> bool:
    """Whether nothing of a period and of its weeks is hidden: what is would follow from all the rest beside it."""
    return not any(
        formats.is_missing(row[name]) for row in rows for name in ("uses", "successes", "failures", "unknown")
    )


def _why_no_weeks(chosen: _Chosen, weeks: Sequence[data.Row] | None) -> str:
    if weeks:
        return " The period's weeks are not listed: one of them, or it, is hidden and would follow from the others."
    if weeks is not None:
        return " The period's weeks are not listed: nobody used the skill in them."
    if _is_of_weeks(chosen):
        return " The period's weeks are not listed: not all of them are published."
    return f" Weeks are published for {WEEK * WEEKS} days up to a Sunday."


def _is_of_weeks(chosen: _Chosen) -> bool:
    return chosen.period_days == WEEK * WEEKS and chosen.end.isoweekday() == WEEK


def _weeks(looking: Looking, chosen: _Chosen) -> list[data.Row] | None:
    """The weeks of the period with a row, newest first; None where it is not one of four that are all published."""
    if not _is_of_weeks(chosen):
        return None
    asked = {"team_id": chosen.team_id, "period_days": WEEK, "period_end": str(chosen.end)}
    first = chosen.end - timedelta(days=chosen.period_days)
    published = {row["period_end"] for row in data.query("team_activity", looking.viewer, **asked)}
    ends = {chosen.end - timedelta(days=WEEK * week) for week in range(WEEKS)}
    if not ends <= published:
        return None
    rows = data.query("team_skill", looking.viewer, skill_name=chosen.skill_name, **asked)
    # A published week without a row is one in which, and in the one before which, nobody used it.
    return [row for row in reversed(rows) if row["period_end"] > first]


def _versions(looking: Looking, trust: Trust, chosen: _Chosen) -> list[data.Row]:
    """Uses by SDK version, where they are kept of the period."""
    if chosen.end not in periods.parted_ends(trust):
        return []
    rows = data.query(
        "skill_breakdown",
        looking.viewer,
        team_id=chosen.team_id,
        skill_name=chosen.skill_name,
        period_days=chosen.period_days,
        period_end=str(chosen.end),
    )
    return [row for row in rows if row["breakdown"] == "sdk_version" and row["value"] != "*"]


def _windows(title: str, rows: Sequence[data.Row], name: str, note: str) -> Part:
    return Part(
        title=title,
        rows=rows,
        columns={
            "period_end": ("Up to", formats.day),
            "users": ("Users", formats.count_or_hidden),
            "seats": ("Seats", formats.count),
            "uses": ("Uses", formats.count_or_hidden),
            "successes": ("Successes", formats.count_or_hidden),
            "failures": ("Failures", formats.count_or_hidden),
            "unknown": ("Unknown", formats.count_or_hidden),
        },
        entries=[("team_skill_usage", "users"), ("team_skill_usage", "uses")],
        name=name,
        note=note,
    )


def _tiles(chosen: _Chosen, now: data.Row, before: data.Row | None, series: Sequence[data.Row]) -> list[Tile]:
    is_covered = periods.is_before_covered(now, "previous_users")
    is_published = chosen.before in chosen.ends
    hidden = periods.SIDE_HIDDEN if is_covered else periods.NOT_COVERED
    no_change = hidden if is_published or not is_covered else periods.NOT_PUBLISHED
    if not is_covered:
        before = None
    elif is_published and before is None:
        # No row of a published period is nobody's use.
        before = {"uses": 0}
    common: dict[str, Any] = {
        "versus": f"vs the {chosen.period_days} days before",
        "is_provisional": bool(now["is_provisional"]),
    }
    over_time = _with_unused(series, chosen)
    no_rate = no_change
    if not any(formats.is_missing((row or {}).get("uses")) for row in (now, before)):
        unknown = "this period" if formats.is_missing(now["success_rate"]) else "the equal period before"
        no_rate = f"No result is known of {unknown}"
    return [
        Tile(
            label="Adoption",
            value=_people(now),
            details=[_adoption(now)],
            entries=[("team_skill_usage", "adoption_rate"), ("team_skill_usage", "users")],
            change=periods.adoption_moved(now),
            no_change=hidden,
            series=periods.series(over_time, "adoption_rate"),
            **common,
        ),
        Tile(
            label="Uses",
            value=formats.count_or_hidden(now["uses"]),
            details=[
                "They would be one person's"
                if formats.is_missing(now["uses"])
                else f"on {formats.count(now['user_days'])} person-days with a success"
            ],
            entries=[("team_skill_usage", "uses"), ("team_skill_usage", "user_days")],
            change=periods.difference(now, before, "uses", formats.signed),
            no_change=no_change,
            series=periods.series(over_time, "uses"),
            **common,
        ),
        Tile(
            label="Success rate",
            value=_success(now),
            details=_results(now),
            entries=[("team_skill_usage", "success_rate"), ("team_skill_usage", "failures")],
            change=periods.difference(now, before, "success_rate", formats.points),
            no_change=no_rate,
            series=periods.series(over_time, "success_rate"),
            extra=":small[Claude Code's hook reports every use as a success, so the rate is at most this good.]",
            **common,
        ),
    ]


def _with_unused(series: Sequence[data.Row], chosen: _Chosen) -> list[data.Row]:
    """The rows of the Sundays and of the chosen period, and a row of noughts where nobody used the skill any more."""
    rows = {row["period_end"]: row for row in series}
    sundays = {end for end in chosen.ends if end.isoweekday() == WEEK and min(rows) < end < chosen.end}
    return [rows.get(end, {"uses": 0, "adoption_rate": 0.0}) for end in sorted(sundays | rows.keys())]


def _people(now: data.Row) -> str:
    if formats.is_missing(now["users"]):
        return str(now["adoption_band"]) if not formats.is_missing(now.get("adoption_band")) else formats.HIDDEN
    return formats.share(now["adoption_rate"])


def _adoption(now: data.Row) -> str:
    if formats.is_missing(now["users"]):
        return f"A band of {formats.count(now['seats'])} people: the exact share would point at one person"
    return (
        f"**{formats.count(now['users'])}/{formats.count(now['seats'])}** people with a success, 95{formats.THIN}% "
        f"interval {formats.interval(now['adoption_low'], now['adoption_high'])}"
    )


def _success(now: data.Row) -> str:
    return formats.HIDDEN if formats.is_missing(now["uses"]) else formats.share(now["success_rate"], 1)


def _results(now: data.Row) -> list[str]:
    if formats.is_missing(now["uses"]):
        return ["It would be one person's"]
    known = now["successes"] + now["failures"]
    lines = [f"**{formats.count(now['failures'])} failed**, {formats.count(now['unknown'])} did not say how they ended"]
    if known:
        lines.append(
            f"{formats.count(now['successes'])}/{formats.count(known)} known, 95{formats.THIN}% interval "
            f"{formats.interval(now['success_low'], now['success_high'])}"
        )
    return lines


def _retention(looking: Looking, trust: Trust, chosen: _Chosen) -> None:
    st.subheader("Who comes back, in all teams")
    rows = data.query("skill_retention", looking.viewer, skill_name=chosen.skill_name)
    by_week = {row["weeks_later"]: row for row in rows}
    curve = [_point(later, by_week.get(later)) for later in range(1, 13)]
    known = [point for point in curve if point["retention_rate"] is not None]
    if not known:
        banners.nothing(
            "No curve to show.",
            f"It needs a week in which {MINIMUM_SEATS} people or more began, and a later week that is over. "
            "Smaller weeks, and counts that would point at one person, are hidden to protect people.",
        )
        return
    with sections.values(trust, "retention", "skill_retention_curve"):
        chart = charts.show(
            charts.retention_curve(curve),
            "Share of people with a success so many weeks after their first: "
            + "; ".join(f"week {point['weeks_later']} {point['text']}" for point in known),
            key="retention",
        )
    most = max(row["cohorts"] or 0 for row in rows)
    st.caption(
        "People of every account whose first success with this skill fell in the same week, "
        f"weeks taken together: {formats.count(most)} at most. Shown are those who came back over all who could have"
        + (": further right over fewer of these weeks, and other people" if most > 1 else "")
        + f". Weeks in which fewer than {MINIMUM_SEATS} began are left out. A gap would point at one person, or no "
        "such week is over."
    )
    sections.foot(
        trust,
        rows,
        f"retention_{chosen.skill_name}",
        ("skill_retention_curve", "retention_rate"),
        ("skill_retention_curve", "users"),
        is_provisional=any(point["is_provisional"] for point in known),
        drawn={"Who comes back after so many weeks": chart},
        about=f"Skill: {chosen.skill_name}, people of every account",
    )


def _point(later: int, row: data.Row | None) -> data.Row:
    """A point of the curve; without a row, or where it is hidden, a gap."""
    if row is None or formats.is_missing(row["retained_users"]):
        return {"weeks_later": later, "retention_rate": None, "text": "", "is_provisional": False}
    return {**row, "text": formats.share_of(row["retention_rate"], row["retained_users"], row["users"])}


def _quality(looking: Looking, trust: Trust, chosen: _Chosen) -> None:
    st.subheader("Quality")
    found = data.query("skill_quality", looking.viewer, skill_name=chosen.skill_name)
    if not found:
        banners.nothing(
            "The registry has no skill, or several, of this name.", "Quality is known of skills that it lists."
        )
        return
    quality = found[0]
    scale = data.query("quality_scale", looking.viewer)
    weights = {row["name"]: float(row["weight"]) for row in scale if row["part"] == "signal"}
    bands = [row for row in scale if row["part"] == "tier"]
    st.markdown(_verdict(quality))
    st.markdown(_coverage(quality, weights))
    drawn = {}
    with sections.values(trust, "quality", "skill_quality"):
        if not formats.is_missing(quality["score"]):
            drawn["Quality score and its bounds"] = charts.show(
                charts.quality_scale(quality, bands),
                f"Quality {_points(quality['score'])} of 100, bounds {_points(quality['score_low'])} to "
                f"{_points(quality['score_high'])}",
                key="quality",
            )
        tables.show(
            [_part(quality, name, weight) for name, weight in weights.items()],
            {
                "signal": ("Signal", str),
                "counted": ("Score × weight", str),
                "why": ("Why", str),
            },
        )
    changes = _what_could_change(quality, weights, bands)
    if changes:
        st.markdown("**What could change the tier**\n" + "\n".join(f"- {line}" for line in changes))
    sections.foot(
        trust,
        found,
        f"quality_{chosen.skill_name}",
        ("skill_quality", "score"),
        *(("skill_quality", f"{name}_score") for name in weights),
        drawn=drawn,
        about=f"Skill: {chosen.skill_name}",
    )


def _verdict(quality: data.Row) -> str:
    state = STATES.get(quality["tier_state"], "")
    if quality["tier_state"] == "insufficient evidence":
        score = "" if formats.is_missing(quality["score"]) else f" What is known comes to {_points(quality['score'])}."
        return f"{state} No tier.{score}"
    others = _others(quality)
    could = f", could be {others}" if others else ""
    return f"**{_tier(quality['tier'])}**{could}: **{_points(quality['score'])}** of 100 {state}"


def _coverage(quality: data.Row, weights: dict[str, float]) -> str:
    missing = [name for name in weights if formats.is_missing(quality[f"{name}_score"])]
    known = f"{formats.share(quality['coverage'])} of the weight is known"
    if not missing:
        return f"{known}."
    return (
        f"{known}; missing: {', '.join(missing)}. If what is missing were 0, the score would be "
        f"{_points(quality['score_low'])}; if it were 100, {_points(quality['score_high'])}."
    )


def _part(quality: data.Row, name: str, weight: float) -> data.Row:
    score = quality[f"{name}_score"]
    is_known = not formats.is_missing(score)
    return {
        "signal": name.capitalize(),
        "counted": f"{_points(score)} × {formats.share(weight)}" if is_known else formats.NO_DATA,
        "why": REASONS[name](quality) if is_known else UNKNOWN[name],
    }


def _maintenance(quality: data.Row) -> str:
    facts = []
    if not formats.is_missing(quality["days_since_update"]):
        facts.append(f"repository changed {formats.counted(quality['days_since_update'], 'day')} ago")
    if quality["issues"]:
        facts.append(
            f"{formats.count(quality['issues_answered'])}/{formats.count(quality['issues'])} issues of 90 days "
            "answered within 7 days"
        )
    return "; ".join(facts)


REASONS: dict[str, Callable[[data.Row], str]] = {
    "usage": lambda quality: f"rank by successes of 28 days among the skills of {quality['category'] or 'its kind'}",
    "rating": lambda quality: (
        f"{formats.decimal(quality['stars'])} stars, from {formats.counted(quality['ratings'], 'rating')} and the "
        "registry's mean"
    ),
    "maintenance": _maintenance,
    "security": lambda _: "100 less the registry's risk score",
    "documentation": lambda _: "as the registry measured it",
    "compatibility": lambda quality: f"listed for {formats.counted(quality['compatible_with'], 'agent')}; four are 100",
    "performance": lambda _: "as the registry measured it",
}
UNKNOWN = {
    "usage": "no data, no category, or no other skill of it",
    "rating": "nobody has rated it",
    "maintenance": "neither a change nor an issue is known",
    "security": "not scanned",
    "documentation": "not measured",
    "compatibility": "the registry lists no agents",
    "performance": "not measured",
}


def _what_could_change(quality: data.Row, weights: dict[str, float], bands: Sequence[data.Row]) -> list[str]:
    """Sentences on what would move the tier, or give it one."""
    missing = sorted(
        (name for name in weights if formats.is_missing(quality[f"{name}_score"])), key=lambda name: -weights[name]
    )
    if quality["tier_state"] == "insufficient evidence":
        known = formats.share(sum(weight for name, weight in weights.items() if name not in missing))
        return [f"A tier needs 60{formats.THIN}% of the weight; {known} is known"] + [
            f"{name.capitalize()}, once known, adds {formats.share(weights[name])}" for name in missing
        ]
    if quality["tier_state"] == "capped":
        return [f"The end of the advisory: without it the tier is {_tier(quality['earned_tier'])}"]
    lines = []
    if quality["tier_state"] == "held":
        lines.append("The score is past an edge, but not by 2 points, so the tier of before still holds")
    rises, falls = quality["rises_at"], quality["falls_at"]
    better, worse = _neighbours(quality["earned_tier"], bands)
    if not formats.is_missing(rises) and better:
        more = formats.distance(rises, quality["score"])
        lines.append(f"It rises to {_tier(better)} at {_points(rises)}: {more} points more")
    if not formats.is_missing(falls) and worse:
        less = formats.distance(quality["score"], falls)
        lines.append(f"It falls to {_tier(worse)} at {_points(falls)}: {less} points less")
    others = _others(quality)
    if others:
        lines.append(f"What is not known yet ({', '.join(missing)}) could make it {others}")
    return lines


def _neighbours(tier: str, bands: Sequence[data.Row]) -> tuple[str | None, str | None]:
    """The next better and the next worse tier."""
    names = [band["name"] for band in sorted(bands, key=lambda band: -float(band["from_score"]))]
    place = names.index(tier)
    return (names[place - 1] if place else None), (names[place + 1] if place + 1 < len(names) else None)


def _others(quality: data.Row) -> str:
    """Other tiers that the score's bounds reach."""
    reached = dict.fromkeys((quality["tier_low"], quality["tier_high"]))
    return " or ".join(_tier(name) for name in reached if name not in (quality["tier"], quality["earned_tier"]))


def _tier(name: str) -> str:
    return formats.plain(name).capitalize()


def _points(value: Any) -> str:
    return formats.decimal(value, 1)
