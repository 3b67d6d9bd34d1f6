"""Rows that could not be taken: looked at, tried again once the contract is right, or given up.

A replay reads the file again where it still lies in the drop folder as it was, and the quarantine's own text otherwise
(of a live source, or of a file that is gone or another one now), which is the row less what privacy removed. Rows merge
by key, so nothing is counted twice, however often a replay is killed and run again.
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from ingest.batch import OpenRow
from ingest.contracts import CONTRACTS
from ingest.delivery import DroppedFile, checksum, find, look_through
from ingest.landing import Landing, limited_memory, looked_through, now
from ingest.remote import RemoteDrop
from ingest.report import ImportReport, Progress
from warehouse import Warehouse, Writer
from warehouse.errors import RefusedFileError, UsageError
from warehouse.settings import place_of

_SAMPLES = 20
_FILES_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """Which open rows are meant; what is None says nothing. `entity` is `source/entity`, `reason` the whole text."""

    entity: str | None = None
    file_name: str | None = None
    reason: str | None = None

    def condition(self) -> tuple[str, list[Any]]:
        """The choice as a condition on raw.quarantine, and its values."""
        if self.entity is not None and self.entity not in CONTRACTS:
            raise UsageError(f"{self.entity} is no entity; known are {', '.join(CONTRACTS)}")
        conditions, values = ["resolved_at is null"], []
        if self.entity is not None:
            conditions.append("source = ? and entity = ?")
            values += self.entity.split("/")
        for name, value in (("file_name", self.file_name), ("reason", self.reason)):
            if value is not None:
                conditions.append(f"{name} = ?")
                values.append(value)
        return " and ".join(conditions), values


def counts(warehouse: Warehouse, choice: Choice) -> list[dict[str, Any]]:
    """Open rows by source, entity, file and reason, the most first: those, rows, first_seen_at (UTC)."""
    condition, values = choice.condition()
    with warehouse.write("import") as writer:
        return writer.fetch(
            "select source, entity, file_name, reason, count(*) as rows, min(first_seen_at) as first_seen_at "
            f"from raw.quarantine where {condition} group by source, entity, file_name, reason "
            "order by count(*) desc, source, entity, file_name, reason",
            values,
        )


def samples(warehouse: Warehouse, choice: Choice, limit: int = _SAMPLES) -> list[dict[str, Any]]:
    """Some open rows with their texts, in which persons are pseudonyms and what is private is gone."""
    condition, values = choice.condition()
    with warehouse.write("import") as writer:
        return writer.fetch(
            "select source, entity, file_name, file_line, reason, row_text from raw.quarantine "
            f"where {condition} order by source, entity, file_name, file_line limit {int(limit)}",
            values,
        )


def discard(warehouse: Warehouse, choice: Choice, *, dry_run: bool = False) -> int:
    """Close rows that nobody will repair, and forget their texts; how many they are."""
    condition, values = choice.condition()
    with warehouse.write("import") as writer:
        [found] = writer.fetch(f"select count(*) as n from raw.quarantine where {condition}", values)
        if not dry_run:
            writer.execute(
                "update raw.quarantine set resolved_at = ?, resolution = 'discarded', row_text = null "
                f"where {condition}",
                [now(), *values],
            )
    return found["n"]


def replay(
    warehouse: Warehouse,
    drop: Path | str,
    choice: Choice,
    *,
    as_of: datetime,
    progress: Progress | None = None,
) -> ImportReport:
    """Try open rows again under today's contracts. What is taken lands and is closed; the rest stays open.

    The report has one load a file: rows_seen are the rows tried, rows_quarantined those that stay. Raises
    TransientError or UsageError where the drop folder is in an object store and cannot be read.
    """
    condition, values = choice.condition()
    report = ImportReport()
    landing = Landing(warehouse, report, as_of=as_of, progress=progress)
    place = place_of(drop)
    remote = RemoteDrop(place, warehouse.settings.home) if isinstance(place, str) else None
    # Of an object store's, one lies on the disk at a time.
    look, at_once = (remote.look_through, 1) if remote else (look_through, _FILES_AT_ONCE)
    work = warehouse.settings.home / "tmp" / "replay"
    limit = warehouse.settings.memory_limit
    with warehouse.write("import") as writer, limited_memory(writer, limit), remote or nullcontext():
        files = writer.fetch(
            "select q.source, q.entity, q.file_name, min(l.file_checksum) as checksum, "
            "count(distinct l.file_checksum) as versions, min(l.file_size) as size "
            f"from (select * from raw.quarantine where {condition}) as q "
            "left join raw.import_ledger as l on l.load_id = q.load_id "
            "group by q.source, q.entity, q.file_name order by q.source, q.entity, q.file_name",
            values,
        )
        there = _files_there(remote or Path(place), files) if files else {}
        checksums = {row["file_name"]: row["checksum"] for row in files}
        for entity, of_entity in groupby(files, key=lambda row: f"{row['source']}/{row['entity']}"):
            names = [row["file_name"] for row in of_entity]
            whole = [there[name] for name in names if name in there]
            for start in range(0, len(whole), at_once):
                group = whole[start : start + at_once]
                looked = [(file, looked_through(file, look)) for file in group]
                other = {file.name for file in group if not _is_as_it_was(file, checksums[file.name])}
                same = [(file, future) for file, future in looked if file.name not in other]
                rows = _open_rows(writer, choice, entity, [file.name for file, _ in same]) if same else []
                if rows:
                    landing.land(landing.stage(same, writer, replay=[row for row, _ in rows]))
                for name in other:
                    del there[name]
                if remote:
                    remote.forget(group)
            for name in names:
                if name not in there:
                    _replay_text(writer, landing, choice, entity, name, work)
    shutil.rmtree(work, ignore_errors=True)
    warehouse.freshen()
    return report


def _files_there(drop: Path | RemoteDrop, files: Sequence[Mapping[str, Any]]) -> dict[str, DroppedFile]:
    """Those files of the drop folder, by name, that are as big as when their rows were put aside."""
    sizes = {row["file_name"]: row["size"] for row in files if row["versions"] == 1}
    entities = frozenset(f"{row['source']}/{row['entity']}" for row in files)
    if isinstance(drop, RemoteDrop):
        found = drop.find(entities).files
    else:
        try:
            found = find(drop, entities).files
        except UsageError:
            return {}
    return {file.name: file for file in found if sizes.get(file.name) == file.size}


def _is_as_it_was(file: DroppedFile, digest: str) -> bool:
    """Whether a file is the one that its rows were put aside of: the line of a row in another one is another row's."""
    try:
        return checksum(file) == digest
    except RefusedFileError:
        # Staging refuses it, and says why.
        return True


def _open_rows(writer: Writer, choice: Choice, entity: str, names: Sequence[str]) -> list[tuple[OpenRow, str | None]]:
    """The chosen rows of these files in the order of their lines, each with its text."""
    condition, values = Choice(entity, None, choice.reason).condition()
    marks = ", ".join("?" for _ in names)
    found = writer.fetch(
        "select quarantine_id, file_name, file_line, row_text from raw.quarantine "
        f"where {condition} and file_name in ({marks}) order by file_name, file_line",
        [*values, *names],
    )
    return [(OpenRow(row["quarantine_id"], row["file_name"], row["file_line"]), row["row_text"]) for row in found]


def _replay_text(writer: Writer, landing: Landing, choice: Choice, entity: str, name: str, work: Path) -> None:
    """Try the rows of a file that is gone by their texts; a text that is no whole JSON object stays."""
    rows = [(row, text) for row, text in _open_rows(writer, choice, entity, [name]) if _is_whole(text)]
    if not rows:
        return
    work.mkdir(parents=True, exist_ok=True)
    path = work / "rows.ndjson"
    path.write_text("".join(f"{text}\n" for _, text in rows), encoding="utf-8")
    status = path.stat()
    file = DroppedFile(
        contract=CONTRACTS[entity],
        name=name,
        path=path,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        format="ndjson",
        compression=None,
    )
    landing.land(
        landing.stage([(file, looked_through(file))], writer, replay=[row for row, _ in rows], is_from_text=True)
    )


def _is_whole(text: str | None) -> bool:
    return text is not None and text.startswith("{") and text.endswith("}") and "\n" not in text
