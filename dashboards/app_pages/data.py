"""Data: can what the other pages show be trusted, what arrived, what was put aside, what the checks say."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboards import data
from dashboards.components import banners, definitions, formats, sections, tables
from dashboards.components.definitions import BADGES, Trust
from dashboards.viewers import Looking
from warehouse.errors import AccessError

SYMBOLS = {"green": "✔", "amber": "▲", "red": "✖", "grey": "○"}
STATUS = {"passed": "✔ Passed", "failed": "✖ Failed", "error": "✖ Error"}
OUTCOMES = {"loaded": "✔ Loaded", "refused": "✖ Refused", "replayed": "↻ Replayed"}
GAPS = {
    "missing_file": "✖ File missing",
    "refused_file": "✖ File refused",
    "rows_differ": "✖ Rows differ",
    "empty_day": "✖ Day empty",
    "short_day": "▲ Few rows",
    "source_failed": "✖ Source not read",
}
GAPS_MEANING = """**Gaps**

What should have come and has not: a file that a manifest names, a refused file, a file that holds other rows than is
stated, a day without rows or with less than half of what its kind of day had in the four weeks before, a live source
that could not be read. A gap closes when the rest arrives, or when somebody accepts it
(`skillsmith-analytics gaps`)."""
VOLUMES = {"ok": "As usual", "low": "▲ Few rows", "unknown": ""}
WORST_FIRST = ("red", "grey", "amber", "green")
LEDGER = """**Import ledger**

One row per delivered file. *Seen* rows are in the file; of these, *loaded* are new, *merged* were known already, and
*quarantined* could not be taken. A refused file loaded nothing; a replayed one is a file whose quarantined rows were
tried again."""
CHECKS = """**Check results**

One row per check of the build that is shown, with what it observed and what it expected. A *blocking* check that does
not pass keeps the whole build from being published; a *warning* lets it through and turns the badge amber."""
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
    sections_of = {
        "Imported files": (lambda: data.query("import_ledger", looking.viewer), _ledger),
        "Gaps": (lambda: data.query("import_gaps", looking.viewer), _gaps),
        "Quarantine": (lambda: data.query("quarantine_counts", looking.viewer), _quarantine),
        "Check results": (lambda: data.query("check_results", looking.viewer), _checks),
    }
    not_theirs = []
    for section, (asked, shown) in sections_of.items():
        try:
            rows = asked()
        except AccessError:
            not_theirs.append(section)
            continue
        st.subheader(section)
        shown(rows, trust)
    if not_theirs:
        banners.not_yours(", ".join(not_theirs), "data engineers")


def _health(looking: Looking, trust: Trust) -> None:
    st.subheader("Table health")
    health = data.query("table_health", looking.viewer)
    if not health:
        banners.nothing("No table has a badge yet.", "Badges appear with the first refresh that runs the checks.")
        return
    # A refused build or an old snapshot counts here as it does on the tiles.
    shown = [
        {
            **row,
            "badge": trust.badge(str(row["table_name"])),
            "reason": " ".join(_of_its_own(trust, str(row["table_name"]))),
        }
        for row in health
    ]
    shown.sort(key=lambda row: WORST_FIRST.index(row["badge"]))
    told = {
        badge: f"**{formats.count(number)}** {word.lower()}"
        for badge, (word, _, _) in BADGES.items()
        if (number := sum(row["badge"] == badge for row in shown))
    }
    old = " A newer build was refused or is overdue, so none is green." if trust.is_old else ""
    st.markdown(f"{formats.count(len(shown))} tables: {', '.join(told.values())}.{old}")
    columns = {
        "badge": ("Badge", _badge),
        "table_name": ("Table", tables.text),
        "reason": ("Why", tables.text),
        "data_until": ("Data until", _or("No date", formats.moment)),
        "age": ("Age / allowed", tables.text),
        "counted": ("Failed / warned", tables.text),
        "completeness": ("Complete", _or("Not told", formats.share)),
        "volume": ("Last day", tables.text),
        "good": ("Last good", tables.text),
    }
    lines = [_told(row, trust) for row in shown]
    known = tables.shown(lines, "reason", "volume")
    tables.show(
        lines,
        {name: column for name, column in columns.items() if name not in ("reason", "volume") or name in known},
    )
    sections.foot(trust, shown, "table_health", ("table_health", ""), has_badge=False)


def _of_its_own(trust: Trust, table: str) -> list[str]:
    """Why the badge is not green, without the table's name before it: that has its own column."""
    reasons = [reason.removeprefix(f"{table}: ") for reason in trust.reasons(table, with_age=False)]
    return [reason[:1].upper() + reason[1:] for reason in reasons]


def _told(row: data.Row, trust: Trust) -> data.Row:
    """A line of table health in words."""
    age = _or("", formats.minutes)(row["freshness_minutes"])
    allowed = _or("any", formats.minutes)(row["freshness_limit_minutes"])
    is_good_now = row["last_good_at"] == trust.snapshot.as_of
    return {
        **row,
        "age": f"{age} / {allowed}" if age else "",
        "counted": f"{formats.count(row['blocking_failures'])} / {formats.count(row['warnings'])}",
        "volume": VOLUMES.get(str(row["volume_state"]), str(row["volume_state"])),
        "good": "This snapshot" if is_good_now else _or("Never", formats.moment)(row["last_good_at"]),
    }


def _or(instead: str, as_text: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: instead if formats.is_missing(value) else as_text(value)


def _badge(value: Any) -> str:
    badge = str(value) if str(value) in BADGES else "grey"
    return f"{SYMBOLS[badge]} {BADGES[badge][0]}"


def _ledger(ledger: data.Rows, trust: Trust) -> None:
    if not ledger:
        banners.nothing("No file was imported.", "Put files in the drop folder and run `skillsmith-analytics refresh`.")
        return
    newest = ledger[:ROWS_SHOWN]
    with_error = {"error": ("Error", tables.text)} if tables.shown(newest, "error") else {}
    tables.show(
        [
            {**row, "entity": _entity(row), "outcome": OUTCOMES.get(str(row["outcome"]), str(row["outcome"]))}
            for row in newest
        ],
        {
            "started_at": ("Started", formats.moment),
            "entity": ("Entity", tables.text),
            "file_name": ("File", tables.text),
            "outcome": ("Outcome", tables.text),
            "rows_seen": ("Rows seen", formats.count),
            "rows_loaded": ("Loaded", formats.count),
            "rows_merged": ("Merged", formats.count),
            "rows_quarantined": ("Quarantined", formats.count),
            **with_error,
        },
        height=None if len(newest) < 10 else 380,
    )
    refused = sum(row["outcome"] == "refused" for row in ledger)
    files = len({row["file_name"] for row in ledger})
    st.caption(
        f"The newest {formats.count(len(newest))} of {formats.count(len(ledger))} loads of {formats.count(files)} "
        f"files; {formats.count(refused)} loads were refused. The CSV has them all."
    )
    sections.foot(trust, ledger, "import_ledger", ("import_ledger", ""), meaning=LEDGER, has_badge=False)


def _entity(row: data.Row) -> str:
    return f"{row['source']}/{row['entity']}"


def _gaps(found: data.Rows, trust: Trust) -> None:
    if not found:
        st.success("No gap is open.", icon=":material/check_circle:")
        return
    shown = found[:ROWS_SHOWN]
    st.markdown(
        f"Open: **{formats.count(len(found))}**, the newest day first."
        + (
            f" The first {formats.count(len(shown))} are below; the CSV has them all."
            if len(shown) < len(found)
            else ""
        )
    )
    tables.show(
        [{**row, "entity": _entity(row), "kind": GAPS.get(str(row["kind"]), str(row["kind"]))} for row in shown],
        {
            "entity": ("Entity", tables.text),
            "kind": ("Gap", tables.text),
            "day": ("Day", _or("", formats.day)),
            "file_name": ("File", _or("", tables.text)),
            "rows_expected": ("Expected", _or("", formats.count)),
            "rows_found": ("Found", _or("", formats.count)),
            "detail": ("Why", _or("", tables.text)),
            "first_seen_at": ("First seen", formats.moment),
        },
        height=None if len(shown) < 10 else 380,
    )
    sections.foot(trust, found, "import_gaps", ("import_gaps", ""), meaning=GAPS_MEANING, has_badge=False)


def _quarantine(waiting: data.Rows, trust: Trust) -> None:
    if not waiting:
        st.success("No row waits in quarantine.", icon=":material/check_circle:")
        return
    total = sum(row["rows"] for row in waiting)
    files = len({row["file_name"] for row in waiting})
    st.markdown(f"**{formats.count(total)} rows** of {formats.count(files)} files wait for a fix, the most first.")
    tables.show(
        [{**row, "entity": _entity(row)} for row in waiting],
        {
            "entity": ("Entity", tables.text),
            "file_name": ("File", tables.text),
            "reason": ("Reason", tables.text),
            "rows": ("Rows", formats.count),
            "first_seen_at": ("First seen", formats.moment),
        },
        height=None if len(waiting) < 10 else 380,
    )
    sections.foot(trust, waiting, "quarantine", ("quarantine_counts", ""), has_badge=False)


def _checks(checks: data.Rows, trust: Trust) -> None:
    if not checks:
        banners.nothing("No check has run.", "Run `skillsmith-analytics check`.")
        return
    failed = sum(row["status"] != "passed" for row in checks)
    st.markdown(
        f"**{formats.count(len(checks) - failed)} passed, {formats.count(failed)} did not**, in the build shown."
    )
    columns = {
        "status": ("Status", lambda value: STATUS.get(str(value), str(value))),
        "severity": ("Severity", tables.text),
        "checked": ("Table", tables.text),
        "check_name": ("Check", tables.text),
        "observed": ("Observed", tables.text),
        "expected": ("Expected", tables.text),
        "reason": ("Why it matters", tables.text),
    }
    lines = [{**row, "checked": row["table_name"]} for row in checks]
    known = tables.shown(lines, *columns)
    tables.show(
        lines,
        {column: heading for column, heading in columns.items() if column in known},
        height=None if len(checks) < 10 else 420,
    )
    sections.foot(trust, checks, "check_results", ("check_results", ""), meaning=CHECKS, has_badge=False)
