"""What must hold of what came in. Dirt belongs in the quarantine, so little here stops publishing.

An entity that never arrived has no rows and so no checks: it is "no data", not a failure.
"""

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from expectations.frames import FrameCheck
from ingest.completeness import (
    LEAST_MEDIAN,
    LEAST_SHARE_OF_MEDIAN,
    TRAILING_WEEKS,
    contracts_with_days,
    daily_counts,
    holidays,
    usual_rows,
)
from ingest.contracts import CONTRACTS, Contract
from warehouse import Writer

# Three times the entity's own share so far; the floor is a world without dirt meeting its first bad file.
QUARANTINE_FACTOR = 3.0
QUARANTINE_FLOOR = 0.02
QUARANTINE_ROWS = 2
"""So many bad rows of however few say nothing of a format; they are counted and listed like all."""
# An older gap is history: it stays in the ledger of gaps, and does not colour today's numbers.
GAP_DAYS = 28
LEAST_SHARE_OF_FILL = 0.5
# A key that fewer rows have comes and goes by chance.
LEAST_FILL, LEAST_FILLED_ROWS, LEAST_EXPECTED_ROWS = 0.01, 50, 20
FILL_DAYS = 14
# The day that a file's name says, as text, or that on which it was loaded.
_DAY_OF_FILE = (
    "case when file_name like '%____-__-__%' "
    r"then regexp_replace(file_name, '^.*([0-9]{4}-[0-9]{2}-[0-9]{2}).*$', '\1') "
    "else cast(cast(finished_at as date) as varchar) end"
)


def raw_checks(writer: Writer, *, as_of: datetime, since: datetime | None) -> list[FrameCheck]:
    """The checks of the raw border.

    as_of: the build's clock (UTC). since: start of the last published build (UTC); keys are looked at in the
    loads since then, in all loads where it is None.
    """
    arrived = _arrived(writer)
    return [
        FrameCheck(
            name="key_is_not_null",
            border="raw",
            severity="blocking",
            column="null_keys",
            minimum=None,
            maximum=0,
            expected="no row without its key",
            reason="rows merge on their key; one without it would be merged with nothing and counted for ever",
            fetch=lambda: _keys(writer, arrived, since, "null_keys"),
        ),
        FrameCheck(
            name="key_is_unique",
            border="raw",
            severity="blocking",
            column="repeated_keys",
            minimum=None,
            maximum=0,
            expected="one row a key",
            reason="a delivery that arrives twice must change nothing; a repeated key counts everything twice. On "
            "TimescaleDB `skillsmith-analytics mend-keys` leaves the latest version",
            fetch=lambda: _keys(writer, arrived, since, "repeated_keys"),
        ),
        FrameCheck(
            name="rows_of_the_last_day",
            border="raw",
            severity="warning",
            column="share_of_median",
            minimum=LEAST_SHARE_OF_MEDIAN,
            maximum=None,
            expected=f"at least {LEAST_SHARE_OF_MEDIAN} of its weekday's median of {TRAILING_WEEKS} weeks",
            reason="a bad token or a stopped exporter gives an empty or short day, not an error",
            fetch=lambda: _last_days(writer, arrived, as_of),
            show=("day", "rows", "usual"),
        ),
        FrameCheck(
            name="quarantine_share",
            border="raw",
            severity="warning",
            column="times_allowed",
            minimum=None,
            maximum=1,
            expected=f"at most {QUARANTINE_FACTOR:g} times the share so far; {QUARANTINE_FLOOR:.0%} and "
            f"{QUARANTINE_ROWS} rows in any case",
            reason="a source that changes its format sends its rows to the quarantine without an error",
            fetch=lambda: _quarantine(writer),
            show=("rows_quarantined", "rows_seen"),
        ),
        FrameCheck(
            name="files_are_not_refused",
            border="raw",
            severity="warning",
            column="refused_files",
            minimum=None,
            maximum=0,
            expected="no file refused and not replaced since",
            reason="nothing of a refused file is loaded, so its rows are missing until a good one arrives",
            fetch=lambda: _refused(writer),
            show=("file_name",),
        ),
        FrameCheck(
            name="gaps_are_closed",
            border="raw",
            severity="warning",
            column="open_gaps",
            minimum=None,
            maximum=0,
            expected=f"no file, source or day of the last {GAP_DAYS} days missing, short or other than stated",
            reason="a fetch or a file that was cut short is never to be taken for the whole",
            fetch=lambda: _gaps(writer, arrived, as_of),
            show=("kind", "day", "file_name", "rows_found", "rows_expected"),
        ),
        FrameCheck(
            name="keys_keep_arriving",
            border="raw",
            severity="warning",
            column="share_of_usual_fill",
            minimum=LEAST_SHARE_OF_FILL,
            maximum=None,
            expected=f"every key at least {LEAST_SHARE_OF_FILL} times as full as in the {FILL_DAYS} days before",
            reason="a key that stops arriving makes NULLs, not errors, and numbers that fall without a cause",
            fetch=lambda: _fills(writer, arrived, as_of),
            show=("key", "fill", "usual_fill", "day"),
        ),
    ]


def _arrived(writer: Writer) -> list[Contract]:
    """The entities that have rows."""
    there = {
        row["table_name"]
        for row in writer.fetch("select table_name from information_schema.tables where table_schema = 'raw'")
    }
    contracts = [contract for contract in CONTRACTS.values() if contract.table.name in there]
    if not contracts:
        return []
    found = writer.fetch(
        " union all ".join(
            f"select '{contract.name}' as name where exists (select 1 from {contract.table.qualified})"
            for contract in contracts
        )
    )
    names = {row["name"] for row in found}
    return [contract for contract in contracts if contract.name in names]


def _keys(writer: Writer, contracts: Iterable[Contract], since: datetime | None, wanted: str) -> list[dict[str, Any]]:
    rows = []
    for contract in contracts:
        table = contract.table
        recent = "" if since is None else "where loaded_at >= ?"
        keys = ", ".join(table.key)
        recent += _days_of_loads(writer, contract, since)
        if wanted == "null_keys":
            is_null = " or ".join(f"{column} is null" for column in table.key)
            sql = f"select count(*) as n from {table.qualified} {recent or 'where true'} and ({is_null})"
        else:
            sql = (
                f"select count(*) as n from (select {keys} from {table.qualified} {recent} "
                f"group by {keys} having count(*) > 1) as repeated"
            )
        found = writer.fetch(sql, [] if since is None else [since.replace(tzinfo=None)])
        rows.append({"table_name": table.qualified, wanted: found[0]["n"]})
    return rows


def _days_of_loads(writer: Writer, contract: Contract, since: datetime | None) -> str:
    """A condition that leaves out the days to which no load has brought a row since; empty where nobody counts them."""
    line = contract.table.timeline
    if line is None or since is None:
        return ""
    [found] = writer.fetch(
        "select min(case when last_loaded_at >= ? then day end) as first, "
        "max(case when last_loaded_at >= ? then day end) as last, count(*) as days from raw.days where table_name = ?",
        [since.replace(tzinfo=None), since.replace(tzinfo=None), contract.table.name],
    )
    if not found["days"]:
        return ""
    if found["first"] is None:
        return " and false"
    # In literals, for the engine leaves out by those what it need not open.
    first, last = _midnight(found["first"]), _midnight(found["last"] + timedelta(days=1))
    return f" and {line.column} >= '{first}' and {line.column} < '{last}'"


def _last_days(writer: Writer, contracts: Iterable[Contract], as_of: datetime) -> list[dict[str, Any]]:
    """Rows of the last complete day against what is usual for its weekday, of entities whose days are big enough."""
    last = as_of.date() - timedelta(days=1)
    since = last - timedelta(weeks=TRAILING_WEEKS)
    days = set(contracts_with_days())
    rows = []
    for contract in contracts:
        if contract not in days or last in holidays(writer):
            continue
        counts = daily_counts(writer, contract, since)
        usual = usual_rows(counts, last, min(counts, default=last))
        if usual < LEAST_MEDIAN:
            continue
        found = counts.get(last, 0)
        rows.append(
            {
                "table_name": contract.table.qualified,
                "share_of_median": found / usual,
                "day": last,
                "rows": found,
                "usual": int(usual),
            }
        )
    return rows


def _quarantine(writer: Writer) -> list[dict[str, Any]]:
    """Quarantined share of an entity's newest loads, as a multiple of what is allowed.

    The newest are those since the publishing before its last load: a day on which nothing comes changes no verdict.
    """
    found = writer.fetch(
        "with newest as (select source, entity, max(started_at) as started_at from raw.import_ledger "
        "where outcome = 'loaded' group by source, entity), bounds as (select source, entity, "
        "(select max(builds.started_at) from ops.builds as builds where builds.outcome = 'published' "
        "and builds.started_at <= newest.started_at) as since from newest) "
        "select ledger.source, ledger.entity, "
        "sum(case when is_new then rows_seen else 0 end) as rows_seen, "
        "sum(case when is_new then rows_quarantined else 0 end) as rows_quarantined, "
        "sum(case when is_new then 0 else rows_seen end) as seen_before, "
        "sum(case when is_new then 0 else rows_quarantined end) as quarantined_before "
        "from (select loads.*, bounds.since is null or loads.started_at >= bounds.since as is_new "
        "from raw.import_ledger as loads join bounds on bounds.source = loads.source and bounds.entity = loads.entity "
        "where loads.outcome = 'loaded') as ledger group by ledger.source, ledger.entity"
    )
    rows = []
    for row in found:
        if not row["rows_seen"]:
            continue
        before = _share(row["quarantined_before"], row["seen_before"])
        allowed = max(QUARANTINE_FLOOR, QUARANTINE_FACTOR * before, _share(QUARANTINE_ROWS, row["rows_seen"]))
        rows.append(
            {
                "table_name": f"raw.{row['source']}_{row['entity']}",
                "times_allowed": _share(row["rows_quarantined"], row["rows_seen"]) / allowed,
                "rows_quarantined": row["rows_quarantined"],
                "rows_seen": row["rows_seen"],
            }
        )
    return rows


def _refused(writer: Writer) -> list[dict[str, Any]]:
    """Refused files whose name has not been loaded since; one row with 0 for every entity that has none.

    A manifest is never loaded; one that is none is a gap for as long as it is.
    """
    found = writer.fetch(
        "select source, entity, count(distinct case when outcome = 'refused' and not is_replaced then file_name end) "
        "as refused_files, max(case when outcome = 'refused' and not is_replaced then file_name end) as file_name "
        "from (select refused.*, coalesce(refused.file_name, '') like '%/_manifest.json' or exists ("
        "select 1 from raw.import_ledger as good where good.outcome = 'loaded' "
        "and good.file_name = refused.file_name and good.started_at >= refused.started_at) as is_replaced "
        "from raw.import_ledger as refused) as files group by source, entity"
    )
    return [
        {
            "table_name": f"raw.{row['source']}_{row['entity']}",
            "refused_files": row["refused_files"],
            "file_name": row["file_name"],
        }
        for row in found
    ]


def _gaps(writer: Writer, contracts: Iterable[Contract], as_of: datetime) -> list[dict[str, Any]]:
    """Open gaps of each entity, the newest with its numbers; one row of zero where there is none.

    An entity of which nothing ever came has its gaps too. The last complete day has a check of its own, and rows that
    came again have been merged.
    """
    since, last = as_of.date() - timedelta(days=GAP_DAYS), as_of.date() - timedelta(days=1)
    found = [
        row
        for row in writer.fetch(
            "select source, entity, kind, day, file_name, rows_found, rows_expected from ops.import_gaps "
            "where closed_at is null and kind <> 'overlap' order by first_seen_at desc, day desc"
        )
        if row["day"] is None or (since <= row["day"] and (row["kind"], row["day"]) != ("short_day", last))
    ]
    names = {contract.name for contract in contracts} | {f"{row['source']}/{row['entity']}" for row in found}
    rows = []
    for contract in (CONTRACTS[name] for name in sorted(names & CONTRACTS.keys())):
        own = [row for row in found if (row["source"], row["entity"]) == (contract.source, contract.entity)]
        newest = own[0] if own else {}
        rows.append(
            {"table_name": contract.table.qualified, "open_gaps": len(own)}
            | {name: newest.get(name) for name in ("kind", "day", "file_name", "rows_found", "rows_expected")}
        )
    return rows


def _fills(writer: Writer, contracts: Iterable[Contract], as_of: datetime) -> list[dict[str, Any]]:
    """Each entity's key that lost most: its fill in the newest day's files against the files of the days before.

    A file is of the day that its name says, or of the day on which it was loaded. What is delivered whole is refused
    where a key is missing, so references are not asked about.
    """
    rows = []
    for contract in contracts:
        if contract.is_reference:
            continue
        files = f"select {_DAY_OF_FILE} as day, rows_seen, key_fill from raw.import_ledger " + (
            "where outcome = 'loaded' and source = ? and entity = ? and rows_seen > 0 and key_fill is not null"
        )
        said = writer.fetch(f"select distinct day from ({files}) as files", [contract.source, contract.entity])
        last = max((day for row in said if (day := _day(row["day"])) and day <= as_of.date()), default=None)
        if last is None:
            continue
        found = writer.fetch(
            f"select day, rows_seen, key_fill from ({files}) as files where day between ? and ?",
            [contract.source, contract.entity, str(last - timedelta(days=FILL_DAYS)), str(last)],
        )
        parsed = [(row["day"] == str(last), row["rows_seen"], _fill_of(row["key_fill"])) for row in found]
        newest, before = [file for file in parsed if file[0]], [file for file in parsed if not file[0]]
        usual, now = _filled(before), _filled(newest)
        seen_before, seen = sum(file[1] for file in before), sum(file[1] for file in newest)
        worst: dict[str, Any] | None = None
        for key, filled in usual.items():
            fill = filled / seen_before
            if fill < LEAST_FILL or filled < LEAST_FILLED_ROWS or fill * seen < LEAST_EXPECTED_ROWS:
                continue
            share = now.get(key, 0.0) / seen / fill
            if worst is None or share < worst["share_of_usual_fill"]:
                worst = {
                    "table_name": contract.table.qualified,
                    "share_of_usual_fill": share,
                    "key": key,
                    "fill": round(now.get(key, 0.0) / seen, 4),
                    "usual_fill": round(fill, 4),
                    "day": last,
                }
        if worst is not None:
            rows.append(worst)
    return rows


def _filled(files: Iterable[tuple[Any, int, dict[str, float]]]) -> dict[str, float]:
    """Rows that have each key."""
    filled: dict[str, float] = {}
    for _, seen, fills in files:
        for key, fill in fills.items():
            filled[key] = filled.get(key, 0.0) + fill * seen
    return filled


def _fill_of(text: Any) -> dict[str, float]:
    return json.loads(text) if isinstance(text, str) else dict(text)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _share(part: int | None, whole: int | None) -> float:
    return float(part or 0) / float(whole or 1)


def _midnight(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day)
