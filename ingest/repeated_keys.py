"""Keys that stand on more than one day of a hypertable, which its unique index cannot see: the latest version stays.

A merge looks for the keys of a delivery on the days that the delivery reaches over (docs/decisions/0015). A row whose
time was corrected to a day outside of these stands twice until this is run. Elsewhere the key alone is unique.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ingest.contracts import CONTRACTS, Contract
from warehouse import Warehouse, Writer, timescale
from warehouse.statements import column_list, quoted, quoted_table

_OLDER = "_repeated_older"


@dataclass(frozen=True, slots=True)
class Repeats:
    """Older versions of rows of one table: how many, and the first and last day on which they stand."""

    table: str
    rows: int
    first_day: date
    last_day: date


def drop_repeated(warehouse: Warehouse, *, dry_run: bool = False) -> list[Repeats]:
    """Remove older versions of rows whose key comes again on another day, table by table; what went, or would go.

    Reads every key that there is: a matter of minutes for tens of millions. Each table is one transaction, and the days
    that lose a row are made again by the next build.
    """
    found = []
    with warehouse.write(None) as writer:
        for contract in _in_chunks(warehouse, writer):
            with writer.transaction():
                repeats = _repeats(writer, contract)
                if repeats and not dry_run:
                    _remove(writer, contract, repeats)
                writer.execute(f"drop table {_OLDER}")
            if repeats:
                found.append(repeats)
    return found


def _in_chunks(warehouse: Warehouse, writer: Writer) -> Iterator[Contract]:
    """Entities in hypertables, whose time is not part of their key."""
    if warehouse.engine != "postgres":
        return
    if not writer.fetch("select 1 from pg_extension where extname = 'timescaledb'"):
        return
    there = {row["name"] for row in writer.fetch(timescale.HYPERTABLES)}
    for contract in CONTRACTS.values():
        line = contract.table.timeline
        if line and contract.table.qualified in there and line.column not in contract.key:
            yield contract


def _repeats(writer: Writer, contract: Contract) -> Repeats | None:
    """Put the rows that are older versions into a table of the transaction: key, time and day."""
    table = contract.table
    time = quoted(str(table.timeline and table.timeline.column))
    keys = column_list(table.key)
    texts = {column.name for column in table.columns if column.type == "text"}
    # As a merge has it: names of files in the order of their bytes; of equals the one that came last.
    by_bytes = ' collate "C"'
    latest = ", ".join(
        f"t.{quoted(name)}{by_bytes if name in texts else ''} desc nulls last" for name in table.version_by
    )
    writer.execute(
        f"create temp table {_OLDER} on commit drop as select * from (select {column_list(table.key, 't')}, "
        f"t.{time}, cast(t.{time} at time zone 'UTC' as date) as day, row_number() over (partition by "
        f"{column_list(table.key, 't')} order by {latest}, t.loaded_at desc, t.{time} desc) as place "
        f"from {quoted_table(table.qualified)} as t join (select {keys} from {quoted_table(table.qualified)} "
        f"group by {keys} having count(*) > 1) as m using ({keys})) as ranked where place > 1"
    )
    [row] = writer.fetch(f"select count(*) as n, min(day) as first, max(day) as last from {_OLDER}")
    return Repeats(table.qualified, row["n"], row["first"], row["last"]) if row["n"] else None


def _remove(writer: Writer, contract: Contract, repeats: Repeats) -> None:
    table = contract.table
    time = quoted(str(table.timeline and table.timeline.column))
    same = " and ".join(f"t.{quoted(name)} = o.{quoted(name)}" for name in table.key)
    # Old rows come out of their columns first; the policy puts the chunk back in order.
    writer.execute("set local timescaledb.max_tuples_decompressed_per_dml_transaction = 0")
    writer.execute(
        f"delete from {quoted_table(table.qualified)} as t using {_OLDER} as o where {same} and t.{time} = o.{time} "
        f"and t.{time} >= '{repeats.first_day}' and t.{time} < '{repeats.last_day + timedelta(days=1)}'"
    )
    writer.execute(
        "update raw.days as d set row_count = d.row_count - o.n, last_loaded_at = ? "
        f"from (select day, count(*) as n from {_OLDER} group by day) as o where d.table_name = ? and d.day = o.day",
        [datetime.now(UTC), table.name],
    )
    first, after = repeats.first_day, repeats.last_day + timedelta(days=1)
    writer.execute(
        "insert into ops.rollup_ranges values (?, ?, ?)",
        [table.qualified, _midnight(first), _midnight(after)],
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
