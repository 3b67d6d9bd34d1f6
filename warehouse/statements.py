"""SQL text that both engines share: quoted names and the merge's two conditions."""

from collections.abc import Iterable, Sequence


def quoted(name: str) -> str:
    """A column or table name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_table(qualified: str) -> str:
    """`schema.table` with both parts quoted; a bare name stays bare."""
    return ".".join(quoted(part) for part in qualified.split("."))


def column_list(names: Iterable[str], alias: str = "") -> str:
    """Names quoted and joined by commas, each behind `alias.` where one is given."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(prefix + quoted(name) for name in names)


def same_key(key: Sequence[str], left: str, right: str) -> str:
    """The condition that rows of aliases `left` and `right` have the same key; NULL equals NULL."""
    return " and ".join(f"{left}.{quoted(name)} is not distinct from {right}.{quoted(name)}" for name in key)


def is_newer(version_by: Sequence[str], left: str, right: str) -> str:
    """The condition that the row of `left` is a later version than that of `right`.

    Columns count in order, NULL is below every value, and no columns means never.
    """
    condition = "false"
    for name in reversed(version_by):
        mine, other = f"{left}.{quoted(name)}", f"{right}.{quoted(name)}"
        greater = f"coalesce({mine} > {other}, {mine} is not null and {other} is null)"
        condition = f"({greater} or ({mine} is not distinct from {other} and {condition}))"
    return condition
