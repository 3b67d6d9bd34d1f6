"""`query`: rows of one published table, for the operator of the machine."""

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from warehouse.access import OPERATOR, open_reader
from warehouse.errors import AccessError, StorageError, UsageError
from warehouse.published import PUBLISHED, published_table
from warehouse.settings import Settings

# Written by publishing itself, so they have no model.
_WRITTEN_BY_PUBLISHING = ("metrics.snapshot", "metrics.restatements")


def readable_tables() -> list[str]:
    """Every table `query` can read, as `schema.table`."""
    return sorted([*(table.qualified for table in PUBLISHED), *_WRITTEN_BY_PUBLISHING])


def read_rows(settings: Settings, table: str, *, where: str | None = None, limit: int | None = None) -> pa.Table:
    """Rows of a published table that meet `where`, in the order of its key.

    where: SQL of the operator's own; it goes through the same door as a page's, one SELECT and nothing else. Raises
    UsageError for an unknown table or a wrong condition, NotPublishedError before the first snapshot.
    """
    name, key = _table(table)
    sql = f"select * from {name}"
    if where:
        sql += f" where ({where}\n)"
    if key:
        sql += " order by " + ", ".join(key)
    if limit is not None:
        sql += f" limit {int(limit)}"
    with open_reader(settings) as reader:
        try:
            return reader.query(sql, OPERATOR, [name], {})
        except AccessError as error:
            if where is None:
                raise
            # All but the condition is ours.
            raise UsageError(f"--where: {error}") from error


def write_rows(rows: pa.Table, form: str, out: Path | None, *, most: int | None = None) -> None:
    """Write rows as `table`, `csv`, `json` or `parquet`, to a file or to standard output.

    most: rows that a text table shows; it says where there are more. Raises UsageError where Parquet would go to a
    terminal, StorageError where the file cannot be written.
    """
    if out is None:
        if form == "parquet" and sys.stdout.isatty():
            raise UsageError("Parquet is not for a terminal; give --out FILE, or send it into a pipe")
        _write(rows, form, sys.stdout.buffer, most)
        sys.stdout.buffer.flush()
        return
    try:
        with out.open("wb") as file:
            _write(rows, form, file, most)
    except OSError as error:
        raise StorageError(f"cannot write {out}: {error.strerror}") from error


def _table(name: str) -> tuple[str, tuple[str, ...]]:
    found = published_table(name)
    if found is not None and found.schema != "marts":
        return found.qualified, found.key
    for written in _WRITTEN_BY_PUBLISHING:
        if name in (written, written.removeprefix("metrics.")):
            return written, ()
    raise UsageError(f"there is no published table {name!r}; there are: {', '.join(readable_tables())}")


def _write(rows: pa.Table, form: str, file: Any, most: int | None) -> None:
    if form == "csv":
        import pyarrow.csv

        pyarrow.csv.write_csv(rows, file)
    elif form == "parquet":
        import pyarrow.parquet

        # Through a buffer: a pipe cannot tell its position, and Parquet asks.
        sink = pa.BufferOutputStream()
        pyarrow.parquet.write_table(rows, sink)
        file.write(sink.getvalue().to_pybytes())
    elif form == "json":
        text = json.dumps(rows.to_pylist(), indent=2, ensure_ascii=False, default=_as_json)
        file.write(text.encode() + b"\n")
    else:
        file.write(_as_text_table(rows, most).encode())


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else str(value)


def _as_text_table(rows: pa.Table, most: int | None) -> str:
    """The rows, at most so many, in columns wide enough for them, numbers to the right."""
    is_cut = most is not None and rows.num_rows > most
    rows = rows.slice(0, most)
    names = rows.column_names
    cells = [[_cell(value) for value in column.to_pylist()] for column in rows.columns]
    widths = [max([len(name), *map(len, column)]) for name, column in zip(names, cells, strict=True)]
    right = [pa.types.is_integer(field.type) or pa.types.is_floating(field.type) for field in rows.schema]

    def line(values: list[str]) -> str:
        parts = [
            value.rjust(width) if is_right else value.ljust(width)
            for value, width, is_right in zip(values, widths, right, strict=True)
        ]
        return "  ".join(parts).rstrip()

    lines = [line(names), line(["-" * width for width in widths])]
    lines += [line(list(row)) for row in zip(*cells, strict=True)]
    one, several = ("the first row", f"the first {most} rows") if is_cut else ("1 row", f"{rows.num_rows} rows")
    counted = one if rows.num_rows == 1 else several
    return "\n".join([*lines, f"({counted}{'; --limit shows more' if is_cut else ''})"]) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        digits = 4
        # What is not whole does not read like it: 0.99996 is no 1.
        while digits < 10 and not value.is_integer() and round(value, digits).is_integer():
            digits += 1
        return f"{value:.{digits}f}"
    return str(value).replace("\n", " ")
