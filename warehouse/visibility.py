"""Who may name which published table, and which of its rows are theirs. The same rules on both engines.

Scopes are explained in `warehouse.published`. A table is refused unless a rule here allows it. Person-level
tables are the operator's, and everybody else's as far as their own rows go.
"""

from collections.abc import Collection, Sequence

from warehouse.access import Role, Viewer
from warehouse.errors import AccessError
from warehouse.published import PEOPLE, PUBLISHED, PublishedTable

SNAPSHOT = PublishedTable("snapshot", ("snapshot_id",), "trust")
RESTATEMENTS = PublishedTable("restatements", ("table_name", "row_key", "column_name", "detected_at"), "operations")

_ROLES: dict[str, frozenset[Role]] = {
    "team": frozenset(Role),
    "account": frozenset(Role),
    "skill": frozenset(Role),
    "company": frozenset(Role),
    "trust": frozenset(Role),
    "reference": frozenset(Role),
    "money": frozenset({Role.OPERATOR, Role.EXECUTIVE}),
    "service": frozenset({Role.OPERATOR, Role.EXECUTIVE, Role.DATA_ENGINEER}),
    "operations": frozenset({Role.OPERATOR, Role.DATA_ENGINEER}),
    "person": frozenset(Role),
}


def roles_of(table: PublishedTable) -> frozenset[Role]:
    """The roles that may name a table."""
    return _ROLES[table.scope]


def readable_tables(viewer: Viewer) -> tuple[PublishedTable, ...]:
    """Every table this viewer may name."""
    tables = tuple(table for table in (*PUBLISHED, SNAPSHOT, RESTATEMENTS) if viewer.role in _ROLES[table.scope])
    return tables + PEOPLE if viewer.role is Role.OPERATOR or viewer.actor_key else tables


def require_tables(viewer: Viewer, names: Sequence[str]) -> tuple[PublishedTable, ...]:
    """The tables of these `schema.table` names; raises AccessError at the first this viewer may not read.

    The answer is the same for a table that is not there and one that is not theirs.
    """
    allowed = {table.qualified: table for table in readable_tables(viewer)}
    for name in names:
        if name not in allowed:
            raise AccessError(f"no table {name} for {viewer.role.value}; readable are {', '.join(sorted(allowed))}")
    return tuple(allowed[name] for name in dict.fromkeys(names))


def row_condition(table: PublishedTable, columns: Collection[str], in_teams: str, in_accounts: str, is_own: str) -> str:
    """The SQL condition of a viewer's rows of alias `m`.

    in_teams, in_accounts, is_own: condition templates of the engine with `{column}`, true where the viewer has that id,
    or is that actor. A table of a scope whose deciding column is missing shows nothing.
    """
    if table.scope == "person":
        return is_own.format(column="m.actor_key") if "actor_key" in columns else "false"
    team = in_teams.format(column="m.team_id")
    account = in_accounts.format(column="m.account_id")
    if table.scope == "team":
        if table.name == "excluded_events":
            # What the rules leave out of all teams together says nothing of any.
            return f"(m.team_id = '*' or {team})"
        return team if "team_id" in columns else "false"
    if table.scope == "account":
        return account if "account_id" in columns else "false"
    if table.scope == "skill":
        # Names too can be a customer's own: of a private skill, or of one that the registry does not know.
        used = f"select u.skill_name from metrics.team_skill_usage as u where {in_teams.format(column='u.team_id')}"
        return f"m.skill_name in ({used})" if "skill_name" in columns else "false"
    if table.scope == "service" and "account_id" in columns:
        return f"(m.account_id = '*' or {account})"
    if table == RESTATEMENTS:
        # Old and new values of team, account and money figures would undo what hides them elsewhere.
        names = ", ".join(f"'{other.qualified}'" for other in PUBLISHED if other.scope == "service")
        return f"m.table_name in ({names})"
    return "true"
