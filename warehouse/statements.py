"""SQL text that both engines share: quoted names and the merge's two conditions."""

import re
from collections.abc import Iterable, Mapping, Sequence


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


def is_newer(version_by: Sequence[str], left: str, right: str, collated: Mapping[str, str] | None = None) -> str:
    """The condition that the row of `left` is a later version than that of `right`.

    Columns count in order, NULL is below every value, and no columns means never. collated: the collation by which a
    column is compared, where the engine would ask its locale.
    """
    condition = "false"
    for name in reversed(version_by):
        mine, other = f"{left}.{quoted(name)}", f"{right}.{quoted(name)}"
        by = f' collate "{collated[name]}"' if collated and name in collated else ""
        greater = f"coalesce({mine} > {other}{by}, {mine} is not null and {other} is null)"
        condition = f"({greater} or ({mine} is not distinct from {other} and {condition}))"
    return condition


_LITERAL_OR_MARK = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|[?%]")


def question_marks(statement: str) -> str:
    """A statement with `?` placeholders as psycopg reads it: `%s`, and `%%` for a percent sign."""

    def replaced(found: re.Match[str]) -> str:
        text = found.group()
        return "%s" if text == "?" else text.replace("%", "%%")

    return _LITERAL_OR_MARK.sub(replaced, statement)


_LITERAL_OR_PARAMETER = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|\$([a-z_][a-z0-9_]*)\b(?!\$)|%", re.I)


def named_parameters(statement: str) -> tuple[str, frozenset[str]]:
    """A statement with `$name` parameters as psycopg reads it (`%(name)s`), and the names in it."""
    names: set[str] = set()

    def replaced(found: re.Match[str]) -> str:
        name = found.group(1)
        if name is None:
            return found.group().replace("%", "%%")
        names.add(name)
        return f"%({name})s"

    return _LITERAL_OR_PARAMETER.sub(replaced, statement), frozenset(names)


def renamed_tables(statement: str, places: Mapping[str, str]) -> str:
    """A statement with each `schema.table` of `places` led to its place; text in quotes stays."""
    if not places:
        return statement
    names = "|".join(re.escape(name) for name in sorted(places, key=len, reverse=True))
    pattern = re.compile(rf"'(?:[^']|'')*'|--[^\n]*|(?<![\w.\"])({names})(?![\w\"])", re.I)
    return pattern.sub(lambda found: places[found.group(1).lower()] if found.group(1) else found.group(), statement)
