"""Files into the warehouse: staged, then landed with their quarantine and their ledger rows in one transaction.

`Landing` is the whole of it, for every way that files come: drop folders (`ingest.files`), live sources
(`ingest.live`), the quarantine (`ingest.quarantine`). Which files are to be loaded is their affair; what a file's rows
become is `ingest.reading`; what must not come in is `ingest.privacy`.
"""

import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from ingest.bad_rows import close_corrected, close_replayed, put_aside
from ingest.batch import FILES, Batch, OpenRow, StagedFile, keep_replayed, number_lines, place_of_rows
from ingest.delivery import DroppedFile, Look, checksum, look_through
from ingest.erasure import erased_marks
from ingest.privacy import safe_message
from ingest.pseudonym_key import key_mark, require_same_key
from ingest.reading import STAGED, Staging
from ingest.report import FileLoad, ImportReport, Progress
from ingest.retention import kept_from
from warehouse import Warehouse, Writer
from warehouse.errors import MemoryShortError, RefusedFileError
from warehouse.statements import quoted

_ROWS = "_import_rows"
_OLDER = "_import_older"
_NUMBER = "_row"

_MOST_MEGABYTES = 700


def latest_of(as_of: datetime) -> datetime:
    """The latest time that a row may have: a day after the later of the clock and the wall clock, naive UTC."""
    clock = as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
    return max(clock, now()) + timedelta(days=1)


def now() -> datetime:
    """The wall clock, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


@contextmanager
def limited_memory(writer: Writer, setting: str) -> Iterator[None]:
    """Hold this session's engine to the setting, and to what leaves room for the reader beside it.

    What does not fit goes to the engine's temporary folder. Afterwards the engine has the setting again: where a file
    stays open, what builds in it next has the same engine.
    """
    writer.reading.sql(f"set memory_limit = '{_megabytes(setting)}MB'")
    try:
        yield
    finally:
        # An engine that has given up takes no settings any more, and why it did is what counts.
        with suppress(Exception):
            writer.reading.sql(f"set memory_limit = '{setting}'")


def _megabytes(setting: str) -> int:
    """What an import may take of the memory that the engine may use."""
    number, unit = int(setting[:-2]), setting[-2:]
    return min(_MOST_MEGABYTES, number * (1000 if unit == "GB" else 1))


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
        self._megabytes = _megabytes(warehouse.settings.memory_limit)
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
    ) -> Batch:
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
        try:
            self._stage_whole(batch, whole, is_from_text=is_from_text)
        except MemoryShortError:
            batch.was_short_of_memory = True
            batch.files.clear()
            known = {file.name for file, _ in batch.refused}
            batch.refused += [(file, self._too_long(file)) for _, file, _ in whole if file.name not in known]
            writer.reading.sql(f"drop table if exists {STAGED}")
        # Some are known to be no good before they are read; all are told in the order of the files.
        place = {file.name: number for number, (file, _) in enumerate(looked)}
        batch.refused.sort(key=lambda refused: place[refused[0].name])
        return batch

    def _stage_whole(self, batch: Batch, whole: Sequence[tuple[int, DroppedFile, Look]], *, is_from_text: bool) -> None:
        """Stage files that a look found nothing wrong with, and make what was staged fit to leave."""
        staging, replay = batch.staging, batch.replayed
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
        if batch.files:
            number_lines(batch)
            if replay and not is_from_text:
                keep_replayed(batch)
            staging.clean([entry.rows for entry in batch.files])

    def land(self, batch: Batch) -> None:
        """Land a batch's rows, their quarantine and their ledger rows in one transaction."""
        for file, error in batch.refused:
            self._refuse(batch, file, error)
        if not batch.files:
            return
        begun = time.monotonic()
        try:
            loads = self._land_rows(batch)
        except MemoryShortError:
            batch.writer.reading.sql(f"drop table if exists {STAGED}")
            for entry in batch.files:
                batch.refused.append((entry.file, self._too_long(entry.file)))
                self._refuse(batch, *batch.refused[-1])
            return
        share = (time.monotonic() - begun) / len(batch.files)
        for entry, load in zip(batch.files, loads, strict=True):
            if self._landed:
                self._landed(entry.file, entry.look.checksum)
            self._report.loads.append(load)
            if self._progress:
                self._progress(batch.contract.name, load.file_name, load.rows_seen, entry.seconds + share)

    def _land_rows(self, batch: Batch) -> list[FileLoad]:
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
            close_corrected(batch, loaded_at)
            quarantined = put_aside(batch, loaded_at)
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
            finished_at, cursors = now(), self._cursor_numbers(batch)
            if batch.is_replay:
                close_replayed(batch, finished_at)
            writer.append(
                "raw.import_ledger",
                [
                    _ledger_row(load, entry.look.checksum, batch.started_at, finished_at)
                    | {
                        "cursor_before": entry.file.cursor_before,
                        "cursor_after": entry.file.cursor_after,
                        "cursor_number": None if entry.file.cursor_after is None else next(cursors),
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

    def _name_rows(self, batch: Batch, loaded_at: datetime, version: int | None) -> None:
        """Make the view of the rows to land: one a key, with where each came from."""
        contract, reading = batch.contract, batch.writer.reading
        key = ", ".join(f's."{name}"' for name in contract.key)
        newer = 's."updated_at" desc nulls last, ' if "updated_at" in contract.table.version_by else ""
        if contract.key and _has_repeated_key(batch):
            # Only keys that come more than once are put in order; they are few.
            reading.sql(
                f"create or replace temp table {_OLDER} as with several as ("
                f"select {key} from {STAGED} as s join {FILES} as f on f.file = s._file "
                f"where s._reason is null group by all having count(*) > 1), "
                f"ranked as (select s.rowid as row, row_number() over (partition by {key} "
                f"order by {newer}f.file_name desc, s.rowid desc) as place "
                f"from {STAGED} as s join {FILES} as f on f.file = s._file join several as m on "
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
        place = place_of_rows(batch)
        columns = ", ".join(f's."{column.name}"' for column in contract.columns)
        # A reference has its version, and is never merged.
        versioned = f"s.rowid as {_NUMBER}, " if version is None else f"{version}::bigint as version, "
        reading.sql(
            f"create or replace temp view {_ROWS} as select {columns}, {versioned}s.extra, {place.load_id} as load_id, "
            f"timestamp '{loaded_at.isoformat(sep=' ')}' as loaded_at, {place.file_name} as file_name, "
            f"{place.line} as file_line from {STAGED} as s {place.join} where {batch.is_landing}"
        )

    def _winners(self, batch: Batch) -> dict[int, int]:
        """Rows of each file that are good and the latest of their key among what is staged."""
        counted = batch.writer.reading.sql(
            f"select s._file as file, count(*) as rows from {STAGED} as s join {FILES} as f on f.file = s._file "
            f"where {batch.is_landing} group by s._file"
        )
        return dict(zip(counted["file"].to_pylist(), counted["rows"].to_pylist(), strict=True))

    def _merge(self, batch: Batch) -> Mapping[str, int]:
        """Merge the staged rows; how many of each load's had a key that the table already had."""
        if len(batch.files) > 1:
            return batch.writer.merge(_ROWS, batch.contract.table, counted_by="load_id", numbered_by=_NUMBER).known
        counts = batch.writer.merge(_ROWS, batch.contract.table, numbered_by=_NUMBER)
        return {batch.files[0].load_id: counts.updated + counts.unchanged}

    def _cursor_numbers(self, batch: Batch) -> Iterator[int]:
        """The numbers that this batch's cursors get, above those of the entity's cursors before it."""
        if all(entry.file.cursor_after is None for entry in batch.files):
            return itertools.count()
        [row] = batch.writer.fetch(
            "select max(cursor_number) as last from raw.import_ledger where source = ? and entity = ? "
            "and cursor_number is not null",
            [batch.contract.source, batch.contract.entity],
        )
        return itertools.count((row["last"] or 0) + 1)

    def _next_version(self, batch: Batch) -> int | None:
        if not batch.contract.is_reference:
            return None
        table = batch.contract.table.qualified
        rows = batch.writer.fetch(f"select coalesce(max(version), 0) as version from {table}")
        return int(rows[0]["version"]) + 1

    def _too_long(self, file: DroppedFile) -> str:
        """Why a file is refused where rows of it, or of one read with it, are too long: the engine takes 2,048 at once.

        The memory is told in MB.
        """
        return (
            f"{file.name}: rows of it, or of files read with it, are too long for the {self._megabytes} MB that an "
            "import may take; deliver them without what makes them so long"
        )

    def _refuse(self, batch: Batch, file: DroppedFile, error: str) -> None:
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


def _has_repeated_key(batch: Batch) -> bool:
    """Whether a key may come more than once among the staged rows; hashes in order tell sooner than groups of keys."""
    digest = f"hash({', '.join(map(quoted, batch.contract.key))})"
    found = batch.writer.reading.sql(f"select {digest} as digest from {STAGED} where _reason is null")
    digests = np.sort(found["digest"].to_numpy())
    return bool((digests[1:] == digests[:-1]).any())


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


def _refuse_if_changed(file: DroppedFile) -> None:
    try:
        now = file.path.stat()
    except OSError as error:
        raise RefusedFileError(f"{file.name}: went away while it was read") from error
    if (now.st_size, now.st_mtime_ns) != (file.size, file.modified_ns):
        raise RefusedFileError(f"{file.name}: changed while it was read; it will be read again at the next import")
