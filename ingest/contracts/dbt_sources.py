"""Write dbt's sources file from the contracts: `python -m ingest.contracts.dbt_sources`.

The file is committed, so that dbt needs no Python of ours to parse; a test holds it to what this makes.
"""

import textwrap
from collections.abc import Iterable
from pathlib import Path

from ingest.contracts import CONTRACTS
from warehouse.settings import DBT_PROJECT

SOURCES_FILE = DBT_PROJECT / "models" / "staging" / "_sources.yml"

OPERATIONS: tuple[tuple[str, str, str], ...] = (
    ("raw", "import_ledger", "One row per file loaded, refused or replayed: rows, bytes, outcome."),
    ("raw", "quarantine", "One row per delivered row that could not be taken, with its reason."),
    ("raw", "days", "One row per day of a raw table that grows with time, kept by PostgreSQL's merges."),
    ("ops", "expired_days", "One row per day of a raw table whose rows retention removed, with what it held."),
    ("ops", "retention_runs", "One row per table and run of retention that removed rows: the first day it kept."),
    ("ops", "builds", "One row per build: its clock and how it ended."),
    ("ops", "import_gaps", "One row per gap in what was imported, open or closed."),
    ("ops", "check_results", "One row per check of a build."),
)
"""Tables the warehouse itself keeps: schema, name, description."""

DESCRIPTIONS = {
    "registry": "The registry's own entities.",
    "billing": "Stripe.",
    "status": "The status page.",
    "support": "The support desk.",
    "finance": "Kept by finance.",
    "partners": "Partners who sell skills.",
    "github": "GitHub and GH Archive.",
    "privacy": "What people have asked of us about themselves.",
    "reference": "Decisions of this deployment; each replaces the seed of its name.",
}


def sources_yaml() -> str:
    """The text of dbt's sources file."""
    lines = [
        "# Made from ingest/contracts by `python -m ingest.contracts.dbt_sources`; change the contracts, not this.",
        "version: 2",
        "",
        "sources:",
    ]
    for source in dict.fromkeys(contract.source for contract in CONTRACTS.values()):
        lines += _source(source, DESCRIPTIONS[source], "raw")
        for contract in (c for c in CONTRACTS.values() if c.source == source):
            lines += _table(contract.entity, contract.table.name, contract.description)
            lines.append("        columns:")
            for column in contract.table.columns:
                lines.append(f"          - name: {_text(column.name)}")
                if column.description:
                    lines += _wrapped("            description: ", column.description)
    # dbt knows one schema a source entry, so `operations` stands here once a schema.
    for schema in ("raw", "ops"):
        lines += _source("operations", "What the warehouse keeps about its own work.", schema)
        for _, name, description in (table for table in OPERATIONS if table[0] == schema):
            lines += _table(name, name, description)
    return "\n".join(lines) + "\n"


def _source(name: str, description: str, schema: str) -> Iterable[str]:
    return [f"  - name: {name}", f"    description: {_text(description)}", f"    schema: {schema}", "    tables:"]


def _table(name: str, identifier: str, description: str) -> Iterable[str]:
    return [
        f"      - name: {name}",
        f"        identifier: {identifier}",
        *_wrapped("        description: ", description),
    ]


def _wrapped(start: str, text: str) -> Iterable[str]:
    """One description, folded where the line would be too long to read."""
    line = start + _text(text)
    if len(line) <= 120:
        return [line]
    indent = " " * (len(start) - len(start.lstrip()) + 2)
    folded = textwrap.wrap(text, 120 - len(indent), break_long_words=False, break_on_hyphens=False)
    return [start + ">-", *(indent + part for part in folded)]


def _text(text: str) -> str:
    """A double-quoted YAML text."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write(path: Path = SOURCES_FILE) -> Path:
    """Write the sources file; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(sources_yaml(), encoding="utf-8")
    return path


if __name__ == "__main__":
    write()
