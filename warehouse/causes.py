"""What has happened since the last publication that can change a number that was final: the causes of restatements.

Of a table is known which raw tables stand behind it (`intermediate.int_table_lineage`), of those what landed and what
an erasure took. Which of several things changed one number is not known, so the rule is an order, the narrowest first
(`Causes.sql`, told in docs/operations.md). Add a cause as a field of `Causes` and a line there.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from warehouse import Writer
from warehouse.access import Snapshot
from warehouse.published import PUBLISHED, PublishedTable, is_date
from warehouse.statements import quoted, quoted_table

PROVISIONAL_DAYS = 3
"""Of usage the last complete days, whose late events are expected."""

_LINEAGE = "intermediate.int_table_lineage"
_BILLING = "raw.billing_stripe_events"
_REFERENCE = "raw.reference_"
_REFUNDS = "type in ('charge.refunded', 'charge.refund.updated') or type like 'refund.%' or type like 'credit_note.%'"


@dataclass(frozen=True, slots=True)
class RawDay:
    """Where a raw table has the day of a row: a time or date, or Unix seconds."""

    column: str
    is_seconds: bool = False

    @property
    def sql(self) -> str:
        """The day (UTC) as an expression."""
        if self.is_seconds:
            return f"date '1970-01-01' + cast(floor({quoted(self.column)} / 86400.0) as integer)"
        return f"cast({quoted(self.column)} as date)"


@dataclass(frozen=True, slots=True)
class Causes:
    """What may have changed the numbers of one table since it was published last.

    backfilled_from: the first day of what was delivered of days long over. refunded: accounts with a refund or credit,
    everybody's (None in the set) where one does not say whose it is.
    """

    has_erasure: bool = False
    has_reference: bool = False
    backfilled_from: date | None = None
    refunded: frozenset[str | None] = field(default_factory=frozenset)

    def sql(self, table: PublishedTable, columns: Mapping[str, str], versions: bool) -> str:
        """The cause of a change as an expression over the old row `o` and the new row `n`.

        columns: those of the old row with their types. versions: whether both have a definition_version.
        """
        whens = []
        if versions:
            whens.append(("o.definition_version is distinct from n.definition_version", "definition version"))
        if self.refunded and table.scope == "money":
            whens.append((self._is_refunded(columns), "refund"))
        if self.has_erasure:
            whens.append(("true", "erasure"))
        if self.backfilled_from:
            whens.append((_ends_at_or_after(table, columns, self.backfilled_from), "backfill"))
        if self.has_reference:
            whens.append(("true", "definition version"))
        cases = " ".join(f"when {condition} then '{cause}'" for condition, cause in whens)
        return f"case {cases} else 'late data' end" if cases else "'late data'"

    def _is_refunded(self, columns: Mapping[str, str]) -> str:
        accounts = sorted(account for account in self.refunded if account is not None)
        if None in self.refunded or "account_id" not in columns:
            return "true"
        listed = ", ".join("'" + account.replace("'", "''") + "'" for account in accounts)
        return f"o.account_id in ({listed})"


def settled_until(snapshot: Snapshot) -> date | None:
    """The last day of usage that a snapshot had and did not call provisional; None where it had no data."""
    if snapshot.data_until is None:
        return None
    return min(snapshot.data_until, snapshot.as_of.date() - timedelta(days=1 + PROVISIONAL_DAYS))


def known_causes(writer: Writer, before: Snapshot, days: Mapping[str, RawDay]) -> dict[str, Causes]:
    """Causes by the name of each published table, of what has happened since the build behind a snapshot began.

    days: where each raw table, by `schema.table`, has the day of its rows. Empty where no lineage is built.
    """
    there = writer.fetch(
        "select 1 as n from information_schema.tables where table_schema || '.' || table_name = ?", [_LINEAGE]
    )
    if not there:
        return {}
    # Not the ledger and the count of days, which are in the same schema.
    landed = writer.fetch(
        "select table_name from information_schema.columns where table_schema = 'raw' and column_name = 'loaded_at'"
    )
    entities = {f"raw.{row['table_name']}" for row in landed}
    behind: dict[str, set[str]] = {}
    for row in writer.fetch(f"select table_name, upstream from {_LINEAGE}"):
        if row["upstream"] in entities:
            behind.setdefault(row["table_name"], set()).add(row["upstream"])
    since = _since(writer, before)
    of_raw = {raw: _of_raw(writer, raw, since, before, days.get(raw)) for raw in set().union(*behind.values())}
    return {table.name: _together(of_raw[raw] for raw in behind.get(table.name, ())) for table in PUBLISHED}


def _since(writer: Writer, before: Snapshot) -> datetime:
    """When the build behind a snapshot began: what landed later is not in it."""
    published_at = before.published_at.replace(tzinfo=None)
    [row] = writer.fetch("select max(started_at) as at from ops.builds where started_at <= ?", [published_at])
    return (row["at"] or published_at).replace(tzinfo=None)


def _of_raw(writer: Writer, raw: str, since: datetime, before: Snapshot, day: RawDay | None) -> Causes:
    """What happened to one raw table."""
    # A removal counts from its first row on, also where the erasure was killed before its end.
    erased = writer.fetch(
        "select 1 as n from ops.erasure_steps where place = ? and done_at > ? and row_count > 0 limit 1", [raw, since]
    )
    has_landed, span = _landed(writer, raw, since)
    causes = Causes(has_erasure=bool(erased), has_reference=has_landed and raw.startswith(_REFERENCE))
    if raw == _BILLING and has_landed:
        causes = replace(causes, refunded=_refunded(writer, since))
    settled = settled_until(before)
    if has_landed and day and settled:
        causes = replace(causes, backfilled_from=_backfilled_from(writer, raw, day, since, settled, span))
    return causes


def _landed(writer: Writer, raw: str, since: datetime) -> tuple[bool, tuple[date, date] | None]:
    """Whether anything landed since then, and between which days where a server counts the rows of days."""
    [counted] = writer.fetch(
        "select count(*) as days, min(case when last_loaded_at > ? then day end) as first, "
        "max(case when last_loaded_at > ? then day end) as last from raw.days where table_name = ?",
        [since, since, raw.removeprefix("raw.")],
    )
    if counted["days"]:
        return counted["first"] is not None, (counted["first"], counted["last"])
    landed = writer.fetch(f"select 1 as n from {quoted_table(raw)} where loaded_at > ? limit 1", [since])
    return bool(landed), None


def _backfilled_from(
    writer: Writer, raw: str, day: RawDay, since: datetime, settled: date, span: tuple[date, date] | None
) -> date | None:
    """The first day of the loads since then of which more rows are of days up to `settled` than of later ones."""
    touched = ""
    if span:
        # Chunks of days that nothing came to are not even opened.
        column = quoted(day.column)
        touched = f"and {column} >= date '{span[0]}' and {column} < date '{span[1] + timedelta(days=1)}'"
    [found] = writer.fetch(
        f"select min(first_day) as day from (select min({day.sql}) as first_day, count(*) as landed, "
        f"sum(case when {day.sql} <= date '{settled}' then 1 else 0 end) as old "
        f"from {quoted_table(raw)} where loaded_at > ? {touched} group by load_id) as loads where 2 * old > landed",
        [since],
    )
    return found["day"]


def _refunded(writer: Writer, since: datetime) -> frozenset[str | None]:
    rows = writer.fetch(
        f"select cast(data as text) as data from {_BILLING} where loaded_at > ? and ({_REFUNDS})", [since]
    )
    return frozenset(_account_of(row["data"]) for row in rows)


def _account_of(text: str | None) -> str | None:
    """Whose a refund is; None where its event does not say so in a way that can be read."""
    told: Any = json.loads(text or "null")
    for key in ("object", "metadata", "account_id"):
        told = told.get(key) if isinstance(told, dict) else None
    return told if isinstance(told, str) else None


def _together(causes: Iterable[Causes]) -> Causes:
    """What happened to all the tables behind one."""
    known = list(causes)
    return Causes(
        has_erasure=any(each.has_erasure for each in known),
        has_reference=any(each.has_reference for each in known),
        backfilled_from=min((each.backfilled_from for each in known if each.backfilled_from), default=None),
        refunded=frozenset().union(*(each.refunded for each in known)),
    )


def _ends_at_or_after(table: PublishedTable, columns: Mapping[str, str], day: date) -> str:
    """Whether the row's period reaches a day or lies behind it; true where later days bear on it, or it has none."""
    if dated := table.dated_by(columns):
        return f"o.{dated} >= date '{day}'"
    for name, months in (("month", 1), ("quarter", 3)):
        if name in table.key and is_date(columns, name):
            return f"cast(o.{name} + interval '{months} month' as date) > date '{day}'"
    return "true"
