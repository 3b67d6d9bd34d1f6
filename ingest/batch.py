"""A batch of files whose rows are staged together: which they are, and where each row was delivered."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from ingest.columns import literal
from ingest.contracts import Contract
from ingest.delivery import DroppedFile, Look
from ingest.reading import STAGED, FileRows, Staging
from warehouse import Writer

FILES = "_import_files"
"""The batch's files in the session that reads: file, load_id, file_name, first_row, first_line."""

_LINES = "_import_lines"
_KEPT = "_import_kept"


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A row of the quarantine that nobody has closed: its id, and where it was delivered."""

    quarantine_id: str
    file_name: str
    file_line: int


@dataclass(slots=True)
class StagedFile:
    """A file whose rows are staged. `lines` are their numbers where they were delivered, if not in this file."""

    file: DroppedFile
    look: Look
    rows: FileRows
    load_id: str
    seconds: float
    lines: Sequence[int] | None = None


@dataclass(slots=True)
class Batch:
    """Files that were staged together, and those among them that cannot be trusted, each with its reason.

    `replayed` are the rows of the quarantine that are tried again, `still_bad` the file and line of those among them
    that cannot be taken either. `was_short_of_memory` says that rows were too long to be staged, so that all files are
    refused. `is_landing` is the condition that a staged row `s` is to land: the latest of its key.
    """

    contract: Contract
    writer: Writer
    staging: Staging
    started_at: datetime
    files: list[StagedFile] = field(default_factory=list)
    refused: list[tuple[DroppedFile, str]] = field(default_factory=list)
    replayed: Sequence[OpenRow] = ()
    still_bad: set[tuple[str, int]] = field(default_factory=set)
    has_shifted_lines: bool = False
    was_short_of_memory: bool = False
    is_landing: str = "s._reason is null"

    @property
    def is_replay(self) -> bool:
        """Whether these are rows of the quarantine, tried again."""
        return bool(self.replayed)


def number_lines(batch: Batch) -> None:
    """Make the tables that say of which file, and of which line of it, a staged row is."""
    reading = batch.writer.reading
    reading.sql(
        f"create or replace temp table {FILES} "
        "(file integer, load_id varchar, file_name varchar, first_row bigint, first_line bigint)"
    )
    for entry in batch.files:
        reading.sql(
            f"insert into {FILES} values ($file, $load_id, $name, $first_row, $first_line)",
            {
                "file": entry.rows.number,
                "load_id": entry.load_id,
                "name": entry.file.name,
                "first_row": entry.rows.first_row,
                "first_line": first_line(entry),
            },
        )
    shifted = shifted_lines(batch.files)
    batch.has_shifted_lines = shifted.num_rows > 0
    reading.register(_LINES, shifted)


_LINE = "coalesce(l.line, s.rowid - f.first_row + f.first_line)"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a staged row `s` came from, in SQL; `join` is what has to stand behind the staging table for that."""

    load_id: str
    file_name: str
    line: str
    join: str


def place_of_rows(batch: Batch) -> Place:
    """Where the batch's staged rows came from, for a statement that reads them as `s`."""
    # Where all rows are of one file, that is known without a join, which costs a tenth of the writing.
    if len(batch.files) == 1 and not batch.refused and not batch.has_shifted_lines:
        [entry] = batch.files
        shift = first_line(entry) - entry.rows.first_row
        return Place(literal(entry.load_id), literal(entry.file.name), f"s.rowid + {shift}", "")
    join, line = f"join {FILES} as f on f.file = s._file", "s.rowid - f.first_row + f.first_line"
    if batch.has_shifted_lines:
        join, line = f"{join} left join {_LINES} as l on l.row = s.rowid", _LINE
    return Place("f.load_id", "f.file_name", line, join)


def first_line(entry: StagedFile) -> int:
    """The line of a file's first row: a CSV file's first is its header."""
    return 2 if entry.file.format == "csv" else 1


def keep_replayed(batch: Batch) -> None:
    """Leave only the rows of the quarantine staged."""
    reading = batch.writer.reading
    number_of = {entry.file.name: entry.rows.number for entry in batch.files}
    wanted = [
        {"file": number_of[row.file_name], "line": row.file_line}
        for row in batch.replayed
        if row.file_name in number_of
    ]
    reading.register(_KEPT, pa.Table.from_pylist(wanted, pa.schema([("file", pa.int32()), ("line", pa.int64())])))
    reading.sql(
        f"delete from {STAGED} where rowid not in (select s.rowid from {STAGED} as s "
        f"join {FILES} as f on f.file = s._file left join {_LINES} as l on l.row = s.rowid "
        f"join {_KEPT} as k on k.file = s._file and k.line = {_LINE})"
    )
    reading.unregister(_KEPT)
    for entry in batch.files:
        [counted] = reading.sql(
            f"select count(*) as n from {STAGED} where _file = $file", {"file": entry.rows.number}
        ).to_pylist()
        entry.rows.rows_seen = counted["n"]


def shifted_lines(staged: Sequence[StagedFile]) -> pa.Table:
    """Staged row and line, for CSV files in which rows without a place of their own shifted the others, and replays."""
    rows, lines = [], []
    for entry in staged:
        if entry.lines is not None:
            lines.append(np.array(entry.lines, dtype=np.int64))
            rows.append(entry.rows.first_row + np.arange(len(entry.lines), dtype=np.int64))
            continue
        rejected = np.array(entry.rows.rejected_lines, dtype=np.int64)
        if not rejected.size:
            continue
        every = np.arange(2, entry.rows.all_rows + 2, dtype=np.int64)
        # The rejected rows are staged behind the others.
        lines.append(np.concatenate([np.setdiff1d(every, rejected)[: every.size - rejected.size], rejected]))
        rows.append(entry.rows.first_row + np.arange(every.size, dtype=np.int64))
    empty = np.array([], dtype=np.int64)
    return pa.table({"row": np.concatenate([empty, *rows]), "line": np.concatenate([empty, *lines])})
