"""What should have come and has not (metrics D3): gaps a source, entity, file or day has, kept until they are closed.

`record_gaps` finds all of today's gaps from what is stated (manifests, refusals, live sources that failed) and from
the days themselves, and holds them against `ops.import_gaps`: new ones are opened, those that are no more are closed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import md5
from statistics import median
from typing import Any, Literal

from ingest.contracts import CONTRACTS, Contract
from ingest.delivery import MANIFEST, Claim
from ingest.landing import now
from warehouse import Writer
from warehouse.errors import UsageError
from warehouse.statements import quoted

Kind = Literal["missing_file", "refused_file", "rows_differ", "empty_day", "short_day", "source_failed", "overlap"]

# A day is compared with its weekday: a Saturday is no Sunday, and a Monday may be three Tuesdays.
TRAILING_WEEKS = 8
_LEAST_WEEKS = 2
# Below half of the usual day something is missing. Chance alone halves 20 rows on one day of a hundred, and 40 on one
# of ten thousand; a month of all entities has hundreds of days.
LEAST_SHARE_OF_MEDIAN = 0.5
LEAST_MEDIAN = 40


@dataclass(frozen=True, slots=True)
class Gap:
    """One gap: rows_expected are what is stated or usual, rows_found what is there; None where nobody can say."""

    contract: Contract
    kind: Kind
    day: date | None = None
    file_name: str | None = None
    rows_expected: int | None = None
    rows_found: int | None = None
    detail: str | None = None

    @property
    def gap_id(self) -> str:
        """The same for the same gap, however often it is found."""
        parts = (self.contract.name, self.kind, str(self.day or ""), self.file_name or "")
        return md5("\n".join(parts).encode(), usedforsecurity=False).hexdigest()


def record_gaps(
    writer: Writer,
    *,
    as_of: datetime,
    missing: Iterable[Claim] | None = None,
    entities: Collection[str] | None = None,
    read: Mapping[str, str | None] | None = None,
) -> list[dict[str, Any]]:
    """Bring `ops.import_gaps` up to now; the open gaps, as `open_gaps` gives them.

    `missing` are the files that a manifest names and that are not there, None where no drop folder was looked at, and
    `entities` (`source/entity`) those whose files were looked at there, None for all.
    `read` are entities (`source/entity`) of live sources that were asked, each with the reason why it could not be
    read, or None. Days count until the one before as_of (UTC).
    """
    asked = read or {}
    gaps = [
        *(_missing(claim) for claim in missing or ()),
        *(Gap(CONTRACTS[name], "source_failed", detail=reason) for name, reason in asked.items() if reason),
        *_refused(writer),
        *_differing(writer),
        *_days(writer, as_of.date() - timedelta(days=1)),
    ]
    overlaps = _overlaps(writer)
    found = {gap.gap_id: gap for gap in [*gaps, *overlaps]}
    at = now()
    known = {row["gap_id"]: row for row in writer.fetch("select * from ops.import_gaps")}
    with writer.transaction():
        writer.append(
            "ops.import_gaps",
            [
                _row(gap) | {"first_seen_at": at, "closed_at": at if gap.kind == "overlap" else None}
                for gap_id, gap in found.items()
                if gap_id not in known
            ],
        )
        for gap_id, row in known.items():
            gap = found.get(gap_id)
            if row["kind"] == "overlap" or row["accepted_because"] is not None:
                continue
            if row["kind"] == "source_failed" and f"{row['source']}/{row['entity']}" not in asked:
                continue
            is_looked_at = entities is None or f"{row['source']}/{row['entity']}" in entities
            if row["kind"] == "missing_file" and gap is None and (missing is None or not is_looked_at):
                continue
            if gap is None and row["closed_at"] is None:
                writer.execute("update ops.import_gaps set closed_at = ? where gap_id = ?", [at, gap_id])
            elif gap is not None and _is_other(gap, row):
                writer.execute(
                    "update ops.import_gaps set rows_expected = ?, rows_found = ?, detail = ?, closed_at = null "
                    "where gap_id = ?",
                    [gap.rows_expected, gap.rows_found, gap.detail, gap_id],
                )
    return open_gaps(writer)


def open_gaps(writer: Writer) -> list[dict[str, Any]]:
    """Gaps that are open, by source, entity, kind, day and file."""
    return writer.fetch(
        "select * from ops.import_gaps where closed_at is null order by source, entity, kind, day, file_name"
    )


def accept_gap(writer: Writer, gap_id: str, because: str) -> None:
    """Close a gap that never will be; it stays closed. Raises UsageError where no open gap's id begins like this."""
    found = [row["gap_id"] for row in open_gaps(writer) if row["gap_id"].startswith(gap_id)]
    if len(found) != 1:
        raise UsageError(f"{'no' if not found else 'more than one'} open gap's id begins with {gap_id}")
    writer.execute(
        "update ops.import_gaps set closed_at = ?, accepted_because = ? where gap_id = ?", [now(), because, found[0]]
    )


def _row(gap: Gap) -> dict[str, Any]:
    return {
        "gap_id": gap.gap_id,
        "source": gap.contract.source,
        "entity": gap.contract.entity,
        "kind": gap.kind,
        "day": gap.day,
        "file_name": gap.file_name,
        "rows_expected": gap.rows_expected,
        "rows_found": gap.rows_found,
        "detail": gap.detail,
        "accepted_because": None,
    }


def _is_other(gap: Gap, row: dict[str, Any]) -> bool:
    said = (gap.rows_expected, gap.rows_found, gap.detail)
    return row["closed_at"] is not None or said != (row["rows_expected"], row["rows_found"], row["detail"])


def _missing(claim: Claim) -> Gap:
    return Gap(claim.contract, "missing_file", None, claim.name, claim.rows, 0, claim.reason)


def _refused(writer: Writer) -> Iterable[Gap]:
    """Refused files whose name has not been loaded since, and live entities whose last window was refused."""
    rows = writer.fetch(
        "select source, entity, file_name, max(rows_claimed) as claimed, max(error) as error "
        # A manifest is never loaded; one that is none is a file that is missing, for as long as it is.
        "from raw.import_ledger as refused where outcome = 'refused' and file_name is not null "
        f"and file_name not like '%/{MANIFEST}' and file_name not like 'live/%' and not exists ("
        "select 1 from raw.import_ledger as good where good.outcome = 'loaded' "
        "and good.file_name = refused.file_name and good.started_at >= refused.started_at) "
        "group by source, entity, file_name"
    )
    # Every window of a live source has a name of its own; nothing behind one that was refused is asked for, so it is
    # one gap until a window gets past it. A range that is read again has no cursor, unless its entity never has one.
    live = writer.fetch(
        "select source, entity, min(started_at) as since, max(error) as error from raw.import_ledger as refused "
        "where outcome = 'refused' and file_name like 'live/%' and not exists ("
        "select 1 from raw.import_ledger as good where good.outcome = 'loaded' and good.file_name like 'live/%' "
        "and good.source = refused.source and good.entity = refused.entity and good.started_at >= refused.started_at "
        "and (good.cursor_after is not null or not exists (select 1 from raw.import_ledger as dated "
        "where dated.source = refused.source and dated.entity = refused.entity and dated.cursor_after is not null))) "
        "group by source, entity"
    )
    for row in rows:
        if contract := CONTRACTS.get(f"{row['source']}/{row['entity']}"):
            yield Gap(contract, "refused_file", None, row["file_name"], row["claimed"], 0, row["error"])
    for row in live:
        if contract := CONTRACTS.get(f"{row['source']}/{row['entity']}"):
            name = f"live/{contract.name} since {row['since']:%Y-%m-%dT%H:%M:%S.%f}"
            yield Gap(contract, "refused_file", None, name, None, 0, row["error"])


def _differing(writer: Writer) -> Iterable[Gap]:
    """Files, by their last load, that hold another number of rows than is stated."""
    rows = writer.fetch(
        "select source, entity, file_name, rows_claimed, rows_seen from ("
        "select *, row_number() over (partition by source, entity, file_name order by finished_at desc) as place "
        "from raw.import_ledger where outcome = 'loaded') as loads "
        "where place = 1 and rows_claimed is not null and rows_claimed <> rows_seen"
    )
    for row in rows:
        if contract := CONTRACTS.get(f"{row['source']}/{row['entity']}"):
            yield Gap(contract, "rows_differ", None, row["file_name"], row["rows_claimed"], row["rows_seen"])


def _overlaps(writer: Writer) -> Iterable[Gap]:
    """Files of facts that brought rows which were there already; merging took care of them."""
    rows = writer.fetch(
        "select source, entity, file_name, sum(rows_seen) as seen, sum(rows_merged) as merged from raw.import_ledger "
        "where outcome = 'loaded' and rows_merged > 0 and cursor_after is null group by source, entity, file_name"
    )
    for row in rows:
        contract = CONTRACTS.get(f"{row['source']}/{row['entity']}")
        if contract and contract.day_column and "updated_at" not in contract.table.version_by:
            yield Gap(contract, "overlap", None, row["file_name"], None, int(row["merged"]), "known rows came again")


def _days(writer: Writer, last: date) -> Iterable[Gap]:
    """Days that have no row, or far fewer than is usual for their weekday."""
    free = holidays(writer)
    for contract in contracts_with_days():
        counts = daily_counts(writer, contract)
        if not counts:
            continue
        first = min(counts)
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            usual, found = usual_rows(counts, day, first), counts.get(day, 0)
            if day in free or usual < LEAST_MEDIAN or found >= LEAST_SHARE_OF_MEDIAN * usual:
                continue
            kind = "short_day" if found else "empty_day"
            yield Gap(contract, kind, day, None, int(usual), found, f"against the usual {day:%A}")


def usual_rows(counts: Mapping[date, int], day: date, first: date) -> float:
    """Median of the rows of the same weekday in the weeks before; 0 where nobody can say, as in the first week.

    `first` is the first day of which there could be rows. In the second week only a workday is compared, with the
    workdays before it, and only where it has no row at all.
    """
    if (day - first).days < 7:
        return 0
    before = [day - timedelta(days=7 * weeks) for weeks in range(1, TRAILING_WEEKS + 1)]
    alike = [counts.get(each, 0) for each in before if each >= first]
    if len(alike) >= _LEAST_WEEKS:
        return median(alike)
    if counts.get(day, 0) or _is_weekend(day):
        return 0
    days = [first + timedelta(days=number) for number in range((day - first).days)]
    return median([counts.get(each, 0) for each in days if not _is_weekend(each)] or [0])


def daily_counts(writer: Writer, contract: Contract, since: date | None = None) -> dict[date, int]:
    """Rows of an entity by UTC day, from `since` on; where the engine keeps such counts nobody counts again."""
    kept = writer.fetch(
        "select day, row_count from raw.days where table_name = ? and row_count > 0", [contract.table.name]
    )
    if kept:
        return {row["day"]: row["row_count"] for row in kept if since is None or row["day"] >= since}
    day = quoted(str(contract.day_column))
    bound = [] if since is None else [datetime(since.year, since.month, since.day)]
    rows = writer.fetch(
        f"select cast({day} as date) as day, count(*) as n from {contract.table.qualified} "
        f"where {day} is not null{' and ' + day + ' >= ?' if bound else ''} group by 1",
        bound,
    )
    return {row["day"]: row["n"] for row in rows}


def holidays(writer: Writer) -> set[date]:
    """Days on which nobody expects as much as usual."""
    rows = writer.fetch(
        "select day from raw.reference_holidays where version = (select max(version) from raw.reference_holidays)"
    )
    return {row["day"] for row in rows}


def _is_weekend(day: date) -> bool:
    return day.weekday() >= 5


def contracts_with_days() -> Sequence[Contract]:
    """Entities that come every day; of others, such as costs by month, a day without rows says nothing."""
    return [
        contract
        for contract in CONTRACTS.values()
        if contract.day_column and not contract.is_reference and contract.day_column != "month"
    ]
