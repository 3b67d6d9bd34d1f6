"""Files into the warehouse: staged, then landed with their quarantine and their ledger rows in one transaction.

`Landing` is the whole of it, for every way that files come: drop folders (`ingest.files`), live sources
(`ingest.live`), the quarantine (`ingest.quarantine`). Which files are to be loaded is their affair; what a file's rows
become is `ingest.reading`; what must not come in is `ingest.privacy`.
"""

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from ingest.columns import literal
from ingest.contracts import Contract
from ingest.delivery import Claim, DroppedFile, Look, checksum, look_through
from ingest.erasure import erased_marks
from ingest.privacy import safe_message
from ingest.pseudonym_key import key_mark, require_same_key
from ingest.reading import STAGED, FileRows, Staging
from ingest.retention import kept_from
from warehouse import Warehouse, Writer
from warehouse.errors import RefusedFileError
from warehouse.statements import quoted

Progress = Callable[[str, str, int, float], None]
"""Called once a file: entity (`source/entity`), file name, rows seen, seconds."""

_ROWS = "_import_rows"
_FILES = "_import_files"
_LINES = "_import_lines"
_OLDER = "_import_older"
_KEPT = "_import_kept"
_OPEN = "_import_open"
_NUMBER = "_row"
_CLOSED_AT_ONCE = 1000
_MOST_ASKED_ABOUT = 10_000

_MOST_MEGABYTES = 700


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


@dataclass(frozen=True, slots=True)
class FileLoad:
    """What became of one file. rows_seen = rows_loaded + rows_merged + rows_quarantined.

    `rows_loaded` are new to the table; `rows_merged` replaced an older version, were older themselves, were already
    there (of a live source, in the quarantine too), or must not come back (of an erased person, or past retention: the
    ledger's `removed` counts those). `rows_claimed` is what a manifest or a live source says it holds. `error` is one
    line, for refused files. A `replayed` load is of rows that an earlier load of the same file put into the quarantine.
    """

    load_id: str
    source: str
    entity: str
    file_name: str
    outcome: Literal["loaded", "refused", "replayed"]
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

    `ignored` names what lies in the drop folder without being an entity's file, `missing` what a manifest names and is
    not there, `failed` the live entities that could not be read, each with the reason.
    """

    loads: list[FileLoad] = field(default_factory=list)
    missing: list[Claim] = field(default_factory=list)
    known: int = 0
    ignored: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
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


def latest_of(as_of: datetime) -> datetime:
    """The latest time that a row may have: a day after the later of the clock and the wall clock, naive UTC."""
    clock = as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
    return max(clock, now()) + timedelta(days=1)


def now() -> datetime:
    """The wall clock, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def limit_memory(writer: Writer, setting: str) -> None:
    """Hold this session's engine to the setting, and to what leaves room for the reader beside it.

    What does not fit goes to the engine's temporary folder.
    """
    number, unit = int(setting[:-2]), setting[-2:]
    writer.reading.sql(f"set memory_limit = '{min(_MOST_MEGABYTES, number * (1000 if unit == 'GB' else 1))}MB'")


def looked_through(file: DroppedFile, look: Callable[[DroppedFile], Look] = look_through) -> "Future[Look]":
    """A look through a file that is taken at once, as `Landing.stage` wants it."""
    looked: Future[Look] = Future()
    try:
        looked.set_result(look(file))
    except RefusedFileError as error:
        looked.set_exception(error)
    return looked


class Landing:
    """Stages batches of files and lands them. A batch may be staged while the one before it lands.

    `recorded` holds the refusals (name, checksum, error) that are in the ledger already; each is recorded once.
    `digest_of` gives a refused file's SHA-256, `landed` is told each file that landed and its SHA-256.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        report: ImportReport,
        *,
        as_of: datetime,
        progress: Progress | None = None,
        recorded: set[tuple[str, str | None, str]] | None = None,
        digest_of: Callable[[DroppedFile], str] = checksum,
        landed: Callable[[DroppedFile, str], None] | None = None,
    ) -> None:
        self._key = warehouse.settings.pseudonym_key
        self._is_key_known = False
        self._latest = latest_of(as_of)
        self._work = warehouse.settings.home / "tmp"
        self._report = report
        self._progress = progress
        self._recorded = recorded if recorded is not None else set()
        self._digest_of = digest_of
        self._landed = landed

    def stage(
        self,
        looked: Sequence[tuple[DroppedFile, "Future[Look]"]],
        writer: Writer,
        *,
        replay: Sequence["OpenRow"] = (),
        is_from_text: bool = False,
    ) -> "Batch":
        """Read files of one entity into the writer's staging table; the warehouse is not touched.

        Of files that are read again for rows of the quarantine, `replay`, only those rows count. `is_from_text` says
        that the files hold the quarantine's own texts, in the order of `replay`, in which persons are pseudonyms.
        """
        contract = looked[0][0].contract
        staging = Staging(
            writer.reading, contract, self._key, self._latest, self._work, persons_are_hidden=is_from_text
        )
        batch = Batch(contract, writer, staging, now(), replayed=replay)
        whole: list[tuple[int, DroppedFile, Look]] = []
        for number, (file, look) in enumerate(looked):
            try:
                whole.append((number, file, look.result()))
            except RefusedFileError as error:
                batch.refused.append((file, str(error)))
        begun = time.monotonic()
        together = staging.stage_together([entry for entry in whole if entry[1].format == "ndjson"])
        each = (time.monotonic() - begun) / max(1, len(together))
        for number, file, look in whole:
            begun = time.monotonic() - (each if number in together else 0.0)
            try:
                rows = together[number] if number in together else staging.stage(file, look, number)
                if isinstance(rows, RefusedFileError):
                    raise rows
                _refuse_if_changed(file)
            except RefusedFileError as error:
                batch.refused.append((file, str(error)))
                continue
            entry = StagedFile(file, look, rows, uuid.uuid4().hex, time.monotonic() - begun)
            if is_from_text:
                entry.lines = [row.file_line for row in replay if row.file_name == file.name]
            batch.files.append(entry)
        # Some are known to be no good before they are read; all are told in the order of the files.
        place = {file.name: number for number, (file, _) in enumerate(looked)}
        batch.refused.sort(key=lambda refused: place[refused[0].name])
        if batch.files:
            _number_lines(batch)
            if replay and not is_from_text:
                _keep_replayed(batch)
            staging.clean([entry.rows for entry in batch.files])
        return batch

    def land(self, batch: "Batch") -> None:
        """Land a batch's rows, their quarantine and their ledger rows in one transaction."""
        for file, error in batch.refused:
            self._refuse(batch, file, error)
        if not batch.files:
            return
        begun = time.monotonic()
        loads = self._land_rows(batch)
        share = (time.monotonic() - begun) / len(batch.files)
        for entry, load in zip(batch.files, loads, strict=True):
            if self._landed:
                self._landed(entry.file, entry.look.checksum)
            self._report.loads.append(load)
            if self._progress:
                self._progress(batch.contract.name, load.file_name, load.rows_seen, entry.seconds + share)

    def _land_rows(self, batch: "Batch") -> list[FileLoad]:
        contract, writer = batch.contract, batch.writer
        loaded_at = now()
        with writer.transaction():
            if not self._is_key_known and not require_same_key(writer, self._key):
                writer.append("ops.pseudonym_key", [{"key_mark": key_mark(self._key), "first_used_at": loaded_at}])
            # Asked here and not when the batch was staged: an erasure may have come in between.
            batch.staging.leave_out(
                [entry.rows for entry in batch.files], erased_marks(writer), kept_from(writer, contract)
            )
            version = self._next_version(batch)
            self._name_rows(batch, loaded_at, version)
            winners = self._winners(batch)
            there: Mapping[str, int] = {}
            if contract.is_reference:
                writer.append_staged(_ROWS, contract.table.qualified)
            elif sum(winners.values()):
                there = self._merge(batch)
            _close_corrected(batch, loaded_at)
            quarantined = self._quarantine(batch, loaded_at)
            loads = []
            for entry in batch.files:
                number = entry.rows.number
                bad = quarantined.get(number, 0)
                new = winners.get(number, 0) - there.get(entry.load_id, 0)
                loads.append(
                    FileLoad(
                        load_id=entry.load_id,
                        source=contract.source,
                        entity=contract.entity,
                        file_name=entry.file.name,
                        outcome="replayed" if batch.is_replay else "loaded",
                        rows_seen=entry.rows.rows_seen,
                        rows_loaded=new,
                        rows_merged=entry.rows.rows_seen - bad - new,
                        rows_quarantined=bad,
                        rows_claimed=entry.file.rows_claimed,
                        bytes=entry.file.size,
                        seconds=entry.seconds,
                    )
                )
            finished_at = now()
            if batch.is_replay:
                _close_replayed(batch, finished_at)
            writer.append(
                "raw.import_ledger",
                [
                    _ledger_row(load, entry.look.checksum, batch.started_at, finished_at)
                    | {
                        "cursor_before": entry.file.cursor_before,
                        "cursor_after": entry.file.cursor_after,
                        "key_fill": json.dumps(entry.rows.key_fill),
                        "removed": json.dumps(dict(sorted(entry.rows.removed.items()))),
                    }
                    for load, entry in zip(loads, batch.files, strict=True)
                ],
            )
        # Not sooner: what is rolled back takes the mark of the key with it.
        self._is_key_known = True
        writer.reading.sql(f"drop view if exists {_ROWS}")
        writer.reading.sql(f"drop table if exists {STAGED}")
        return loads

    def _name_rows(self, batch: "Batch", loaded_at: datetime, version: int | None) -> None:
        """Make the view of the rows to land: one a key, with where each came from."""
        contract, reading = batch.contract, batch.writer.reading
        key = ", ".join(f's."{name}"' for name in contract.key)
        newer = 's."updated_at" desc nulls last, ' if "updated_at" in contract.table.version_by else ""
        if contract.key and _has_repeated_key(batch):
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
        # A join costs as much for no row as for many, and a condition nearly so.
        [found] = reading.sql(
            f"select (select count(*) from {_OLDER}) as older, (select count(_reason) from {STAGED}) as bad"
        ).to_pylist()
        conditions = ["s._reason is null"] if found["bad"] else []
        conditions += [f"s.rowid not in (select row from {_OLDER})"] if found["older"] else []
        batch.is_landing = " and ".join(conditions) or "true"
        place = _place(batch)
        columns = ", ".join(f's."{column.name}"' for column in contract.columns)
        # A reference has its version, and is never merged.
        versioned = f"s.rowid as {_NUMBER}, " if version is None else f"{version}::bigint as version, "
        reading.sql(
            f"create or replace temp view {_ROWS} as select {columns}, {versioned}s.extra, {place.load_id} as load_id, "
            f"timestamp '{loaded_at.isoformat(sep=' ')}' as loaded_at, {place.file_name} as file_name, "
            f"{place.line} as file_line from {STAGED} as s {place.join} where {batch.is_landing}"
        )

    def _winners(self, batch: "Batch") -> dict[int, int]:
        """Rows of each file that are good and the latest of their key among what is staged."""
        counted = batch.writer.reading.sql(
            f"select s._file as file, count(*) as rows from {STAGED} as s join {_FILES} as f on f.file = s._file "
            f"where {batch.is_landing} group by s._file"
        )
        return dict(zip(counted["file"].to_pylist(), counted["rows"].to_pylist(), strict=True))

    def _merge(self, batch: "Batch") -> Mapping[str, int]:
        """Merge the staged rows; how many of each load's had a key that the table already had."""
        if len(batch.files) > 1:
            return batch.writer.merge(_ROWS, batch.contract.table, counted_by="load_id", numbered_by=_NUMBER).known
        counts = batch.writer.merge(_ROWS, batch.contract.table, numbered_by=_NUMBER)
        return {batch.files[0].load_id: counts.updated + counts.unchanged}

    def _next_version(self, batch: "Batch") -> int | None:
        if not batch.contract.is_reference:
            return None
        table = batch.contract.table.qualified
        rows = batch.writer.fetch(f"select coalesce(max(version), 0) as version from {table}")
        return int(rows[0]["version"]) + 1

    def _quarantine(self, batch: "Batch", seen_at: datetime) -> dict[int, int]:
        """Put what could not be taken into raw.quarantine, where a replay finds it already; rows by file number."""
        contract, writer = batch.contract, batch.writer
        by_number = {entry.rows.number: entry for entry in batch.files}
        shifted = _shifted_lines(batch.files)
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
                line = line_of.get(row["row"], row["row"] - entry.rows.first_row + _first_line(entry))
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

    def _refuse(self, batch: "Batch", file: DroppedFile, error: str) -> None:
        """Record a refused file, once for each content and reason however often it is tried again."""
        message = safe_message(error)
        try:
            digest = self._digest_of(file)
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
        if (file.name, digest, message) not in self._recorded:
            self._recorded.add((file.name, digest, message))
            with batch.writer.transaction():
                batch.writer.append("raw.import_ledger", [_ledger_row(load, digest, batch.started_at, now())])
        self._report.loads.append(load)
        if self._progress:
            self._progress(file.contract.name, file.name, 0, 0.0)


def _known_of_live(batch: "Batch") -> dict[str, bool]:
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


def _close_corrected(batch: "Batch", at: datetime) -> None:
    """Close rows of the quarantine that a live source has put right since: a good row of their key has come.

    Only the newest are asked about: where so many are open, the source is not put right row by row. What is bad in this
    very batch is opened again by `_quarantine`.
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
    that cannot be taken either. `is_landing` is the condition that a staged row `s` is to land: the latest of its key.
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
    is_landing: str = "s._reason is null"

    @property
    def is_replay(self) -> bool:
        """Whether these are rows of the quarantine, tried again."""
        return bool(self.replayed)


def _number_lines(batch: Batch) -> None:
    """Make the tables that say of which file, and of which line of it, a staged row is."""
    reading = batch.writer.reading
    reading.sql(
        f"create or replace temp table {_FILES} "
        "(file integer, load_id varchar, file_name varchar, first_row bigint, first_line bigint)"
    )
    for entry in batch.files:
        reading.sql(
            f"insert into {_FILES} values ($file, $load_id, $name, $first_row, $first_line)",
            {
                "file": entry.rows.number,
                "load_id": entry.load_id,
                "name": entry.file.name,
                "first_row": entry.rows.first_row,
                "first_line": _first_line(entry),
            },
        )
    shifted = _shifted_lines(batch.files)
    batch.has_shifted_lines = shifted.num_rows > 0
    reading.register(_LINES, shifted)


def _has_repeated_key(batch: Batch) -> bool:
    """Whether a key may come more than once among the staged rows; hashes in order tell sooner than groups of keys."""
    digest = f"hash({', '.join(map(quoted, batch.contract.key))})"
    found = batch.writer.reading.sql(f"select {digest} as digest from {STAGED} where _reason is null")
    digests = np.sort(found["digest"].to_numpy())
    return bool((digests[1:] == digests[:-1]).any())


_LINE = "coalesce(l.line, s.rowid - f.first_row + f.first_line)"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a staged row `s` came from, in SQL; `join` is what has to stand behind the staging table for that."""

    load_id: str
    file_name: str
    line: str
    join: str


def _place(batch: Batch) -> _Place:
    # Where all rows are of one file, that is known without a join, which costs a tenth of the writing.
    if len(batch.files) == 1 and not batch.refused and not batch.has_shifted_lines:
        [entry] = batch.files
        shift = _first_line(entry) - entry.rows.first_row
        return _Place(literal(entry.load_id), literal(entry.file.name), f"s.rowid + {shift}", "")
    join, line = f"join {_FILES} as f on f.file = s._file", "s.rowid - f.first_row + f.first_line"
    if batch.has_shifted_lines:
        join, line = f"{join} left join {_LINES} as l on l.row = s.rowid", _LINE
    return _Place("f.load_id", "f.file_name", line, join)


def _first_line(entry: StagedFile) -> int:
    """The line of a file's first row: a CSV file's first is its header."""
    return 2 if entry.file.format == "csv" else 1


def _keep_replayed(batch: Batch) -> None:
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
        f"join {_FILES} as f on f.file = s._file left join {_LINES} as l on l.row = s.rowid "
        f"join {_KEPT} as k on k.file = s._file and k.line = {_LINE})"
    )
    reading.unregister(_KEPT)
    for entry in batch.files:
        [counted] = reading.sql(
            f"select count(*) as n from {STAGED} where _file = $file", {"file": entry.rows.number}
        ).to_pylist()
        entry.rows.rows_seen = counted["n"]


def _close_replayed(batch: Batch, at: datetime) -> None:
    """Close the rows of the quarantine that were taken now."""
    there = {entry.file.name for entry in batch.files}
    taken = [
        row.quarantine_id
        for row in batch.replayed
        if row.file_name in there and (row.file_name, row.file_line) not in batch.still_bad
    ]
    _resolve(batch.writer, taken, "replayed", at)


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


def _shifted_lines(staged: Sequence[StagedFile]) -> pa.Table:
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


def _refuse_if_changed(file: DroppedFile) -> None:
    try:
        now = file.path.stat()
    except OSError as error:
        raise RefusedFileError(f"{file.name}: went away while it was read") from error
    if (now.st_size, now.st_mtime_ns) != (file.size, file.modified_ns):
        raise RefusedFileError(f"{file.name}: changed while it was read; it will be read again at the next import")
