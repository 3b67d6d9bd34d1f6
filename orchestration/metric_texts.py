"""The text of every metric, from dbt's YAML to the published table `metric_definitions`.

A definition is written once, in the model's `config.meta.metric`; pages print what this table says.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from warehouse import Writer
from warehouse.tables import ColumnSpec, TableSpec

METRIC_DEFINITIONS = TableSpec(
    schema="build",
    name="metric_definitions",
    key=("table_name", "column_name"),
    columns=(
        ColumnSpec("table_name", "text", "The published table."),
        ColumnSpec("column_name", "text", "The column; empty for the table as a whole."),
        ColumnSpec("label", "text", "What a page calls it."),
        ColumnSpec("unit", "text", "What it is counted in."),
        ColumnSpec("definition", "text", "What it means."),
        ColumnSpec("worked_example", "text", "A small case worked by hand."),
        ColumnSpec("definition_version", "text", "Version of the definition."),
        ColumnSpec("computed_at", "timestamp", "Start of the run that wrote it."),
    ),
    description="Definition of every published metric and column, from the models' own YAML.",
)

_TEXTS = ("label", "unit", "definition", "worked_example")


def metric_definitions(manifest: Mapping[str, Any], computed_at: datetime) -> pa.Table:
    """The rows of build.metric_definitions: one a metrics table, and one a described column of it.

    manifest: dbt's manifest artifact. Tables are models and sources whose `meta.metric` is set.
    """
    rows = [row | {"computed_at": computed_at.replace(tzinfo=None)} for row in _rows(manifest)]
    columns = {name: [row[name] for row in rows] for name in METRIC_DEFINITIONS.column_names}
    types = {
        column.name: pa.timestamp("us") if column.type == "timestamp" else pa.string()
        for column in METRIC_DEFINITIONS.columns
    }
    return pa.table({name: pa.array(values, types[name]) for name, values in columns.items()})


def write_metric_definitions(writer: Writer, manifest: Mapping[str, Any], computed_at: datetime) -> int:
    """Write build.metric_definitions; the number of rows."""
    return writer.replace(METRIC_DEFINITIONS, metric_definitions(manifest, computed_at))


def _rows(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for node in [*manifest["nodes"].values(), *manifest["sources"].values()]:
        if node["resource_type"] not in ("model", "source"):
            continue
        table = _meta(node)
        if not table:
            continue
        version = str(table.get("version", "1"))
        name = node.get("identifier") or node.get("alias") or node["name"]
        yield _row(name, "", table, version, node.get("description", ""))
        for column in node.get("columns", {}).values():
            text = _meta(column)
            if text or column.get("description"):
                yield _row(name, column["name"], text, version, column.get("description", ""))


def _meta(part: Mapping[str, Any]) -> dict[str, Any]:
    config = part.get("config") or {}
    return (config.get("meta") or {}).get("metric") or (part.get("meta") or {}).get("metric") or {}


def _row(table: str, column: str, text: Mapping[str, Any], version: str, description: str) -> dict[str, Any]:
    row = {name: _one_line(text[name]) if text.get(name) is not None else None for name in _TEXTS}
    row["definition"] = row["definition"] or _one_line(description)
    row["label"] = row["label"] or (column or table).replace("_", " ")
    return {"table_name": table, "column_name": column, "definition_version": version} | row


def _one_line(text: Any) -> str:
    return " ".join(str(text).split())
