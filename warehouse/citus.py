"""What Citus does for the warehouse: rows on several servers.

A raw table that grows says which column its rows lie by (`TableSpec.placed_by`); every other raw table lies on each
server whole. dbt places its own tables (dbt_project/macros/placement.sql). The rest, ledger, checks and what is
published, stays with the coordinator. Reasons and figures: docs/decisions/0016 and docs/scaling.md.
"""

from warehouse.statements import quoted, quoted_table
from warehouse.tables import TableSpec

HAS_CITUS = "select 1 from pg_extension where extname = 'citus'"

PLACED = (
    "select n.nspname || '.' || c.relname as name from pg_dist_partition as p "
    "join pg_class as c on p.logicalrelid = c.oid join pg_namespace as n on c.relnamespace = n.oid"
)
"""Tables that were given a place."""

BUILD_OPTIONS = " -c citus.enable_local_execution=off"
"""Of dbt's sessions: a transaction that read a table within the coordinator may make no other one after it."""

WORKERS = (
    "select n.nodename || ':' || n.nodeport as worker, count(*) as shards, "
    "coalesce(sum(s.shard_size), 0)::bigint as bytes from citus_shards as s "
    "join pg_dist_node as n on s.nodename = n.nodename and s.nodeport = n.nodeport "
    "where n.shouldhaveshards group by 1 order by 1"
)
"""What each worker holds."""

PREPARE = (
    # What dbt deletes by must lie where it deletes.
    "select create_reference_table('raw.days')",
    # A session's settings stay with the coordinator, and compiling a model's part once a shard took 20 times its work.
    "select run_command_on_all_nodes(format('alter database %I set jit = off', current_database()))",
)
"""Once, before the first raw table is placed."""

NOBODY = "~"
"""How the place of a row begins that has no value to lie by; no pseudonym and no id begins like this."""


def place(table: TableSpec) -> str:
    """The statement that places a table that was just made; it has no row and no unique index yet."""
    name = f"'{quoted_table(table.qualified)}'"
    if table.placed_by:
        return f"select create_distributed_table({name}, '{table.placed_by}')"
    return f"select create_reference_table({name})"


def key_of(table: TableSpec) -> tuple[str, ...]:
    """The columns of a table's unique index: Citus wants the place in it, last, so that the key finds its row."""
    if table.placed_by is None or table.placed_by in table.key:
        return table.key
    return (*table.key, table.placed_by)


def landing_columns(table: TableSpec) -> str:
    """The select list that brings staged rows to the table, in DuckDB's SQL.

    No row may be without a place. One that names nobody lies by its own key: all of them by one value would be one
    server's.
    """
    missing = " || ".join([f"'{NOBODY}'", *(quoted(name) for name in table.key)])
    return ", ".join(
        f"coalesce({quoted(name)}, {missing}) as {quoted(name)}" if name == table.placed_by else quoted(name)
        for name in table.column_names
    )
