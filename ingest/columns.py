"""A contract's columns in the engine's SQL: the type of a delivered text, and what is wrong with it.

`ingest.reading` puts these together into the one statement by which all formats are read.
"""

import hashlib
import json
from itertools import pairwise

from ingest.contracts import Column, Contract
from warehouse.statements import quoted

_TIME = (
    r"\d{4}-\d{2}-\d{2}(?:[T ](?:[01]\d|2[0-3]):\d{2}(?::\d{2}(?:[.]\d{1,9})?)?"
    r"(?: ?(?:Z|z|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?))?)?"
)
# The way in which nearly every time is written; the other takes twice as long to tell what it is.
_USUAL_TIME = r"\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:[.]\d{1,9})?Z"
_WHOLE = r"-?\d{1,19}(?:[.]0+)?"
_NUMBER = r"-?\d+(?:[.]\d+)?(?:[eE][+-]?\d+)?"
_KINDS = {
    "timestamp": "an ISO 8601 time",
    "date": "a date",
    "bigint": "a whole number",
    "double": "a number",
    "boolean": "true or false",
    "json": "a JSON object or array",
    "text": "a text",
}

ARCHIVE_LINE = (
    '{"id":"VARCHAR","type":"VARCHAR","created_at":"VARCHAR","actor":"JSON","payload":"JSON",'
    '"repo":{"id":"VARCHAR","name":"VARCHAR"},"repository":{"id":"VARCHAR","name":"VARCHAR","owner":"VARCHAR"}}'
)
_ARCHIVE_PAYLOAD = (
    '{"action":"VARCHAR","ref":"VARCHAR","ref_type":"VARCHAR","size":"BIGINT","distinct_size":"BIGINT",'
    '"number":"BIGINT","push_id":"BIGINT","pusher_type":"VARCHAR",'
    '"release":{"id":"BIGINT","tag_name":"VARCHAR","draft":"BOOLEAN","prerelease":"BOOLEAN"},'
    '"issue":{"number":"BIGINT","state":"VARCHAR","created_at":"VARCHAR","closed_at":"VARCHAR"},'
    '"pull_request":{"number":"BIGINT","state":"VARCHAR","merged":"BOOLEAN","created_at":"VARCHAR",'
    '"merged_at":"VARCHAR","closed_at":"VARCHAR","commits":"BIGINT","additions":"BIGINT","deletions":"BIGINT"}}'
)
_ACTOR = (
    "case when starts_with(r.actor, '\"') then json_extract_string(r.actor, '$') "
    "else coalesce(json_extract_string(r.actor, '$.login'), json_extract_string(r.actor, '$.id')) end"
)
ARCHIVE = {
    "id": "r.id",
    "type": "r.type",
    "created_at": "r.created_at",
    "actor_key": _ACTOR,
    "is_bot": f"case when {_ACTOR} is not null then ends_with({_ACTOR}, '[bot]')::varchar end",
    "repository_id": "coalesce(r.repo.id, r.repository.id)",
    "repository_name": "coalesce(r.repo.name, case when r.repository.owner is not null "
    "then r.repository.owner || '/' || r.repository.name else r.repository.name end)",
    # A patch into an empty object leaves out what is NULL.
    "payload": "case when r.payload is not null then json_merge_patch('{}', json_merge_patch("
    f"to_json(json_transform(r.payload, '{_ARCHIVE_PAYLOAD}')), json_object('commits', "
    "coalesce(json_array_length(r.payload, '$.commits'), json_array_length(r.payload, '$.shas'))))) end",
}


def typed_value(column: Column, raw: str) -> str:
    """The SQL value of a column from its delivered text; NULL where it is not of its type."""
    if column.is_person:
        # `clean` makes the pseudonym, once for each person and not for each row; nobody has a blank name.
        return f"nullif({raw}, '')"
    if column.type == "timestamp":
        # A cast to TIMESTAMP drops the offset without a word; TIMESTAMPTZ converts, and is slower.
        zoned = f"make_timestamp(epoch_us(try_cast({raw} as timestamptz)))"
        plain = f"case when right({raw}, 1) in ('Z', 'z') or length({raw}) <= 19 or {raw}[-6] not in ('+', '-') and "
        plain += f"{raw}[-5] not in ('+', '-') and {raw}[-3] not in ('+', '-') then try_cast({raw} as timestamp)"
        # The engine reads only a capital Z.
        small = f"when right({raw}, 1) = 'z' then try_cast(upper({raw}) as timestamp)"
        plain = plain.replace("case when", f"case {small} when", 1)
        return (
            f"case when regexp_full_match({raw}, {literal(_USUAL_TIME)}) then try_cast({raw} as timestamp) "
            f"when regexp_full_match({raw}, {literal(_TIME)}) then {plain} else {zoned} end end"
        )
    if column.type == "date":
        return (
            rf"case when regexp_full_match({raw}, '\d{{4}}-\d{{2}}') then try_cast({raw} || '-01' as date) "
            rf"when regexp_full_match({raw}, '\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]00:00(?::00(?:[.]0+)?)?Z?)?') "
            f"then try_cast(left({raw}, 10) as date) end"
        )
    if column.type == "bigint":
        return f"case when regexp_full_match({raw}, '{_WHOLE}') then try_cast(split_part({raw}, '.', 1) as bigint) end"
    if column.type == "double":
        return f"case when regexp_full_match({raw}, '{_NUMBER}') then try_cast({raw} as double) end"
    if column.type == "boolean":
        yes, no = f"lower({raw}) in ('true', '1')", f"lower({raw}) in ('false', '0')"
        return f"case when {yes} then true when {no} then false end"
    if column.type == "json":
        # A CASE that mixes JSON and text reads the text as JSON, and what is JSON already would be read once more.
        text = f"{raw}::varchar"
        unwrapped = f"case when starts_with({text}, '\"') then try(json_extract_string({raw}, '$')) else {text} end"
        return (
            f"case when left({text}, 1) in ('{{', '[') then {raw} "
            f"when starts_with({text}, '\"') and json_valid({unwrapped}) and left({unwrapped}, 1) in ('{{', '[') "
            f"then ({unwrapped})::json end"
        )
    return f"nfc_normalize({raw})" if not column.allowed else raw


def faults_of(column: Column, raw: str, is_required: bool) -> list[tuple[str, str]]:
    """What can be wrong with a column's value: SQL conditions on the delivered text and the typed column, each with the
    reason that the quarantine gives.
    """
    name = quoted(column.name)
    said = column.delivered_as[0]
    reasons = []
    if is_required:
        blank = f" or {raw} = ''" if column.type == "text" else ""
        reasons.append((f"{raw} is null{blank}", missing(column)))
    if column.type != "text":
        reasons.append((f"{raw} is not null and {name} is null", f"{said} is not {_KINDS[column.type]}"))
    if column.allowed:
        allowed = ", ".join(literal(value) for value in column.allowed)
        reason = "unknown event_type" if said == "event_type" else f"{said} is not one of the known values"
        # Not IN: of a long list the engine makes a join, and rows come out of a join in any order.
        reasons.append((f"not list_contains([{allowed}], {name})", reason))
    if column.minimum is not None:
        reasons.append((f"{name} < {column.minimum:g}", f"{said} is below {column.minimum:g}"))
    if column.maximum is not None:
        reasons.append((f"{name} > {column.maximum:.0f}", f"{said} is above {column.maximum:.0f}"))
    if column.above is not None:
        reasons.append((f"{name} <= {column.above:g}", f"{said} is not above {column.above:g}"))
    if column.is_past:
        latest = "epoch($latest::timestamp)" if column.type == "bigint" else "$latest::timestamp"
        reasons.append((f"{name} > {latest}", f"{said} lies in the future"))
    return reasons


def faults_across(contract: Contract) -> list[tuple[str, str]]:
    """What can be wrong between the typed columns of one row, as `faults_of` gives it of one column."""
    return [
        (f"{quoted(lower)} > {quoted(upper)}", f"{lower} is above {upper}")
        for lower, upper in pairwise(contract.rising)
    ]


NOT_A_NUMBER = r"(?:[:,\[]\s*|\n)-?(?i:nan|inf)"
"""Stands where JSON, or one text a line, holds NaN or an infinity: the engine reads them, and JSON has none of them."""


# First letters of such a text, and some between them: fewer comparisons, which are all that most texts are asked.
_BEGINS = (("-", "."), ("I", "O"), ("[", "\\"), ("i", "o"), ("{", "|"))


def is_not_a_number_sql(text: str) -> str:
    """DuckDB's question whether a text is what the engine makes of NaN or an infinity, or JSON that may hold one."""
    begins = " or ".join(f"{text} between {literal(first)} and {literal(last)}" for first, last in _BEGINS)
    # Only a CASE does not look any further, both sides of an AND are worked out.
    return (
        f"case when {begins} then "
        f"case when starts_with({text}, '{{') or starts_with({text}, '[') "
        f"then coalesce(regexp_matches({text}, {literal(NOT_A_NUMBER)}), false) when strlen({text}) > 9 then false "
        f"else coalesce(regexp_full_match({text}, '(?i)-?(?:nan|inf(?:inity)?)'), false) end else false end"
    )


def holds_not_a_number_sql(json_texts: list[str]) -> str:
    """DuckDB's question whether one of some JSON texts holds NaN or an infinity, outside of its strings."""
    strings = literal(r'"(?:[^"\\]|\\.)*"')
    each = (f"regexp_matches(regexp_replace({text}, {strings}, '', 'g'), '(?i)nan|inf')" for text in json_texts)
    return f"({' or '.join(f'coalesce({asked}, false)' for asked in each)})"


def missing(column: Column) -> str:
    """The reason of a row without a value that it needs."""
    return f"{column.delivered_as[0]} is missing"


def staged_type(column: Column) -> str:
    """The column's type in the staging table."""
    return {"text": "varchar"}.get(column.type, column.type)


def line_schema(contract: Contract) -> str:
    """The keys of a line of JSON that the contract's columns are delivered as, with their types, for json_transform."""
    keys = {}
    for column in contract.columns:
        for key in column.delivered_as:
            keys[key] = "JSON" if column.type == "json" else "VARCHAR"
    return "{" + ",".join(f'"{key}":"{kind}"' for key, kind in keys.items()) + "}"


def canonical_md5(line: str) -> str | None:
    """The checksum of a line's JSON with its keys in order; None where it nests too deep for that."""
    try:
        event = json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return hashlib.md5(event.encode(), usedforsecurity=False).hexdigest()


def literal(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"
