"""What goes together: skills that a team could try, and skills that are used along with one.

A page shows either with one call. Which model suggests, and how good it proved, stands under what it suggests.
"""

from collections.abc import Sequence
from datetime import timedelta
from html import escape

import streamlit as st

from dashboards import data
from dashboards.components import banners, formats, sections, tables
from dashboards.components.definitions import Trust
from dashboards.viewers import Looking
from warehouse.small_groups import MINIMUM_SEATS

SUGGESTIONS = "skill_suggestions"
PAIRS = "skill_pairs"
PAIRS_SHOWN = 20
"""Skills that the table has; the CSV has them all."""


def skills_to_try(looking: Looking, trust: Trust, team_id: str) -> None:
    """The section "Skills to try" of a team: what, why, by which model, and how often that was right."""
    st.subheader("Skills to try")
    rows = data.query("skill_suggestions", looking.viewer, team_id=team_id)
    if not rows:
        banners.nothing(
            "Nothing to suggest yet.",
            f"Suggestions come from what people who use this team's skills use besides. They appear once its people "
            f"use skills that at least {MINIMUM_SEATS} people share, and while there is something left to try.",
        )
        return
    if is_hidden(rows[0]):
        st.info(
            f"**Hidden to protect people.** Suggestions follow from what a team's people use; over fewer than "
            f"{MINIMUM_SEATS} seats, or a single active person, they would tell what a person uses.",
            icon=":material/visibility_off:",
        )
        return
    with sections.values(trust, "suggestions", SUGGESTIONS):
        st.html(_list(rows))
    newest = trust.snapshot.as_of.date() - timedelta(days=1)
    st.caption(f"As of {formats.day(newest)}, whatever period is chosen above. {how_good(rows[0])}")
    sections.foot(
        trust,
        rows,
        f"suggestions_{team_id}",
        (SUGGESTIONS, "hit_rate_at_10"),
        (SUGGESTIONS, "popularity_hit_rate_at_10"),
    )


def used_together(looking: Looking, trust: Trust, skill_name: str) -> None:
    """The section "Used together with it" of a skill, over all teams."""
    st.subheader("Used together with it")
    rows = data.query("skill_pairs", looking.viewer, skill_name=skill_name)
    if not rows:
        banners.nothing(
            "No skill is known to go with it.",
            f"One appears once at least {MINIMUM_SEATS} people have used both in one session in the last 90 days, and "
            "so much more often than chance would bring them together that it can hardly be chance.",
        )
        return
    with sections.values(trust, "pairs", PAIRS):
        tables.show(
            [{**row, "of_sessions": _of_sessions(row), "times": _times(row)} for row in rows[:PAIRS_SHOWN]],
            {
                "related_skill_name": ("Skill", tables.text),
                "of_sessions": ("Of its sessions", str),
                "times": ("Lift", str),
                "people": ("People", formats.count),
            },
        )
    first = rows[0]
    st.caption(
        (
            f"The {PAIRS_SHOWN} of {formats.count(len(rows))} skills with the highest lift; the CSV has them all. "
            if len(rows) > PAIRS_SHOWN
            else ""
        )
        + f"Of the {formats.count(first['sessions_of_this'])} sessions with this skill, in all teams, in the "
        f"{first['period_days']} days to {formats.day(first['period_end'])}. Lift: how many times as often as chance "
        f"would bring both together, with its 95{formats.THIN}% interval; what may be chance is left out."
        + (
            f" {formats.counted(first['sessions_left_out'], 'session')} of more than 50 skills "
            f"{'is' if first['sessions_left_out'] == 1 else 'are'} left out."
            if first["sessions_left_out"]
            else ""
        )
    )
    sections.foot(trust, rows, f"pairs_{skill_name}", (PAIRS, "confidence"), (PAIRS, "lift"))


def _of_sessions(row: data.Row) -> str:
    return formats.share_of(row["share_of_sessions"], row["sessions_together"], row["sessions_of_this"])


def _times(row: data.Row) -> str:
    low, high = (formats.decimal(row[f"lift_{end}"], 1) for end in ("low", "high"))
    return f"{formats.decimal(row['lift'], 1)}{formats.THIN}× ({low}–{high})"


def is_hidden(row: data.Row) -> bool:
    """Whether small-group rules took what a suggestion says."""
    return formats.is_missing(row["model"])


def how_good(row: data.Row) -> str:
    """Which model suggests and how it did against the other one, as Markdown."""
    is_popularity = row["model"] == "popularity"
    if formats.is_missing(row["tested_people"]):
        return (
            "**By popularity**: the most used skills that the team does not have. Too few people took up a skill in "
            "the last 28 days to test whether suggestions from the team's own skills would be better."
        )
    tested = formats.count(row["tested_people"])
    own, popular = (
        f"{formats.count(row[f'{which}hits_at_10'])}/{tested} ({formats.share(row[f'{which}hit_rate_at_10'])})"
        for which in ("", "popularity_")
    )
    named = (
        "**By popularity**: the most used skills that the team does not have, because suggestions from its own skills "
        "did no better."
        if is_popularity
        else "**Collaborative**: from what people who use the team's skills use besides."
    )
    return (
        f"{named} Tested on the {tested} people who took up a skill in the last 28 days: one of ten suggestions was "
        f"what they took up for **{own}** by the collaborative model, for **{popular}** by popularity."
    )


def _list(rows: Sequence[data.Row]) -> str:
    """The suggestions in order, each with its reason beside it, or below where a window is narrow; texts escaped."""
    line = "border-top: 1px solid rgba(128, 140, 155, .25); padding: .45rem .2rem; font-size: .95rem"
    parts = "display: inline-grid; width: 100%; gap: 0 1rem; vertical-align: top"
    parts += "; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr))"
    items = (
        f'<li style="{line}"><span style="{parts}"><strong>{escape(tables.text(row["skill_name"]))}</strong>'
        f'<span style="overflow-wrap: anywhere">{escape(_sentence(tables.text(row["reason"])))}</span></span></li>'
        for row in rows
    )
    return f'<ol style="margin: 0; padding-left: 1.9rem" aria-label="Skills to try">{"".join(items)}</ol>'


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
