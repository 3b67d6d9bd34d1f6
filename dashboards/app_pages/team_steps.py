"""What to do next: the lines of the team page that say who or what to see to, why, and where to look."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dashboards import data
from dashboards.components import formats, links, periods, sections
from dashboards.components.definitions import Trust
from dashboards.viewers import Looking

NAMED = 5
"""Skills that a line names; the others are counted, and in the CSV."""
MOVERS = 3
"""The same of those that gain or lose people."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One line: an icon, what is the case, what to do about it, and pages to look at as (page, label, selection)."""

    icon: str
    title: str
    advice: str
    links: Sequence[tuple[str, str, dict[str, str]]] = field(default_factory=tuple)


def show(looking: Looking, trust: Trust, now: data.Row, chosen: dict[str, Any], *, is_covered: bool) -> None:
    """The section, for one team and period; is_covered: the data reaches back through the equal period before."""
    st.subheader("What to do next")
    unused = [
        row for row in data.query("team_dead_weight", looking.viewer, **chosen) if not row.get("is_suppressed", False)
    ]
    failing = data.query("team_failing_skills", looking.viewer, **chosen)
    moving = data.query("team_moving_skills", looking.viewer, **chosen) if is_covered else ()
    is_whole = periods.is_covered(now)
    # Of days before the data nobody knows who was idle.
    idle = [*_seats(now), *_dead_weight(unused, chosen["period_days"])] if is_whole else []
    steps = [*idle, *_failures(failing), *_moves(moving)]
    with sections.values(trust, "steps", "team_activity", "team_skill_usage", "team_installed_skills"):
        if not is_whole:
            st.caption(
                "The data begins within this period. Seats that never began and skills that nobody uses are told of "
                "once it covers a whole one."
            )
        elif not steps:
            st.markdown(
                ":material/check_circle: **Nothing stands out.** Every seat has begun, no installed skill lies idle, "
                + (
                    "none fails often, and no skill is used by two people more or fewer than before."
                    if is_covered
                    else "none fails often. Whether skills gain or lose people is not known yet: the data does not "
                    "reach back through the equal period before."
                )
            )
        for number, step in enumerate(steps):
            _line(step, number)
    shown = [
        *({"kind": "dead weight", **row} for row in unused),
        *({"kind": "failing", **row} for row in failing),
        *({"kind": "moving", **row} for row in moving),
    ]
    columns = dict.fromkeys(column for row in shown for column in row)
    sections.foot(
        trust,
        [{column: row.get(column) for column in columns} for row in shown],
        f"next_{chosen['team_id']}_{chosen['period_end']}",
        ("team_activity", "seats_never_used"),
        ("team_installed_skills", "used_within_days"),
        ("team_skill_usage", "failures"),
        is_provisional=bool(now.get("is_provisional")),
    )


def show_excluded(looking: Looking, trust: Trust, chosen: dict[str, Any]) -> None:
    """The line that counts what the figures of the period leave out."""
    rows = data.query("team_excluded", looking.viewer, **chosen)
    own = [row for row in rows if row["team_id"] != "*"]
    everywhere = {row["rule"]: row for row in rows if row["team_id"] == "*"}
    st.markdown(
        f"**Left out of these figures:** {_counted(own[0], 'bot') if own else 'no use by a bot'} of this team. "
        "Of all teams together: "
        + "; ".join(
            _counted(everywhere[rule], rule) if rule in everywhere else f"nothing of {name}"
            for rule, name in {"bot": "bots", "internal": "internal accounts", "scraper": "scrapers"}.items()
        )
        + "."
    )
    sections.foot(
        trust,
        rows,
        f"excluded_{chosen['team_id']}_{chosen['period_end']}",
        ("excluded_events", "events"),
        is_provisional=any(row["is_provisional"] for row in rows),
    )


def _counted(row: data.Row, rule: str) -> str:
    """212 events of 3 bots."""
    named = {
        "bot": ("bot",),
        "internal": ("person of an internal account", "people of internal accounts"),
        "scraper": ("scraper",),
    }[rule]
    return f"**{formats.counted(row['events'], 'event')} of {formats.counted(row['actors'], *named)}**"


def _line(step: _Step, number: int) -> None:
    with st.container(border=True, key=f"step_{number}", gap="xsmall"):
        st.markdown(f"{step.icon} **{step.title}**  \n{step.advice}")
        if step.links:
            with st.container(horizontal=True, gap="small"):
                for page, label, selected in step.links:
                    links.to(page, label, icon=":material/arrow_forward:", **selected)


def _seats(now: data.Row) -> Iterator[_Step]:
    never = now.get("seats_never_used")
    if formats.is_missing(never):
        yield _Step(
            ":material/visibility_off:",
            "Whether seats never began is hidden",
            "One of the counts of seats would point at one person. The share that has begun, by month of joining, "
            "is on the page of onboarding.",
            [("onboarding", "Onboarding", {})],
        )
    elif never:
        many = never != 1
        yield _Step(
            ":material/event_seat:",
            f"{formats.count(never)} of {formats.count(now['seats_at_end'])} seats never began",
            f"{'They' if many else 'It'} joined more than 30 days ago and had no success yet. Pair them with somebody "
            f"who uses a skill daily, or give the {'seats' if many else 'seat'} back.",
            [("onboarding", "How joiners begin", {})],
        )


def _dead_weight(unused: Sequence[data.Row], period_days: int) -> Iterator[_Step]:
    if unused:
        yield _Step(
            ":material/inventory_2:",
            f"{_skills(len(unused))} installed, and used by nobody in these {period_days} days",
            f"{_named(unused, _installed)}. Show what {'they are' if len(unused) > 1 else 'it is'} for, or uninstall "
            f"{'them' if len(unused) > 1 else 'it'}.",
            [("recommendations", "What is recommended instead", {}), *_skill_links(unused)],
        )


def _failures(failing: Sequence[data.Row]) -> Iterator[_Step]:
    if failing:
        yield _Step(
            ":material/error:",
            f"{_skills(len(failing))} failing in a tenth of uses or more",
            f"{_named(failing, _failed)}. Look at the errors and the SDK versions. Uses by the Claude Code hook always "
            "count as successes, so the true share is this or more; uses without a result are not counted.",
            _skill_links(failing),
        )


def _moves(moving: Sequence[data.Row]) -> Iterator[_Step]:
    gaining = [row for row in moving if row["users"] > row["previous_users"]]
    losing = [row for row in moving if row["users"] < row["previous_users"]]
    if gaining:
        yield _Step(
            ":material/trending_up:",
            "Gaining people",
            f"{_named(gaining, _moved, MOVERS)}. Ask who began what they do with it, and show the others.",
            _skill_links(gaining[:MOVERS]),
        )
    if losing:
        yield _Step(
            ":material/trending_down:",
            "Losing people",
            f"{_named(losing, _moved, MOVERS)}. Ask why: a better skill, a failure, or work that is done.",
            _skill_links(losing[:MOVERS]),
        )


def _skills(number: int) -> str:
    return formats.counted(number, "skill is", "skills are")


def _named(rows: Sequence[data.Row], about: Callable[[data.Row], str], most: int = NAMED) -> str:
    told = ", ".join(f"{formats.plain(row['skill_name'])}{about(row)}" for row in rows[:most])
    more = len(rows) - most
    return told if more <= 0 else f"{told} and {formats.count(more)} more"


def _installed(row: data.Row) -> str:
    people = row.get("installed_people")
    return "" if formats.is_missing(people) else f" ({formats.count(people)} people have it)"


def _failed(row: data.Row) -> str:
    return f" ({formats.count(row['failures'])} of {formats.count(row['successes'] + row['failures'])} known results)"


def _moved(row: data.Row) -> str:
    return f" ({formats.count(row['previous_users'])} → {formats.count(row['users'])} people)"


def _skill_links(rows: Sequence[data.Row]) -> list[tuple[str, str, dict[str, str]]]:
    return [("skill", formats.plain(row["skill_name"]), {"skill": str(row["skill_name"])}) for row in rows[:NAMED]]
