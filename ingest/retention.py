"""How long raw rows are kept, and what is left of them: the facts that were built from them stay as they are.

`expire` removes whole days, and only days that a build has seen; the line that it draws is kept in ops.retention_runs.
Rows of days before that line never land again (`kept_from`), or a few late ones would take the place of a whole day's
facts. Reasons: docs/decisions/0018. An entity belongs in USUAL_DAYS once what is published of its past days no longer
needs its rows; a deployment changes its length by SKILLSMITH_RETENTION.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ingest.contracts import CONTRACTS, Contract
from warehouse import Warehouse, Writer, timescale
from warehouse.errors import UsageError
from warehouse.settings import Settings
from warehouse.statements import quoted, quoted_table

BILLING = "billing/stripe_events"
USUAL_DAYS: dict[str, int | None] = {
    "registry/events": 400,
    "registry/api_requests": 400,
    "registry/audit_logs": None,
    # Seven years, leap days included.
    BILLING: 2557,
}
"""Entities whose rows may go, and after how many days where the settings say nothing (None: never).

Figures of every other entity's past days are made of its rows anew at each build, so its rows stay.
"""


@dataclass(frozen=True, slots=True)
class Expiry:
    """What of one table has passed its time: rows and days before `kept_from`.

    `waits_because` says why nothing of it may go yet; None where it may.
    """

    table: str
    keep_days: int
    kept_from: date
    rows: int
    days: int
    waits_because: str | None = None


@dataclass(frozen=True, slots=True)
class DayFacts:
    """A built table that keeps what it made of the newest days' raw rows, and of no days before.

    table, days_in: the table and the one that lists the days there are, as schema.name. A build needs the facts of
    `window_days` days before its clock's; they can be made again of days that retention of none of the raw tables
    `closed_by` has closed.
    """

    table: str
    days_in: str
    window_days: int
    closed_by: tuple[str, ...]


def kept_from(writer: Writer, contract: Contract) -> date | None:
    """The first day of a table that retention has left open; None where every day is.

    Billing has none: what it keeps goes by customer, not by day.
    """
    if contract.day_column is None:
        return None
    [row] = writer.fetch(
        "select max(kept_from) as line from ops.retention_runs where table_name = ?", [contract.table.name]
    )
    return row["line"]


def require_rows(writer: Writer, as_of: datetime, facts: Iterable[DayFacts]) -> None:
    """Raise UsageError where a build as of then would need rows that are gone, for facts that are not kept of them.

    A build before a line would also lose facts of the days from its clock to the line. What billing has left decides
    every month, so its line keeps nobody from looking back.
    """
    lines = {
        row["table_name"]: row["line"]
        for row in writer.fetch("select table_name, max(kept_from) as line from ops.retention_runs group by table_name")
        if row["table_name"] != CONTRACTS[BILLING].table.name
    }
    if not lines:
        return
    built = {row["name"] for row in writer.fetch(_TABLES)}
    earliest = max(lines.values())
    for one in facts:
        line = max((lines[name] for name in one.closed_by if name in lines), default=None)
        if line is None or not {one.table, one.days_in} <= built:
            continue
        [lost] = writer.fetch(
            f"select max(day) as day from {quoted_table(one.days_in)} "
            f"where day < coalesce((select min(day) from {quoted_table(one.table)} where day < ?), ?)",
            [line, line],
        )
        if lost["day"] is not None:
            earliest = max(earliest, lost["day"] + timedelta(days=one.window_days + 1))
    if as_of.date() < earliest:
        raise UsageError(
            f"as of {as_of:%Y-%m-%d} cannot be built, for it needs days that are gone: raw rows of days before "
            f"{max(lines.values())} have passed their retention; the earliest that can be built is as of {earliest}"
        )


_TABLES = "select table_schema || '.' || table_name as name from information_schema.tables"


def expire(warehouse: Warehouse, *, now: datetime, dry_run: bool = False) -> list[Expiry]:
    """Remove what has passed its time, table by table, each with its record in one transaction; what went, or would go.

    now: the clock, UTC; one ahead of the wall clock is not believed. A run that is killed is simply run again. Raises
    UsageError where the settings name an entity whose rows may not go.
    """
    clock = min(_utc(now), datetime.now(UTC).replace(tzinfo=None))
    found: list[Expiry] = []
    with warehouse.write(None) as writer:
        table = _Tables(warehouse, writer)
        for contract, days in lengths(warehouse.settings):
            with writer.transaction():
                expiry = table.expiry(contract, days, clock.date() - timedelta(days=days))
                if expiry is None:
                    continue
                found.append(expiry)
                if not dry_run and expiry.waits_because is None:
                    table.remove(contract, expiry)
    return found


def lengths(settings: Settings) -> Iterator[tuple[Contract, int]]:
    """Entities that are not kept for ever, each with its days, the settings before what is usual."""
    for name, days in (USUAL_DAYS | settings.keep_days).items():
        if name not in CONTRACTS:
            raise UsageError(f"SKILLSMITH_RETENTION: {name} is no entity; known are {', '.join(CONTRACTS)}")
        if name not in USUAL_DAYS and days is not None:
            raise UsageError(
                f"SKILLSMITH_RETENTION: {name} is kept for ever, since figures of its past days are made of its rows; "
                f"a length may be set for {', '.join(USUAL_DAYS)}"
            )
        if days is not None:
            yield CONTRACTS[name], days


def runs(writer: Writer) -> list[dict[str, Any]]:
    """What retention has removed so far, the newest first."""
    return writer.fetch("select * from ops.retention_runs order by ran_at desc, table_name")


class _Tables:
    """Tables of one warehouse, asked for what has passed its time and rid of it in one writing session."""

    def __init__(self, warehouse: Warehouse, writer: Writer) -> None:
        self._engine = warehouse.engine
        self._writer = writer
        self._hypertables: set[str] = set()
        if self._engine == "postgres" and writer.fetch("select 1 from pg_extension where extname = 'timescaledb'"):
            self._hypertables = {row["name"] for row in writer.fetch(timescale.HYPERTABLES)}

    def expiry(self, contract: Contract, keep_days: int, line: date) -> Expiry | None:
        """What of a table lies before the line; None where nothing does."""
        if contract.table.qualified in self._hypertables:
            chunks = self._writer.fetch(timescale.OLD_CHUNKS, [contract.table.qualified, _midnight(line)])
            if chunks[0]["until"] is None:
                return None
            line = chunks[0]["until"].date()
        where, values = self._before(contract, line)
        [found] = self._writer.fetch(
            f"select count(*) as n, count(distinct {self._day(contract)}) as days, max(loaded_at) as loaded_at "
            f"from {quoted_table(contract.table.qualified)} where {where}",
            values,
        )
        if not found["n"]:
            return None
        waits = None if self._is_built(line, found["loaded_at"]) else "it is not built yet: run `refresh` first"
        return Expiry(contract.table.qualified, keep_days, line, found["n"], found["days"], waits)

    def remove(self, contract: Contract, expiry: Expiry) -> None:
        """Remove what `expiry` found, and write down that it was, and what its days held."""
        table = quoted_table(contract.table.qualified)
        where, values = self._before(contract, expiry.kept_from)
        if contract.day_column and not (self._engine == "postgres" and contract.timeline):
            # A server's raw.days has those that lie along time already.
            self._writer.execute(
                f"insert into ops.expired_days select '{contract.table.name}', {self._day(contract)}, count(*), "
                f"max(loaded_at) from {table} where {where} group by 2 on conflict do nothing",
                values,
            )
        if contract.table.qualified in self._hypertables:
            for rollup in timescale.rollups():
                if rollup.raw_table == contract.table.qualified:
                    for statement in timescale.keep_rollup(rollup, expiry.keep_days):
                        self._writer.fetch(statement)
            self._writer.fetch(timescale.drop_chunks(contract.table, _midnight(expiry.kept_from)))
        else:
            self._writer.execute(f"delete from {table} where {where}", values)
        self._writer.append(
            "ops.retention_runs",
            [
                {
                    "table_name": contract.table.name,
                    "ran_at": datetime.now(UTC).replace(tzinfo=None),
                    "keep_days": expiry.keep_days,
                    "kept_from": expiry.kept_from,
                    "rows_removed": expiry.rows,
                    "days_removed": expiry.days,
                }
            ],
        )

    def _before(self, contract: Contract, line: date) -> tuple[str, Sequence[Any]]:
        """The condition that a row may go."""
        if contract.name != BILLING:
            # Literals, so that a server sees which chunks it need not open.
            return f"{quoted(str(contract.day_column))} < '{line}'", ()
        customer = self._of_object("customer")
        seconds = int(_midnight(line).replace(tzinfo=UTC).timestamp())
        # A customer's events go together.
        return (
            f"created < ? and not ({self._decides_revenue()}) and ({customer} is null or {customer} not in "
            f"(select {customer} from {quoted_table(contract.table.qualified)} where created >= ? "
            f"and {customer} is not null))",
            (seconds, seconds),
        )

    def _decides_revenue(self) -> str:
        """The condition that months' revenue is made of a Stripe event: int_subscription_* or int_coupons reads it."""
        discounts = (f"coalesce({self._of_object(key)}, '[]') <> '[]'" for key in ("discount", "discounts"))
        own = f"coalesce({self._of_object('object')}, '') in ('coupon', 'discount')"
        return " or ".join(("starts_with(type, 'customer.subscription.')", own, *discounts))

    def _of_object(self, key: str) -> str:
        """A key of the object that a Stripe event is about, as SQL of text."""
        if self._engine == "postgres":
            return f"jsonb_extract_path_text(data, 'object', '{key}')"
        return f"json_extract_string(data, '$.object.{key}')"

    def _day(self, contract: Contract) -> str:
        """The UTC day of a row, as SQL."""
        if contract.name == BILLING:
            return "floor(created / 86400.0)"
        column = quoted(str(contract.day_column))
        is_date = any(each.name == contract.day_column and each.type == "date" for each in contract.columns)
        if is_date or self._engine == "duckdb":
            return f"cast({column} as date)"
        return f"cast({column} at time zone 'UTC' as date)"

    def _is_built(self, line: date, loaded_at: datetime) -> bool:
        """Whether a build that came to its end has seen all rows that are to go, and none has looked back since."""
        [row] = self._writer.fetch(
            "select max(case when as_of >= ? and outcome in ('built', 'published', 'refused') then started_at end) "
            "as at, max(case when as_of < ? then started_at end) as looked_back_at from ops.builds",
            [_midnight(line), _midnight(line)],
        )
        return row["at"] is not None and max(loaded_at, row["looked_back_at"] or loaded_at) <= row["at"]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
