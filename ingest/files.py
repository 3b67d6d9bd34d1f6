"""A drop folder into the warehouse: what is new, exactly once, accounted for file by file.

`import_drop` is the whole of it. A file is known by its path in the drop folder, its size and its SHA-256; its rows
and its ledger row land in one transaction, so a run that is killed anywhere is simply run again. What a file's rows
become is `ingest.reading`; what must not come in is `ingest.privacy`.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from ingest.contracts import CONTRACTS, Contract
from ingest.delivery import DroppedFile, Look, checksum, find, look_through
from ingest.privacy import safe_message
from ingest.reading import STAGED, FileRows, Staging
from warehouse import Warehouse, Writer
from warehouse.errors import RefusedFileError, UsageError

Progress = Callable[[str, str, int, float], None]
"""Called once a file: entity (`source/entity`), file name, rows seen, seconds."""

_ROWS = "_import_rows"
_FILES = "_import_files"
_LINES = "_import_lines"
_OLDER = "_import_older"

_MOST_MEGABYTES = 1000
# A batch is one transaction: small files share one, a large file has its own.
_BATCH_BYTES = 256 << 20
_BATCH_FILES = 250
_USUAL_COMPRESSION = 8


@dataclass(frozen=True, slots=True)
class FileLoad:
    """What became of one file. rows_seen = rows_loaded + rows_merged + rows_quarantined.

    `rows_loaded` are new to the table; `rows_merged` replaced an older version, were older themselves or were
    already there. `rows_claimed` is what a manifest says the file holds. `error` is one line, for refused files.
    """

    load_id: str
    source: str
    entity: str
    file_name: str
    outcome: Literal["loaded", "refused"]
    rows_seen: int = 0
    rows_loaded: int = 0
    rows_merged: int = 0
    rows_quarantined: int = 0
    rows_claimed: int | None = None
    bytes: int = 0
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class EntityTotal:
    """The loads of one entity together."""

    files: int = 0
    refused: int = 0
    rows_seen: int = 0
    rows_loaded: int = 0
    rows_merged: int = 0
    rows_quarantined: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class ImportReport:
    """What an import did: one entry a file it read, and how many it knew already.

    `ignored` names what lies in the drop folder without being an entity's file.
    """

    loads: list[FileLoad] = field(default_factory=list)
    known: int = 0
    ignored: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def refused(self) -> list[FileLoad]:
        """The files of which nothing was loaded, each with its one-line error."""
        return [load for load in self.loads if load.outcome == "refused"]

    @property
    def rows_seen(self) -> int:
        """Rows read, blank lines not counted."""
        return sum(load.rows_seen for load in self.loads)

    def by_entity(self) -> dict[str, EntityTotal]:
        """The loads summed by `source/entity`, in the order of import."""
        totals: dict[str, EntityTotal] = {}
        for load in self.loads:
            name = f"{load.source}/{load.entity}"
            before = totals.get(name, EntityTotal())
            totals[name] = EntityTotal(
                files=before.files + 1,
                refused=before.refused + (load.outcome == "refused"),
                rows_seen=before.rows_seen + load.rows_seen,
                rows_loaded=before.rows_loaded + load.rows_loaded,
                rows_merged=before.rows_merged + load.rows_merged,
                rows_quarantined=before.rows_quarantined + load.rows_quarantined,
                bytes=before.bytes + load.bytes,
                seconds=before.seconds + load.seconds,
            )
        return totals


def import_drop(
    warehouse: Warehouse,
    drop: Path,
    *,
    as_of: datetime,
    entities: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Load every file of the drop folder that is not yet loaded, or only those of `entities` (`source/entity`).

    `as_of` is the clock (UTC where it has no zone): a row more than a day after the later of it and the wall clock
    is quarantined. A file that cannot be trusted is refused by name in the report and the ledger; the others load.
    Raises UsageError where the folder is not there or holds a folder that is no source or entity, before anything
    is loaded, and what the warehouse raises where it cannot be written.
    """
    started = time.monotonic()
    wanted = None if entities is None else frozenset(entities)
    unknown = sorted((wanted or frozenset()) - set(CONTRACTS))
    if unknown:
        raise UsageError(f"{unknown[0]} is no entity; known are {', '.join(CONTRACTS)}")
    found = find(drop, wanted)
    # Asked for before anything is touched: without it no person's row could be taken.
    key = warehouse.settings.pseudonym_key
    warehouse.initialise(contract.table for contract in CONTRACTS.values())
    report = ImportReport(ignored=found.ignored)
    with warehouse.write("import") as writer:
        # The limit holds for this session only; what does not fit goes to the engine's temporary folder.
        writer.reading.sql(f"set memory_limit = '{_memory(warehouse.settings.memory_limit)}MB'")
        run = _Import(warehouse, writer, key, _latest(as_of), report, progress)
        run.load(found.files)
    warehouse.freshen()
    report.seconds = time.monotonic() - started
    return report


def _latest(as_of: datetime) -> datetime:
    clock = as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
    return max(clock, _now()) + timedelta(days=1)


def _memory(setting: str) -> int:
    """The engine's megabytes while importing: the setting, and never more than leaves room for the reader."""
    number, unit = int(setting[:-2]), setting[-2:]
    return min(_MOST_MEGABYTES, number * (1000 if unit == "GB" else 1))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class _Import:
    """One run over a drop folder inside one writing session."""

    def __init__(
        self,
        warehouse: Warehouse,
        writer: Writer,
        key: bytes,
        latest: datetime,
        report: ImportReport,
        progress: Progress | None,
    ) -> None:
        self._writer = writer
        self._key = key
        self._latest = latest
        self._report = report
        self._progress = progress
        self._work = warehouse.settings.home / "tmp"
        self._seen = _SeenFiles(warehouse.settings.home / "checksums.json")
        self._loaded, self._refused = _ledger(writer)

    def load(self, files: list[DroppedFile]) -> None:
        """Every file that is not yet known, entity by entity, in the order of their names."""
        for _, of_entity in groupby(files, key=lambda file: file.contract.name):
            new = [file for file in of_entity if not self._is_known(file)]
            for batch in self._batches(new):
                self._load_batch(batch)
        self._seen.save()

    def _is_known(self, file: DroppedFile) -> bool:
        loaded = self._loaded.get(file.name, [])
        if file.contract.is_reference:
            # Going back to an earlier text is a new decision; only the last delivery is one already made.
            loaded = loaded[-1:]
        if not any(size == file.size for size, _ in loaded):
            return False
        try:
            digest = self._seen.checksum(file)
        except RefusedFileError:
            return False
        if (file.size, digest) not in loaded:
            return False
        self._report.known += 1
        return True

    def _batches(self, files: list[DroppedFile]) -> Iterator[list[tuple[DroppedFile, "Future[Look]"]]]:
        """Files in bounded batches, each looked through one ahead of the reading."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="look-through") as pool:
            batch: list[tuple[DroppedFile, Future[Look]]] = []
            size = 0
            for file in files:
                weight = file.size * (_USUAL_COMPRESSION if file.compression or file.format == "parquet" else 1)
                is_full = size + weight > _BATCH_BYTES or len(batch) >= _BATCH_FILES
                if batch and (is_full or file.contract.is_reference):
                    yield batch
                    batch, size = [], 0
                batch.append((file, pool.submit(look_through, file)))
                size += weight
            if batch:
                yield batch

    def _load_batch(self, batch: list[tuple[DroppedFile, "Future[Look]"]]) -> None:
        """Stage the files, then land their rows, their quarantine and their ledger rows in one transaction."""
        contract = batch[0][0].contract
        started_at = _now()
        staging = Staging(self._writer.reading, contract, self._key, self._latest, self._work)
        staged: list[_StagedFile] = []
        whole: list[tuple[int, DroppedFile, Look]] = []
        for number, (file, looked) in enumerate(batch):
            try:
                whole.append((number, file, looked.result()))
            except RefusedFileError as error:
                self._refuse(file, str(error), started_at)
        begun = time.monotonic()
        together = staging.stage_together(whole)
        each = (time.monotonic() - begun) / max(1, len(together))
        for number, file, look in whole:
            begun = time.monotonic() - (each if number in together else 0.0)
            try:
                rows = together[number] if number in together else staging.stage(file, look, number)
                _refuse_if_changed(file)
            except RefusedFileError as error:
                self._refuse(file, str(error), started_at)
                continue
            staged.append(_StagedFile(file, look, rows, uuid.uuid4().hex, time.monotonic() - begun))
        if not staged:
            return
        begun = time.monotonic()
        staging.clean([entry.rows for entry in staged])
        loads = self._land(contract, staging, staged, started_at)
        share = (time.monotonic() - begun) / len(staged)
        for entry, load in zip(staged, loads, strict=True):
            self._seen.remember(entry.file, entry.look.checksum)
            self._report.loads.append(load)
            if self._progress:
                self._progress(contract.name, load.file_name, load.rows_seen, entry.seconds + share)

    def _land(
        self, contract: Contract, staging: Staging, staged: list["_StagedFile"], started_at: datetime
    ) -> list[FileLoad]:
        writer, reading = self._writer, self._writer.reading
        loaded_at = _now()
        with writer.transaction():
            version = self._next_version(contract)
            self._name_rows(contract, staged, loaded_at, version)
            winners = self._winners(contract, staged)
            there: Mapping[str, int] = {}
            if contract.is_reference:
                writer.append_staged(_ROWS, contract.table.qualified)
            elif sum(winners.values()):
                there = self._merge(contract, staged)
            quarantined = self._quarantine(contract, staging, staged, loaded_at)
            loads = []
            for entry in staged:
                number = entry.rows.number
                bad = quarantined.get(number, 0)
                new = winners.get(number, 0) - there.get(entry.load_id, 0)
                loads.append(
                    FileLoad(
                        load_id=entry.load_id,
                        source=contract.source,
                        entity=contract.entity,
                        file_name=entry.file.name,
                        outcome="loaded",
                        rows_seen=entry.rows.rows_seen,
                        rows_loaded=new,
                        rows_merged=entry.rows.rows_seen - bad - new,
                        rows_quarantined=bad,
                        rows_claimed=entry.file.rows_claimed,
                        bytes=entry.file.size,
                        seconds=entry.seconds,
                    )
                )
            finished_at = _now()
            writer.append(
                "raw.import_ledger",
                [
                    _ledger_row(load, entry.look.checksum, started_at, finished_at)
                    | {
                        "key_fill": json.dumps(entry.rows.key_fill),
                        "removed": json.dumps(dict(sorted(entry.rows.removed.items()))),
                    }
                    for load, entry in zip(loads, staged, strict=True)
                ],
            )
        reading.sql(f"drop view if exists {_ROWS}")
        reading.sql(f"drop table if exists {STAGED}")
        return loads

    def _name_rows(
        self, contract: Contract, staged: list["_StagedFile"], loaded_at: datetime, version: int | None
    ) -> None:
        """Make the view of the rows to land: one a key, with where each came from."""
        reading = self._writer.reading
        reading.sql(
            f"create or replace temp table {_FILES} "
            "(file integer, load_id varchar, file_name varchar, first_row bigint, first_line bigint)"
        )
        for entry in staged:
            reading.sql(
                f"insert into {_FILES} values ($file, $load_id, $name, $first_row, $first_line)",
                {
                    "file": entry.rows.number,
                    "load_id": entry.load_id,
                    "name": entry.file.name,
                    "first_row": entry.rows.first_row,
                    "first_line": 2 if entry.file.format == "csv" else 1,
                },
            )
        reading.register(_LINES, _shifted_lines(staged))
        key = ", ".join(f's."{name}"' for name in contract.key)
        newer = 's."updated_at" desc nulls last, ' if "updated_at" in contract.table.version_by else ""
        if contract.key:
            # Only keys that come more than once are put in order; they are few.
            reading.sql(
                f"create or replace temp table {_OLDER} as with several as ("
                f"select {key} from {STAGED} as s join {_FILES} as f on f.file = s._file "
                f"where s._reason is null group by all having count(*) > 1), "
                f"ranked as (select s.rowid as row, row_number() over (partition by {key} "
                f"order by {newer}f.file_name desc, s.rowid desc) as place "
                f"from {STAGED} as s join {_FILES} as f on f.file = s._file join several as m on "
                + " and ".join(f's."{name}" = m."{name}"' for name in contract.key)
                + " where s._reason is null) select row from ranked where place > 1"
            )
        else:
            reading.sql(f"create or replace temp table {_OLDER} (row bigint)")
        columns = ", ".join(
            f's."{column.name}"' + (f'::json as "{column.name}"' if column.type == "json" else "")
            for column in contract.columns
        )
        versioned = "" if version is None else f"{version}::bigint as version, "
        reading.sql(
            f"create or replace temp view {_ROWS} as select {columns}, {versioned}s.extra::json as extra, f.load_id, "
            f"timestamp '{loaded_at.isoformat(sep=' ')}' as loaded_at, f.file_name, "
            f"coalesce(l.line, s.rowid - f.first_row + f.first_line) as file_line "
            f"from {STAGED} as s join {_FILES} as f on f.file = s._file left join {_LINES} as l on l.row = s.rowid "
            f"where s._reason is null and s.rowid not in (select row from {_OLDER})"
        )

    def _winners(self, contract: Contract, staged: list["_StagedFile"]) -> dict[int, int]:
        """Rows of each file that are good and the latest of their key among what is staged."""
        del contract, staged
        counted = self._writer.reading.sql(
            f"select s._file as file, count(*) as rows from {STAGED} as s join {_FILES} as f on f.file = s._file "
            f"where s._reason is null and s.rowid not in (select row from {_OLDER}) group by s._file"
        )
        return dict(zip(counted["file"].to_pylist(), counted["rows"].to_pylist(), strict=True))

    def _merge(self, contract: Contract, staged: list["_StagedFile"]) -> Mapping[str, int]:
        """Merge the staged rows; how many of each load's had a key that the table already had."""
        if len(staged) > 1:
            return self._writer.merge(_ROWS, contract.table, counted_by="load_id").known
        counts = self._writer.merge(_ROWS, contract.table)
        return {staged[0].load_id: counts.updated + counts.unchanged}

    def _next_version(self, contract: Contract) -> int | None:
        if not contract.is_reference:
            return None
        rows = self._writer.fetch(f"select coalesce(max(version), 0) as version from {contract.table.qualified}")
        return int(rows[0]["version"]) + 1

    def _quarantine(
        self, contract: Contract, staging: Staging, staged: list["_StagedFile"], seen_at: datetime
    ) -> dict[int, int]:
        """Put what could not be taken into raw.quarantine; rows by file number."""
        by_number = {entry.rows.number: entry for entry in staged}
        shifted = _shifted_lines(staged)
        line_of = dict(zip(shifted["row"].to_pylist(), shifted["line"].to_pylist(), strict=True)) if shifted else {}
        counts: dict[int, int] = {}
        for chunk in staging.quarantined():
            rows = []
            for row in chunk.to_pylist():
                entry = by_number.get(row["_file"])
                if entry is None:
                    continue
                counts[row["_file"]] = counts.get(row["_file"], 0) + 1
                first_line = 2 if entry.file.format == "csv" else 1
                line = line_of.get(row["row"], row["row"] - entry.rows.first_row + first_line)
                name = f"{entry.file.name}\n{entry.look.checksum}\n{line}"
                rows.append(
                    {
                        "quarantine_id": md5(name.encode(), usedforsecurity=False).hexdigest(),
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
            if rows:
                self._writer.reading.register("_import_quarantine", pa.Table.from_pylist(rows, schema=_QUARANTINE))
                self._writer.append_staged("_import_quarantine", "raw.quarantine")
                self._writer.reading.unregister("_import_quarantine")
        return counts

    def _refuse(self, file: DroppedFile, error: str, started_at: datetime) -> None:
        """Record a refused file, once for each content and reason however often it is tried again."""
        message = safe_message(error)
        try:
            digest = self._seen.checksum(file)
        except RefusedFileError:
            digest = None
        load = FileLoad(
            load_id=uuid.uuid4().hex,
            source=file.contract.source,
            entity=file.contract.entity,
            file_name=file.name,
            outcome="refused",
            rows_claimed=file.rows_claimed,
            bytes=file.size,
            error=message,
        )
        if (file.name, digest, message) not in self._refused:
            self._refused.add((file.name, digest, message))
            with self._writer.transaction():
                self._writer.append("raw.import_ledger", [_ledger_row(load, digest, started_at, _now())])
        self._report.loads.append(load)
        if self._progress:
            self._progress(file.contract.name, file.name, 0, 0.0)


@dataclass(slots=True)
class _StagedFile:
    file: DroppedFile
    look: Look
    rows: FileRows
    load_id: str
    seconds: float


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


def _ledger(writer: Writer) -> tuple[dict[str, list[tuple[int, str]]], set[tuple[str, str | None, str]]]:
    """Loaded files by name with (size, checksum) of each delivery in order, and refusals already recorded."""
    loaded: dict[str, list[tuple[int, str]]] = {}
    refused: set[tuple[str, str | None, str]] = set()
    for row in writer.fetch(
        "select file_name, file_size, file_checksum, outcome, error from raw.import_ledger "
        "where file_name is not null order by finished_at"
    ):
        if row["outcome"] == "loaded":
            loaded.setdefault(row["file_name"], []).append((row["file_size"], row["file_checksum"]))
        else:
            refused.add((row["file_name"], row["file_checksum"], row["error"]))
    return loaded, refused


def _ledger_row(load: FileLoad, digest: str | None, started_at: datetime, finished_at: datetime) -> dict[str, Any]:
    return {
        "load_id": load.load_id,
        "source": load.source,
        "entity": load.entity,
        "file_name": load.file_name,
        "file_size": load.bytes,
        "file_checksum": digest,
        "started_at": started_at,
        "finished_at": finished_at,
        "rows_seen": load.rows_seen,
        "rows_loaded": load.rows_loaded,
        "rows_merged": load.rows_merged,
        "rows_quarantined": load.rows_quarantined,
        "rows_claimed": load.rows_claimed,
        "bytes": load.bytes,
        "outcome": load.outcome,
        "error": load.error,
    }


def _shifted_lines(staged: list[_StagedFile]) -> pa.Table:
    """Staged row and line, for CSV files in which rows without a place of their own shifted the others."""
    rows, lines = [], []
    for entry in staged:
        rejected = np.array(entry.rows.rejected_lines, dtype=np.int64)
        if not rejected.size:
            continue
        every = np.arange(2, entry.rows.all_rows + 2, dtype=np.int64)
        # The rejected rows are staged behind the others.
        lines.append(np.concatenate([np.setdiff1d(every, rejected)[: every.size - rejected.size], rejected]))
        rows.append(entry.rows.first_row + np.arange(every.size, dtype=np.int64))
    empty = np.array([], dtype=np.int64)
    return pa.table({"row": np.concatenate([empty, *rows]), "line": np.concatenate([empty, *lines])})


def _refuse_if_changed(file: DroppedFile) -> None:
    try:
        now = file.path.stat()
    except OSError as error:
        raise RefusedFileError(f"{file.name}: went away while it was read") from error
    if (now.st_size, now.st_mtime_ns) != (file.size, file.modified_ns):
        raise RefusedFileError(f"{file.name}: changed while it was read; it will be read again at the next import")


class _SeenFiles:
    """Checksums of files that have not changed since they were taken, so that a known file costs one stat.

    Only a saving of work: without it, or with a stale one, files are read again and the ledger decides.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_changed = False
        try:
            self._entries: dict[str, list[Any]] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._entries = {}

    def checksum(self, file: DroppedFile) -> str:
        """The file's SHA-256; raises RefusedFileError where it has to be read and cannot be."""
        entry = self._entries.get(str(file.path))
        if entry and entry[:2] == [file.size, file.modified_ns]:
            return entry[2]
        digest = checksum(file)
        self.remember(file, digest)
        return digest

    def remember(self, file: DroppedFile, digest: str) -> None:
        """Keep a checksum that was taken on the way."""
        self._entries[str(file.path)] = [file.size, file.modified_ns, digest]
        self._is_changed = True

    def save(self) -> None:
        """Write what was learned, whole or not at all."""
        if self._is_changed:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            written = self._path.with_suffix(".tmp")
            written.write_text(json.dumps(self._entries), encoding="utf-8")
            written.replace(self._path)
