"""Data: can what the other pages show be trusted, what arrived, what was put aside, what the checks say."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboards import data
from dashboards.components import banners, definitions, downloads, formats, tables
from dashboards.components.definitions import BADGES, Trust
from dashboards.viewers import Looking
from warehouse.errors import AccessError

SYMBOLS = {"green": "✔", "amber": "▲", "red": "✖", "grey": "○"}
STATUS = {"passed": "✔ Passed", "failed": "✖ Failed", "error": "✖ Error"}
OUTCOMES = {"loaded": "✔ Loaded", "refused": "✖ Refused"}
# More would make the page slow to load; the CSV has every row.
ROWS_SHOWN = 100


def show(looking: Looking) -> None:
    """The page; sections that the viewer's role may not read say so."""
    st.title("Data")
    trust = definitions.load(looking.viewer)
    taken = trust.snapshot
    st.markdown(
        f"Published {formats.moment(taken.published_at)}, computed as of **{formats.moment(taken.as_of)}**, "
        f"with data until **{formats.moment(taken.data_until)}**. "
        f"{formats.count(taken.checks_passed)} checks passed, {formats.count(taken.checks_warned)} warned."
    )
    _health(looking, trust)
    for section, shown in {
        "Imported files": _ledger,
        "Quarantine": _quarantine,
        "Check results": _checks,
    }.items():
        st.subheader(section)
        try:
            shown(looking, trust)
        except AccessError:
            banners.not_yours(section, "data engineers")


def _health(looking: Looking, trust: Trust) -> None:
    st.subheader("Table health")
    health = data.query("table_health", looking.viewer)
    if health.empty:
        banners.nothing("No table has a badge yet.", "Badges appear with the first refresh that runs the checks.")
        return
    tables.show(
        health,
        {
            "badge": ("Badge", _badge),
            "table_name": ("Table", tables.text),
            "data_until": ("Data until", formats.moment),
            "freshness_minutes": ("Age", formats.minutes),
            "freshness_limit_minutes": ("Age allowed", formats.minutes),
            "blocking_failures": ("Blocking failures", formats.count),
            "warnings": ("Warnings", formats.count),
            "completeness": ("Complete", formats.share),
            "volume_state": ("Volume", tables.text),
        },
    )
    _foot(trust, health, "table_health", "table_health")


def _badge(value: Any) -> str:
    badge = str(value) if str(value) in BADGES else "grey"
    return f"{SYMBOLS[badge]} {BADGES[badge][0]}"


def _ledger(looking: Looking, trust: Trust) -> None:
    ledger = data.query("import_ledger", looking.viewer)
    if ledger.empty:
        banners.nothing("No file was imported.", "Put files in the drop folder and run `skillsmith-analytics refresh`.")
        return
    newest = ledger.head(ROWS_SHOWN)
    tables.show(
        newest.assign(
            entity=newest["source"] + "/" + newest["entity"],
            outcome=[
                OUTCOMES.get(str(row["outcome"]), str(row["outcome"]))
                + (f": {row['error']}" if not formats.is_missing(row["error"]) and row["error"] else "")
                for row in newest.to_dict("records")
            ],
        ),
        {
            "started_at": ("Started", formats.moment),
            "entity": ("Entity", tables.text),
            "file_name": ("File", tables.text),
            "outcome": ("Outcome", tables.text),
            "rows_seen": ("Rows seen", formats.count),
            "rows_loaded": ("Loaded", formats.count),
            "rows_merged": ("Merged", formats.count),
            "rows_quarantined": ("Quarantined", formats.count),
        },
        height=None if len(newest) < 10 else 380,
    )
    refused = int((ledger["outcome"] == "refused").sum())
    st.caption(
        f"The newest {formats.count(len(newest))} of {formats.count(len(ledger))} files, of which "
        f"{formats.count(refused)} were refused; the CSV has them all."
    )
    _foot(trust, ledger, "import_ledger", "import_ledger")


def _quarantine(looking: Looking, trust: Trust) -> None:
    waiting = data.query("quarantine_counts", looking.viewer)
    if waiting.empty:
        st.success("No row waits in quarantine.", icon=":material/check_circle:")
        return
    tables.show(
        waiting.assign(entity=waiting["source"] + "/" + waiting["entity"]),
        {
            "entity": ("Entity", tables.text),
            "file_name": ("File", tables.text),
            "reason": ("Reason", tables.text),
            "rows": ("Rows", formats.count),
            "first_seen_at": ("First seen", formats.moment),
        },
        height=None if len(waiting) < 10 else 380,
    )
    _foot(trust, waiting, "quarantine", "quarantine_counts")


def _checks(looking: Looking, trust: Trust) -> None:
    checks = data.query("check_results", looking.viewer)
    if checks.empty:
        banners.nothing("No check has run.", "Run `skillsmith-analytics check`.")
        return
    failed = len([status for status in checks["status"] if status != "passed"])
    st.markdown(
        f"**{formats.count(len(checks) - failed)} passed, {formats.count(failed)} did not**, in the newest build."
    )
    tables.show(
        checks,
        {
            "status": ("Status", lambda value: STATUS.get(str(value), str(value))),
            "severity": ("Severity", tables.text),
            "check_name": ("Check", tables.text),
            "table_name": ("Table", tables.text),
            "column_name": ("Column", tables.text),
            "observed": ("Observed", tables.text),
            "expected": ("Expected", tables.text),
            "reason": ("Why it matters", tables.text),
        },
        height=None if len(checks) < 10 else 420,
    )
    _foot(trust, checks, "check_results", "check_results")


def _foot(trust: Trust, rows: pd.DataFrame, name: str, table: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        downloads.csv(rows, name, trust, table)
        st.caption(f"Data until {definitions.until(trust, table)}", width="content")
