"""Who may do what in a PostgreSQL warehouse: owner, importer, builder, reader; each may do its own step and no other.

`init` makes the roles and their rights, and leaves in place what is there. They cannot log in: a deployment makes
its own users and grants them one role each (docs/operations.md). A session takes the role of its step where its
user is a member of it, so that even one user for everything builds without a right on raw rows.

| role | may |
|---|---|
| skillsmith_owner | everything in the warehouse's plain tables; whoever runs `init` is a member of it |
| skillsmith_importer | read and write raw tables, ledger, quarantine and gaps |
| skillsmith_builder | read raw tables; own staging to build, publish, record builds and checks |
| skillsmith_reader | read the views of schema access, and nothing else |

Hypertables and rollups stay with the user who ran `init`: TimescaleDB runs a policy as the owner of its table, who must
be able to log in. An importer therefore leaves the rollups to their policies.
"""

from warehouse import Step
from warehouse.postgres import Connection, run
from warehouse.postgres_access import ACCESS_ROLE, READER_ROLE, join_role, keep_set_config, make_role, prepare_roles
from warehouse.statements import quoted
from warehouse.timescale import HYPERTABLES

OWNER_ROLE, IMPORTER_ROLE, BUILDER_ROLE = "skillsmith_owner", "skillsmith_importer", "skillsmith_builder"
ROLES = (OWNER_ROLE, IMPORTER_ROLE, BUILDER_ROLE, READER_ROLE)
BUILT = ("staging", "intermediate", "marts", "seeds", "build", "metrics", "access")
"""Schemas in which the builder makes tables and views."""


def prepare(connection: Connection) -> None:
    """Make the roles and bring their rights to what they are to be, in one transaction; safe to repeat."""
    with connection.transaction():
        for role in (*ROLES, ACCESS_ROLE):
            make_role(connection, role)
        prepare_roles(connection)
        keep_set_config(connection, OWNER_ROLE)
        name = run(connection, "select current_database() as name").fetchone()
        database = quoted(name["name"] if name else "")
        join_role(connection, ACCESS_ROLE, BUILDER_ROLE)
        # A merge copies into a temporary table, and so do dbt and publishing; a reader may make none.
        run(connection, f"grant temporary on database {database} to {IMPORTER_ROLE}, {BUILDER_ROLE}, {OWNER_ROLE}")
        run(connection, f"grant usage on schema raw to {IMPORTER_ROLE}, {BUILDER_ROLE}")
        run(connection, f"grant usage on schema ops to {IMPORTER_ROLE}, {BUILDER_ROLE}")
        run(connection, f"grant select on ops.schema_version, ops.builds, ops.retention_runs to {IMPORTER_ROLE}")
        run(connection, f"grant select, insert, update on ops.erasures, ops.erasure_steps to {IMPORTER_ROLE}")
        run(connection, f"grant select, insert on ops.pseudonym_key to {IMPORTER_ROLE}")
        run(connection, f"grant select, insert, delete on ops.rollup_ranges to {IMPORTER_ROLE}")
        run(connection, f"grant select, insert, update on ops.import_gaps to {IMPORTER_ROLE}")
        run(connection, f"grant select, insert, update, delete on all tables in schema ops to {BUILDER_ROLE}")
        run(connection, f"grant select, insert, update, delete on all tables in schema raw to {IMPORTER_ROLE}")
        run(connection, f"grant select on all tables in schema raw to {BUILDER_ROLE}")
        for right, schema, role in (
            ("select, insert, update, delete", "raw", IMPORTER_ROLE),
            ("select", "raw", BUILDER_ROLE),
            ("select, insert, update, delete", "ops", BUILDER_ROLE),
        ):
            run(connection, f"alter default privileges in schema {schema} grant {right} on tables to {role}")
        for schema in ("raw", "ops"):
            run(connection, f"alter schema {schema} owner to {OWNER_ROLE}")
        _give(connection, "r", "table", ("raw", "ops"), OWNER_ROLE, but_hypertables=True)
        for schema in BUILT:
            run(connection, f"alter schema {schema} owner to {BUILDER_ROLE}")
        _give(connection, "r", "table", BUILT, BUILDER_ROLE)
        _give(connection, "v", "view", BUILT, BUILDER_ROLE, but=ACCESS_ROLE)
        if run(connection, "select to_regnamespace('rollups') as there").fetchone() != {"there": None}:
            run(connection, f"grant usage on schema rollups to {IMPORTER_ROLE}, {BUILDER_ROLE}")
            run(connection, f"grant select on all tables in schema rollups to {BUILDER_ROLE}")


def take(connection: Connection, step: Step) -> None:
    """Be the role of this step until the session ends, where `init` has made it here and this user may be it."""
    role, schema = (IMPORTER_ROLE, "raw") if step == "import" else (BUILDER_ROLE, "build")
    if may_be(connection, role, schema):
        run(connection, f"set role {role}")


def may_be(connection: Connection, role: str, schema: str) -> bool:
    """Whether a role is there, has its rights in this database, and this user is a member of it."""
    row = run(
        connection,
        "select coalesce(bool_and(pg_has_role(current_user, r.oid, 'member') "
        "and has_schema_privilege(r.oid, n.oid, 'usage')), false) as may "
        "from pg_roles as r cross join pg_namespace as n where r.rolname = %s and n.nspname = %s",
        [role, schema],
    ).fetchone()
    return bool(row and row["may"])


def _give(
    connection: Connection,
    kind: str,
    word: str,
    schemas: tuple[str, ...],
    role: str,
    but: str = "",
    *,
    but_hypertables: bool = False,
) -> None:
    """Make a role the owner of what others own in these schemas."""
    rows = run(
        connection,
        "select format('%%I.%%I', n.nspname, c.relname) as name, n.nspname || '.' || c.relname as plain "
        "from pg_class as c join pg_namespace as n on c.relnamespace = n.oid join pg_roles as o on c.relowner = o.oid "
        "where n.nspname = any(%s) and c.relkind = %s::char and o.rolname not in (%s, %s)",
        [list(schemas), kind, role, but],
    ).fetchall()
    kept: set[str] = set()
    if but_hypertables and run(connection, "select 1 from pg_extension where extname = 'timescaledb'").fetchone():
        kept = {row["name"] for row in run(connection, HYPERTABLES).fetchall()}
    for row in rows:
        if row["plain"] not in kept:
            run(connection, f"alter {word} {row['name']} owner to {role}")
