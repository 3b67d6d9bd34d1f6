"""Row access on PostgreSQL: who may see which rows of the published tables, held by the server itself.

Published tables stand in schema `metrics` with row-level security. Role `skillsmith_access` is under those
policies and owns the views of schema `access`, which hide small groups as well; a page's SQL runs as role
`skillsmith_reader`, which may read those views and nothing else. The viewer is set for one transaction.
The rules are those of DuckDB's room: `warehouse.visibility` and `warehouse.small_groups`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from warehouse.access import Role
from warehouse.errors import UsageError
from warehouse.postgres import Connection, RightLackingError, make_schema, run
from warehouse.published import PublishedTable
from warehouse.small_groups import RULES, protected_select
from warehouse.statements import quoted
from warehouse.visibility import roles_of, row_condition

ACCESS_ROLE = "skillsmith_access"
READER_ROLE = "skillsmith_reader"


def stored(table: PublishedTable) -> PublishedTable:
    """The table under the name that it has in schema `metrics`; `ops.x` is `metrics.ops__x`.

    Schemas ops and marts belong to the build, which readers must not see.
    """
    return (
        table if table.schema == "metrics" else replace(table, schema="metrics", name=f"{table.schema}__{table.name}")
    )


def view_name(table: PublishedTable) -> str:
    """The view of schema `access` through which a viewer reads the table."""
    return f"access.{table.schema}__{table.name}"


_SET_CONFIG = "execute on function pg_catalog.set_config(text, text, boolean)"
REVOKE = f"revoke {_SET_CONFIG} from public; grant {_SET_CONFIG} to skillsmith_owner"
"""What takes from readers the means to be another viewer, and leaves it to the owner, who dumps the database."""


def make_role(connection: Connection, role: str) -> None:
    """Create a role that this user is a member of; one that is there already is the other warehouses' of the server.

    Raises UsageError where it is none that nobody can log in as, or where only somebody else may give membership.
    """
    found = run(
        connection,
        "select rolsuper or rolbypassrls or rolcanlogin as is_other from pg_roles where rolname = %s",
        [role],
    ).fetchone()
    if found is None:
        run(connection, f"create role {role} nologin")
    elif found["is_other"]:
        raise UsageError(
            f"role {role} can log in or passes row-level security, so it is not the warehouse's: rename it, or "
            f"alter role {role} nologin nobypassrls nosuperuser"
        )
    # Members of the owner give objects away; that takes membership in who receives them.
    join_role(connection, role, "current_user")


def join_role(connection: Connection, role: str, member: str) -> None:
    """Make a role a member of another where it is none. Raises UsageError where only somebody else may."""
    name = run(connection, "select current_user as name").fetchone() if member == "current_user" else {"name": member}
    who = str(name["name"]) if name else member
    # From PostgreSQL 16 on, who makes a role is its member, and may neither be it nor do what it may.
    kinds = ["set", "usage"] if connection.info.server_version >= 160_000 else ["member"]
    asked = "select bool_and(pg_has_role(%s, %s, kind)) as is_member from unnest(%s::text[]) as kind"
    there = run(connection, asked, [who, role, kinds]).fetchone()
    if there and there["is_member"]:
        return
    try:
        run(connection, f"grant {role} to {quoted(who)}")
    except RightLackingError:
        raise UsageError(
            f"role {role} was made by another user: as that one, or as a superuser, run: grant {role} to {quoted(who)}"
        ) from None


def prepare_roles(connection: Connection) -> None:
    """Create both roles and take from PUBLIC what would let a statement leave its viewer; safe to repeat."""
    for role in (ACCESS_ROLE, READER_ROLE):
        if not run(connection, "select 1 from pg_roles where rolname = %s", [role]).fetchone():
            make_role(connection, role)
    name = run(connection, "select current_database() as name").fetchone()
    database = quoted(name["name"] if name else "")
    # A right on a system function is the superuser's to take; readers refuse to run where it was not taken.
    if is_superuser(connection) and may_set_viewer(connection):
        run(connection, f"revoke {_SET_CONFIG} from public")
    everybody = run(connection, "select has_database_privilege('public', current_database(), 'temporary') as may")
    if everybody.fetchone() != {"may": False}:
        run(connection, f"revoke temporary on database {database} from public")
    make_schema(connection, "metrics")
    make_schema(connection, "access")
    run(connection, f"grant usage on schema metrics to {ACCESS_ROLE}")
    run(connection, f"grant usage, create on schema access to {ACCESS_ROLE}")
    run(connection, f"grant usage on schema access to {READER_ROLE}")


def is_superuser(connection: Connection) -> bool:
    """Whether this session's user is one."""
    row = run(connection, "select rolsuper from pg_roles where rolname = current_user").fetchone()
    return bool(row and row["rolsuper"])


def keep_set_config(connection: Connection, role: str) -> None:
    """Leave to a role what was taken from PUBLIC: whoever dumps a database calls it."""
    if is_superuser(connection):
        run(connection, f"grant {_SET_CONFIG} to {role}")


def may_set_viewer(connection: Connection) -> bool:
    """Whether a statement run as the reader could make itself another viewer."""
    row = run(
        connection,
        "select has_function_privilege(%s, 'pg_catalog.set_config(text, text, boolean)', 'execute') as may",
        [READER_ROLE],
    ).fetchone()
    return row is None or bool(row["may"])


def protect(connection: Connection, table: PublishedTable, columns: Mapping[str, str]) -> None:
    """Row-level security and the access view of one published table; does nothing where both are in force."""
    base, view = stored(table), view_name(table)
    condition = f"{_role_condition(table)} and {_rows(table, columns)}"
    select = protected_select(base, list(columns), condition)
    policy = f"{_role_condition(table)} and {_policy_rows(table, columns)}".replace("m.", "")
    mark = hashlib.sha256(f"{select}\n{policy}".encode()).hexdigest()
    in_force = run(connection, "select obj_description(to_regclass(%s)) as mark", [view]).fetchone()
    if in_force and in_force["mark"] == mark:
        return
    run(connection, f"grant select on {base.qualified} to {ACCESS_ROLE}")
    run(connection, f"alter table {base.qualified} enable row level security")
    run(connection, f"drop policy if exists viewers on {base.qualified}")
    run(connection, f"create policy viewers on {base.qualified} for select to {ACCESS_ROLE} using ({policy})")
    run(connection, f"drop view if exists {view}")
    run(connection, f"create view {view} with (security_barrier) as {select}")
    run(connection, f"comment on view {view} is '{mark}'")
    run(connection, f"alter view {view} owner to {ACCESS_ROLE}")
    run(connection, f"grant select on {view} to {READER_ROLE}")


def show_snapshot(connection: Connection) -> None:
    """Let the reader's role see which snapshot is current and how the last try ended: no figure is in either."""
    for name in ("snapshot", "attempt"):
        row = run(
            connection,
            "select t.relrowsecurity as is_secured, has_table_privilege(r.oid, t.oid, 'select') as may "
            "from pg_class as t cross join pg_roles as r where t.oid = to_regclass(%s) and r.rolname = %s",
            [f"metrics.{name}", READER_ROLE],
        ).fetchone()
        if row is None or row["may"]:
            continue
        run(connection, f"grant usage on schema metrics to {READER_ROLE}")
        run(connection, f"grant select on metrics.{name} to {READER_ROLE}")
        if row["is_secured"]:
            run(connection, f"create policy readers on metrics.{name} for select to {READER_ROLE} using (true)")


def _rows(table: PublishedTable, columns: Mapping[str, str]) -> str:
    return row_condition(table, columns, _has("team_ids"), _has("account_ids"), _IS_OWN)


def _policy_rows(table: PublishedTable, columns: Mapping[str, str]) -> str:
    # Whether an account's figure would give a small team away depends on teams that the viewer does not see.
    if table.scope == "team" and table.name in RULES and "account_id" in columns:
        return f"({_rows(table, columns)} or {_has('account_ids').format(column='m.account_id')})"
    return _rows(table, columns)


def _role_condition(table: PublishedTable) -> str:
    names = ", ".join(f"'{role.value}'" for role in sorted(roles_of(table)) if role is not Role.OPERATOR)
    return f"current_setting('skillsmith.role', true) in ({names})"


# Nobody's key is empty; without one there is no row.
_IS_OWN = "{column} = nullif(current_setting('skillsmith.actor_key', true), '')"


def _has(setting: str) -> str:
    # As a sub-select the list is read once a statement, not once a row.
    return (
        "{column} = any (array(select jsonb_array_elements_text("
        f"nullif(current_setting('skillsmith.{setting}', true), '')::jsonb)))"
    )
