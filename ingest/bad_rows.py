"""Staged rows that cannot be taken: put into raw.quarantine, and closed there once they are good."""

import contextlib
import json
from datetime import datetime
from hashlib import md5

import pyarrow as pa

from ingest.batch import Batch, first_line, shifted_lines
from ingest.reading import STAGED
from warehouse import Writer
from warehouse.statements import quoted

_OPEN = "_import_open"
_CLOSED_AT_ONCE = 1000
_MOST_ASKED_ABOUT = 10_000

_QUARANTINE = pa.schema(
    [
        ("quarantine_id", pa.string()),
        ("source", pa.string()),
        ("entity", pa.string()),
        ("file_name", pa.string()),
        ("file_line", pa.int64()),
        ("reason", pa.string()),
        ("row_text", pa.string()),
        ("load_id", pa.string()),
        ("first_seen_at", pa.timestamp("us")),
        ("resolved_at", pa.timestamp("us")),
    ]
)


def put_aside(batch: Batch, seen_at: datetime) -> dict[int, int]:
    """Put what could not be taken into raw.quarantine, where a replay finds it already; rows by file number."""
    contract, writer = batch.contract, batch.writer
    by_number = {entry.rows.number: entry for entry in batch.files}
    shifted = shifted_lines(batch.files)
    line_of = dict(zip(shifted["row"].to_pylist(), shifted["line"].to_pylist(), strict=True)) if shifted else {}
    counts: dict[int, int] = {}
    known: dict[str, bool] | None = None
    bad_again: list[str] = []
    for chunk in batch.staging.quarantined():
        if known is None:
            known = _known_of_live(batch)
        rows = []
        for row in chunk.to_pylist():
            entry = by_number.get(row["_file"])
            if entry is None:
                continue
            line = line_of.get(row["row"], row["row"] - entry.rows.first_row + first_line(entry))
            name = f"{entry.file.name}\n{entry.look.checksum}\n{line}"
            if entry.file.is_live and not (row["row_text"] or "[").startswith("["):
                # Windows overlap: what is known to be bad is put aside once, however often it comes. A text that
                # is not kept says nothing of which row it was.
                name = f"live/{contract.name}\n{row['reason']}\n{row['row_text']}"
            quarantine_id = md5(name.encode(), usedforsecurity=False).hexdigest()
            if known.get(quarantine_id) is False:
                continue
            counts[row["_file"]] = counts.get(row["_file"], 0) + 1
            if known.get(quarantine_id):
                bad_again.append(quarantine_id)
                known[quarantine_id] = False
                continue
            if entry.file.is_live:
                known[quarantine_id] = False
            rows.append(
                {
                    "quarantine_id": quarantine_id,
                    "source": contract.source,
                    "entity": contract.entity,
                    "file_name": entry.file.name,
                    "file_line": line,
                    "reason": row["reason"],
                    "row_text": row["row_text"],
                    "load_id": entry.load_id,
                    "first_seen_at": seen_at,
                    "resolved_at": None,
                }
            )
        if batch.is_replay:
            batch.still_bad |= {(row["file_name"], row["file_line"]) for row in rows}
        elif rows:
            writer.reading.register("_import_quarantine", pa.Table.from_pylist(rows, schema=_QUARANTINE))
            writer.append_staged("_import_quarantine", "raw.quarantine")
            writer.reading.unregister("_import_quarantine")
    if bad_again:
        _resolve(writer, bad_again, None, None)
    return counts


def close_replayed(batch: Batch, at: datetime) -> None:
    """Close the rows of the quarantine that were taken now."""
    there = {entry.file.name for entry in batch.files}
    taken = [
        row.quarantine_id
        for row in batch.replayed
        if row.file_name in there and (row.file_name, row.file_line) not in batch.still_bad
    ]
    _resolve(batch.writer, taken, "replayed", at)


def _known_of_live(batch: Batch) -> dict[str, bool]:
    """Ids of what live windows of the entity have put into the quarantine, each with whether it was corrected since.

    Nothing where the batch has no such window.
    """
    if not any(entry.file.is_live for entry in batch.files):
        return {}
    rows = batch.writer.fetch(
        "select quarantine_id, coalesce(resolution = 'corrected', false) as is_corrected from raw.quarantine "
        "where source = ? and entity = ? and file_name like 'live/%'",
        [batch.contract.source, batch.contract.entity],
    )
    return {row["quarantine_id"]: bool(row["is_corrected"]) for row in rows}


def close_corrected(batch: Batch, at: datetime) -> None:
    """Close rows of the quarantine that a live source has put right since: a good row of their key has come.

    Only the newest are asked about: where so many are open, the source is not put right row by row. What is bad in this
    very batch is opened again by `put_aside`.
    """
    contract, writer = batch.contract, batch.writer
    columns = [column for column in contract.columns if column.name in contract.key]
    if not any(entry.file.is_live for entry in batch.files) or any(column.type != "text" for column in columns):
        return
    keys: dict[str, list[str]] = {}
    for row in writer.fetch(
        "select quarantine_id, row_text from raw.quarantine where source = ? and entity = ? "
        "and file_name like 'live/%' and resolved_at is null and row_text like '{%' "
        f"order by first_seen_at desc limit {_MOST_ASKED_ABOUT}",
        [contract.source, contract.entity],
    ):
        with contextlib.suppress(ValueError):
            told = json.loads(row["row_text"])
            found = [next((told[key] for key in column.delivered_as if told.get(key)), None) for column in columns]
            values = [value for value in found if isinstance(value, str)]
            if len(values) == len(columns):
                keys[row["quarantine_id"]] = values
    if not keys:
        return
    names = [f"key_{number}" for number in range(len(columns))]
    table = {name: [values[number] for values in keys.values()] for number, name in enumerate(names)}
    writer.reading.register(_OPEN, pa.table({"quarantine_id": list(keys), **table}))
    same = " and ".join(f"s.{quoted(c.name)} = o.{name}" for c, name in zip(columns, names, strict=True))
    corrected = writer.reading.sql(
        f"select distinct o.quarantine_id from {_OPEN} as o join {STAGED} as s on {same} where s._reason is null"
    )
    writer.reading.unregister(_OPEN)
    _resolve(writer, corrected["quarantine_id"].to_pylist(), "corrected", at)


def _resolve(writer: Writer, ids: list[str], resolution: str | None, at: datetime | None) -> None:
    """Close rows of the quarantine that are open, or open them again where `at` is None."""
    is_meant = "resolved_at is null" if at else "resolved_at is not null"
    for start in range(0, len(ids), _CLOSED_AT_ONCE):
        some = ids[start : start + _CLOSED_AT_ONCE]
        marks = ", ".join("?" for _ in some)
        writer.execute(
            "update raw.quarantine set resolved_at = ?, resolution = ? "
            f"where {is_meant} and quarantine_id in ({marks})",
            [at, resolution, *some],
        )
