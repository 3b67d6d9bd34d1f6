"""Publishing on PostgreSQL: the difference between `build` and `metrics`, in one transaction.

Readers are never blocked and never see a mix, because rows are deleted, inserted and updated in place;
TRUNCATE, renamed tables or swapped schemas would do one or the other. DDL happens only where a table is new or
has gained a column. `metrics.snapshot` is written last.
"""

import json
from dataclasses import astuple

from warehouse import Writer
from warehouse.access import Attempt, Snapshot
from warehouse.causes import Causes
from warehouse.errors import SkillsmithError
from warehouse.postgres import Connection, PostgresWriter, columns_of, known_errors, make_schema, run
from warehouse.postgres_access import prepare_roles, protect, show_snapshot, stored
from warehouse.publish import Publication
from warehouse.published import PEOPLE, PUBLISHED, PublishedTable
from warehouse.restatements import COLUMNS, KEPT, as_rows, restated_values
from warehouse.settings import Settings
from warehouse.small_groups import MINIMUM_SEATS
from warehouse.statements import column_list, quoted
from warehouse.tables import POSTGRES_TYPES
from warehouse.visibility import RESTATEMENTS, SNAPSHOT

_SNAPSHOT_TYPES = {
    "snapshot_id": "text",
    "published_at": "timestamptz",
    "as_of": "timestamptz",
    "data_until": "date",
    "engine": "text",
    "checks_passed": "bigint",
    "checks_warned": "bigint",
}
# What hides a figure is asked of other rows, by every query of a page: all rows of an account's teams, and the windows
# of a team or account that are too small. Without these a server reads everybody's, or a team's year for each row.
_ASKED_TO_HIDE = {
    "team_skill_usage": {"of_account": "(account_id, period_end)"},
    "team_activity": {
        "of_account": "(account_id, period_end)",
        "too_small": f"(team_id, period_end) where seats < {MINIMUM_SEATS}",
    },
    "account_activity": {"too_small": f"(account_id, period_end) where seats < {MINIMUM_SEATS}"},
}


def current_snapshot(connection: Connection) -> Snapshot | None:
    """The row of `metrics.snapshot`, or None before the first."""
    if not columns_of(connection, "metrics.snapshot"):
        return None
    row = run(connection, f"select {column_list(_SNAPSHOT_TYPES)} from metrics.snapshot").fetchone()
    return Snapshot(**row) if row else None


class PostgresPublisher:
    """Publishes into schema `metrics`; see `warehouse.publish.Publisher`."""

    def __init__(self, settings: Settings, writer: Writer) -> None:
        if not isinstance(writer, PostgresWriter):
            raise TypeError("a PostgreSQL snapshot is published from a PostgreSQL writer")
        self._settings = settings
        self._writer = writer
        self._connection = writer.connection

    def current(self) -> Snapshot | None:
        """The snapshot readers see now."""
        with known_errors():
            return current_snapshot(self._connection)

    def record(self, attempt: Attempt) -> None:
        """Show readers how the last try ended."""
        with self._writer.transaction():
            make_schema(self._connection, "metrics")
            run(
                self._connection,
                "create table if not exists metrics.attempt (at timestamptz, outcome text, failed jsonb)",
            )
            show_snapshot(self._connection)
            run(self._connection, "delete from metrics.attempt")
            run(
                self._connection,
                "insert into metrics.attempt values (%s, %s, %s)",
                [attempt.at, attempt.outcome, json.dumps(attempt.failed)],
            )

    def switch(self, publication: Publication) -> None:
        """Write every table's difference and the snapshot row, all of it or nothing."""
        with self._writer.transaction():
            prepare_roles(self._connection)
            before = current_snapshot(self._connection)
            kinds = {name: POSTGRES_TYPES[kind] for name, kind in COLUMNS.items()}  # pyright: ignore[reportArgumentType]
            self._own(RESTATEMENTS, kinds)
            self._own(SNAPSHOT, _SNAPSHOT_TYPES)
            for table in PUBLISHED + PEOPLE:
                columns = columns_of(self._connection, table.source)
                # A column that is new has no number that could have changed.
                published = columns_of(self._connection, stored(table).qualified)
                self._own(table, columns)
                built = self._near(table.source)
                touched = self._touched(table, built, columns)
                if before is not None:
                    self._restate(table, built, columns, published, before, publication, touched)
                self._difference(table, built, columns, touched)
                if built != table.source:
                    run(self._connection, f"drop table {built}")
            for table in (RESTATEMENTS, SNAPSHOT, *PUBLISHED, *PEOPLE):
                protect(self._connection, table, columns_of(self._connection, stored(table).qualified))
            show_snapshot(self._connection)
            run(
                self._connection,
                "delete from metrics.restatements where detected_at < "
                f"(select detected_at from metrics.restatements order by detected_at desc offset {KEPT} limit 1)",
            )
            run(self._connection, "delete from metrics.snapshot")
            run(
                self._connection,
                "insert into metrics.snapshot values (%s, %s, %s, %s, %s, %s, %s)",
                list(astuple(publication.snapshot)),
            )

    def _own(self, table: PublishedTable, columns: dict[str, str]) -> None:
        """Create the published table or add what it lacks; a column that left the build stays, empty from now on.

        So does a bigint of which the build has made an integer: it holds all that comes, and views stand on it.
        """
        base = stored(table)
        there = columns_of(self._connection, base.qualified)
        for name, kind in columns.items():
            if there.get(name, kind) not in (kind, "bigint" if kind == "integer" else kind):
                raise SkillsmithError(
                    f"{base.qualified}.{name} is {there[name]} and the build's is {kind}; "
                    "migrate the column by hand, then publish again"
                )
        if not there:
            body = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
            run(self._connection, f"create table {base.qualified} ({body})")
            run(self._connection, "delete from ops.published_slices where table_name = %s", [table.name])
            run(
                self._connection,
                f"create unique index on {base.qualified} ({column_list(table.key)})",
            )
            self._index(table)
        for name, kind in columns.items():
            if there and name not in there:
                run(self._connection, f"alter table {base.qualified} add column {quoted(name)} {kind}")
        for name, columns_and_rows in _ASKED_TO_HIDE.get(table.name, {}).items():
            index = quoted(f"{base.name}_{name}")
            run(self._connection, f"create index if not exists {index} on {base.qualified} {columns_and_rows}")

    def _index(self, table: PublishedTable) -> None:
        """What a page asks for and the key does not find: a team's rows of a period, and a person's own."""
        target = stored(table).qualified
        if table.key[0] == "team_id" and "period_end" in table.key[2:]:
            run(self._connection, f"create index on {target} (team_id, period_end)")
        if table.scope == "person" and table.key[0] != "actor_key":
            run(self._connection, f"create index on {target} (actor_key)")

    def _near(self, source: str) -> str:
        """A built table beside the published one: a copy on Citus, whose coordinator holds only the latter."""
        if not self._writer.is_citus:
            return source
        run(self._connection, f"create temp table _built on commit drop as select * from {source}")
        run(self._connection, "analyze _built")
        return "_built"

    def _touched(self, table: PublishedTable, built: str, columns: dict[str, str]) -> str:
        """The condition that a row is of a day that was made since the last publication; `true` where nobody knows.

        What a day held when it was published is kept beside it. A day that nothing has made since is as it was, so a
        table of years is compared by its new days alone.
        """
        day = table.dated_by(columns)
        if day is None or "computed_at" not in columns:
            return "true"
        run(self._connection, "drop table if exists _slices, _touched")
        run(
            self._connection,
            f"create temp table _slices on commit drop as select {day} as slice, min(computed_at) as first_made_at, "
            f"max(computed_at) as last_made_at, count(*) as row_count from {built} group by {day}",
        )
        run(
            self._connection,
            "create temp table _touched on commit drop as select coalesce(b.slice, p.slice) as slice "
            "from _slices as b full join (select * from ops.published_slices where table_name = %s) as p "
            "on b.slice = p.slice where (b.first_made_at, b.last_made_at, b.row_count) "
            "is distinct from (p.first_made_at, p.last_made_at, p.row_count)",
            [table.name],
        )
        run(self._connection, "analyze _touched")
        run(
            self._connection,
            "delete from ops.published_slices where table_name = %s and slice in (select slice from _touched)",
            [table.name],
        )
        run(
            self._connection,
            "insert into ops.published_slices select %s, s.* from _slices as s "
            "where s.slice in (select slice from _touched)",
            [table.name],
        )
        return f"{day} in (select slice from _touched)"

    def _difference(self, table: PublishedTable, built: str, columns: dict[str, str], touched: str) -> None:
        target, names = stored(table).qualified, column_list(columns)
        on = " and ".join(f"b.{quoted(name)} = m.{quoted(name)}" for name in table.key)
        run(
            self._connection,
            f"delete from {target} as m where {touched} "
            f"and not exists (select 1 from (select * from {built} where {touched}) as b where {on})",
        )
        values = [name for name in columns if name not in table.key]
        # The operations tables are logs without a unique index; a metrics model's key is tested, and must fail here.
        once = f"distinct on ({column_list(table.key)})" if table.scope == "operations" else ""
        # A row that was computed again to the same values is the same row.
        compared = [name for name in values if name != "computed_at"]
        action = "do nothing"
        if compared:
            changes = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in values)
            action = (
                f"do update set {changes} where ({column_list(compared, 'm')}) "
                f"is distinct from ({column_list(compared, 'excluded')})"
            )
        run(
            self._connection,
            f"insert into {target} as m ({names}) select {once} {names} from {built} where {touched} "
            f"on conflict ({column_list(table.key)}) {action}",
        )

    def _restate(
        self,
        table: PublishedTable,
        built: str,
        columns: dict[str, str],
        published: dict[str, str],
        before: Snapshot,
        publication: Publication,
        touched: str,
    ) -> None:
        base = stored(table).qualified
        old, new = (f"(select * from {name} where {touched})" for name in (base, built))
        causes = publication.causes.get(table.name, Causes())
        restated = restated_values(table, (old, published), (new, columns), before, causes)
        if restated is None or table in PEOPLE:
            return
        joined, values = restated
        run(self._connection, f"create temp table _restated on commit drop as {joined}")
        rows = as_rows("_restated", table, values, "%(detected_at)s::timestamptz", "%(run_id)s")
        self._connection.execute(
            f"insert into metrics.restatements ({column_list(COLUMNS)}) {rows}".encode(),
            {"detected_at": publication.snapshot.published_at, "run_id": publication.build_id},
        )
        run(self._connection, "drop table _restated")
