"""Write docs/data_dictionary.md: every column that arrives and every column that is published.

What arrives comes from `ingest.contracts`, what is published from `warehouse.published` and the YAML beside dbt's
models; nothing is written here twice. `--check` writes nothing and exits 1 where the file is out of date.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ingest.contracts import CONTRACTS, META_COLUMNS, Column, Contract
from warehouse import restatements
from warehouse.published import PEOPLE, PUBLISHED, PublishedTable
from warehouse.visibility import RESTATEMENTS

PROJECT = Path(__file__).resolve().parent.parent
DICTIONARY = PROJECT / "docs" / "data_dictionary.md"
MODELS = PROJECT / "dbt_project" / "models"

SCOPES = {
    "team": "the viewer's own teams; small groups hidden",
    "account": "the viewer's own accounts",
    "skill": "viewers of a team that uses or used the skill; small groups hidden",
    "person": "the person themselves",
    "company": "anyone signed in",
    "money": "executives",
    "service": "executives and data engineers; a row of one account also its own viewers only",
    "trust": "anyone signed in",
    "reference": "anyone signed in",
    "operations": "data engineers",
}

INTRODUCTION = """\
# Data dictionary

Written by `make docs` from the contracts in `ingest/contracts/` and the YAML beside dbt's models; a change by hand is
lost. Times are UTC, money is integer cents, shares are 0 to 1, ids are text.
"""


def dictionary() -> str:
    """The whole document."""
    sections = [INTRODUCTION, *_published_part(), *_raw_part()]
    return "\n".join(sections)


def _published_part() -> Iterator[str]:
    described = _described()
    yield "## Published tables\n"
    yield "What pages and `skillsmith-analytics query` read.\n"
    for table in PUBLISHED:
        yield from _published_table(table, described.get(table.name, {}))
    yield from _published_table(RESTATEMENTS, _of_restatements())
    yield "## Published person rows\n"
    yield "For each person about themselves; in a file of their own, never on a page for others.\n"
    for table in PEOPLE:
        yield from _published_table(table, described.get(table.name, {}))


def _published_table(table: PublishedTable, model: dict[str, Any]) -> Iterator[str]:
    yield f"### {table.qualified}\n"
    if model.get("description"):
        yield f"{_line(model['description'])}\n"
    yield f"Key: {', '.join(table.key)}. Read by: {SCOPES[table.scope]}.\n"
    metric = _metric(model)
    if metric:
        yield f"**{metric['label']}** ({_facts(metric)}). {_line(metric['definition'])}\n"
        if metric.get("worked_example"):
            yield f"Example: {_line(metric['worked_example'])}\n"
    columns = model.get("columns") or []
    if columns:
        yield "| column | type | what it holds |\n|---|---|---|"
        for column in columns:
            yield f"| {column['name']} | {_type(column)} | {_column_text(column)} |"
        yield ""


def _of_restatements() -> dict[str, Any]:
    """The table that publishing writes itself, as the YAML beside a model would describe it."""
    texts = restatements.COLUMN_TEXTS
    columns = [
        {"name": name, "data_type": kind, "description": texts[name]} for name, kind in restatements.COLUMNS.items()
    ]
    return {"description": restatements.DESCRIPTION, "columns": columns}


def _column_text(column: dict[str, Any]) -> str:
    metric = _metric(column)
    text = _line(column.get("description", ""))
    definition = _line(metric.get("definition", ""))
    unit = f" Unit: {metric['unit']}." if metric.get("unit") else ""
    return _cell(f"{text} {definition}".strip() + unit)


def _type(column: dict[str, Any]) -> str:
    given = column.get("data_type", "")
    # The one type that the engines spell differently is chosen by Jinja.
    return "timestamp" if "{{" in given else given


def _facts(metric: dict[str, Any]) -> str:
    facts = [
        metric.get("unit"),
        metric.get("reference"),
        f"version {metric['version']}" if "version" in metric else None,
    ]
    return ", ".join(str(fact) for fact in facts if fact)


def _metric(node: dict[str, Any]) -> dict[str, Any]:
    return node.get("config", {}).get("meta", {}).get("metric", {})


def _described() -> dict[str, dict[str, Any]]:
    """What the YAML beside the models says, by the name of the model or of the source's table."""
    described: dict[str, dict[str, Any]] = {}
    for path in sorted(MODELS.rglob("*.yml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        for source in document.get("sources") or []:
            for table in source.get("tables") or []:
                described.setdefault(table["name"], table)
        for model in document.get("models") or []:
            described[model["name"]] = model
    return described


def _raw_part() -> Iterator[str]:
    yield "## Arriving files\n"
    yield (
        "`<drop>/<source>/<entity>/<any name>` lands in `raw.<source>_<entity>`; `pseudonym` columns arrive as a "
        "person's id and land as a keyed hash of it. Every raw table ends with:\n"
    )
    yield "| column | type | what it holds |\n|---|---|---|"
    for meta in META_COLUMNS:
        yield f"| {meta.name} | {meta.type} | {_cell(meta.description)} |"
    yield ""
    for contract in CONTRACTS.values():
        yield from _contract(contract)


def _contract(contract: Contract) -> Iterator[str]:
    yield f"### {contract.name}\n"
    key = f" Key: {', '.join(contract.key)}." if contract.key else " Replaced whole by each new delivery."
    yield f"{_line(contract.description)}{key} Lands in `{contract.table.qualified}`.\n"
    yield "| column | type | what it holds |\n|---|---|---|"
    for column in contract.columns:
        yield f"| {column.name} | {column.type} | {_cell(_delivered(column))} |"
    yield ""


def _delivered(column: Column) -> str:
    words = [_line(column.description)]
    if column.is_person:
        words.append(f"Pseudonym of the delivered `{column.delivered_as[0]}`.")
    elif column.delivered_as != (column.name,):
        words.append("Delivered as " + " or ".join(f"`{name}`" for name in column.delivered_as) + ".")
    if column.is_required:
        words.append("Required.")
    if column.allowed and len(column.allowed) <= 12:
        words.append("One of: " + ", ".join(column.allowed) + ".")
    return " ".join(words)


def _line(text: str) -> str:
    line = " ".join(str(text).split())
    return line if not line or line.endswith((".", ":", "!", "?")) else f"{line}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write or check the file; the exit code."""
    text = dictionary()
    if "--check" in arguments:
        if not DICTIONARY.exists() or DICTIONARY.read_text(encoding="utf-8") != text:
            print("docs/data_dictionary.md is out of date: run `make docs`", file=sys.stderr)
            return 1
        return 0
    DICTIONARY.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
