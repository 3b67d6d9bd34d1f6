"""Installs and SDK versions: the parts of the skill page that are kept for the newest periods alone."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import streamlit as st

from dashboards import data
from dashboards.components import banners, formats, periods, sections, tables
from dashboards.components.definitions import Trust
from dashboards.viewers import Looking

BREAKDOWN = "team_skill_breakdown"
OUTCOMES = {
    "installed": "Installed",
    "install_error": "Install failed",
    "install_unknown": "Install did not say how it ended",
    "uninstalled": "Uninstalled",
}
ERRORS = {
    "REGISTRY_LOOKUP_UNAVAILABLE": "the registry did not answer",
    "REGISTRY_SKILL_NOT_FOUND": "the registry has no such skill",
    "QUARANTINED": "the registry keeps it in quarantine",
    "ALREADY_INSTALLED": "it was installed already",
    "FETCH_FAILED": "its files could not be fetched",
    "VALIDATION_FAILED": "its files do not make a skill",
    "SKIP_SCAN_FORBIDDEN": "leaving out the security scan is not allowed",
    "SCAN_REJECTED": "the security scan rejected it",
    "CONFIRMATION_REQUIRED": "nobody confirmed it",
    "INVALID_CONTENT": "its content is not what was announced",
    "UNKNOWN": "the client could not tell why",
    "unknown": "the client reported none",
}


def show(looking: Looking, trust: Trust, chosen: dict[str, Any], end: date) -> None:
    """Both sections. chosen: team_id, skill_name and period_days; end: the last day of the period of the page."""
    ends = periods.parted_ends(trust)
    shown = end if end in ends else ends[0]
    rows = data.query("skill_breakdown", looking.viewer, period_end=str(shown), **chosen)
    start = shown - timedelta(days=chosen["period_days"] - 1)
    days = f"{formats.day(start)} to {formats.day(shown)}"
    kept = "" if shown == end else f"Not kept for the period chosen above. This is the newest: **{days}**."
    name = f"{chosen['team_id']}_{chosen['skill_name']}_{shown}"
    st.subheader("Installs")
    if kept:
        st.markdown(f":gray-badge[:material/event_busy: Another period] {kept}")
    _installs(trust, [row for row in rows if row["breakdown"] in OUTCOMES], days, name)
    st.subheader("SDK versions")
    if kept:
        st.markdown(f":gray-badge[:material/event_busy: Another period] {kept}")
    _versions(trust, [row for row in rows if row["breakdown"] == "sdk_version"], days, name)


def _installs(trust: Trust, rows: Sequence[data.Row], days: str, name: str) -> None:
    if not rows:
        banners.nothing(
            f"Nobody installed or uninstalled it from {days}.",
            "What an administrator rolls out is nobody's own install. Choose a longer period to look further back.",
        )
        return
    if _is_too_small(rows):
        return
    totals = {row["breakdown"]: row for row in rows if row["value"] == "*"}
    errors = [
        {**row, "why": _in_words(row["value"])}
        for row in rows
        if row["breakdown"] == "install_error" and row["value"] != "*"
    ]
    with sections.values(trust, "installs", BREAKDOWN):
        tables.show(
            # No row is nobody's doing.
            [
                {"what": what, **totals.get(kind, {"events": 0, "people": 0})}
                for kind, what in OUTCOMES.items()
                if kind in totals or kind != "install_unknown"
            ],
            {
                "what": ("What happened", tables.text),
                "events": ("Times", formats.count_or_hidden),
                "people": ("People", formats.count_or_hidden),
            },
        )
        if errors:
            st.markdown("**Failed installs by error code**")
            is_told = any(not formats.is_missing(row["events"]) for row in errors)
            counts = {"events": ("Times", formats.count_or_hidden), "people": ("People", formats.count_or_hidden)}
            tables.show(errors, {"why": ("Error code", tables.text), **(counts if is_told else {})})
            if not is_told:
                st.markdown(":material/visibility_off: How often each happened is hidden.")
        else:
            st.markdown(":material/check_circle: No install is known to have failed.")
    st.caption(
        f"{days}, UTC days, by people seated in the team on the day; somebody with two codes counts once among those "
        f"whose install failed. What an administrator rolls out or takes back is left out.{_why_hidden(rows)}"
    )
    _foot(trust, rows, f"installs_{name}")


def _versions(trust: Trust, rows: Sequence[data.Row], days: str, name: str) -> None:
    if not rows:
        banners.nothing(f"Nobody used it from {days}.", "Choose a longer period to look further back.")
        return
    if _is_too_small(rows):
        return
    # The version that was not said stands last: it is none.
    versions = sorted((row for row in rows if row["value"] != "*"), key=lambda row: row["value"] == "unknown")
    with sections.values(trust, "versions", BREAKDOWN):
        tables.show(
            [*versions, *(row for row in rows if row["value"] == "*")],
            {
                "value": ("SDK version", _version),
                "events": ("Uses", formats.count_or_hidden),
                "people": ("People", formats.count_or_hidden),
            },
        )
    st.caption(
        f"{days}, UTC days: uses that a person started, whatever came of them; somebody on two versions counts once in "
        "all. Unknown is not old: Claude Code's hook never reports a version, and other clients need not."
        f"{_why_hidden(rows)}"
    )
    _foot(trust, rows, f"sdk_versions_{name}")


def _is_too_small(rows: Sequence[data.Row]) -> bool:
    """Whether nothing of it may be shown, which is then said."""
    if not all(formats.is_missing(row["events"]) for row in rows):
        return False
    st.info(
        "**Hidden to protect people.** The figures would be one person's, or of a team of fewer than five, or would "
        "tell such a figure by what is left.",
        icon=":material/visibility_off:",
    )
    return True


def _why_hidden(rows: Sequence[data.Row]) -> str:
    is_any = any(formats.is_missing(row[column]) for row in rows for column in ("events", "people"))
    return " Hidden is what would be one person's, or would tell such a number by what is left." if is_any else ""


def _foot(trust: Trust, rows: Sequence[data.Row], name: str) -> None:
    is_provisional = any(row["is_provisional"] for row in rows)
    sections.foot(trust, rows, name, (BREAKDOWN, "events"), (BREAKDOWN, "people"), is_provisional=is_provisional)


def _in_words(code: str) -> str:
    """A code with what it means: FETCH_FAILED: its files could not be fetched."""
    named = "No code" if code == "unknown" else code
    return f"{named}: {ERRORS[code]}" if code in ERRORS else named


def _version(value: Any) -> str:
    return {"*": "All", "unknown": "Unknown"}.get(value, str(value))


def _or_hidden(value: Any) -> str:
    return formats.HIDDEN if formats.is_missing(value) else formats.count(value)
