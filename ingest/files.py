"""A drop folder into the warehouse: what is new, exactly once, accounted for file by file.

`import_drop` is the whole of it. A file is known by its path in the drop folder, its size and its SHA-256; its rows
and its ledger row land in one transaction (`ingest.landing`), so a run that is killed anywhere is simply run again.
"""

import contextlib
import json
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from itertools import chain, cycle, groupby
from pathlib import Path
from typing import Any

from ingest.batch import Batch
from ingest.contracts import CONTRACTS
from ingest.delivery import Claim, DroppedFile, Look, checksum, find, look_through
from ingest.landing import Landing, limited_memory
from ingest.pseudonym_key import require_same_key
from ingest.remote import READERS, RemoteDrop
from ingest.report import ImportReport, Progress
from warehouse import Warehouse, Writer
from warehouse.errors import RefusedFileError, UsageError
from warehouse.settings import place_of

# A batch is one transaction: small files share one, a large file has its own.
_BATCH_BYTES = 256 << 20
_BATCH_FILES = 250
_USUAL_COMPRESSION = 8
_SAVED_SECONDS = 10.0


def import_drop(
    warehouse: Warehouse,
    drop: Path | str,
    *,
    as_of: datetime,
    entities: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Load every file of the drop folder that is not yet loaded, or only those of `entities` (`source/entity`).

    `drop` is a folder, or the URL of one in an object store (`ingest.remote`) or of a file system (`file:///path`).
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
    place = place_of(drop)
    remote = RemoteDrop(place, warehouse.settings.home) if isinstance(place, str) else None
    found = remote.find(wanted) if remote else find(Path(place), wanted)
    # Asked for before anything is touched: without it no person's row could be taken.
    _ = warehouse.settings.pseudonym_key
    warehouse.initialise(contract.table for contract in CONTRACTS.values())
    report = ImportReport(missing=found.missing, ignored=found.ignored)
    with warehouse.write("import") as writer:
        # Also where nothing is new: a wrong key is to be found on the day on which it is given.
        require_same_key(writer, warehouse.settings.pseudonym_key)
        with limited_memory(writer, warehouse.settings.memory_limit):
            _Import(warehouse, writer, report, as_of, progress, remote).load(found.files)
    warehouse.freshen()
    report.seconds = time.monotonic() - started
    return report


class _Import:
    """One run over a drop folder inside one writing session."""

    def __init__(
        self,
        warehouse: Warehouse,
        writer: Writer,
        report: ImportReport,
        as_of: datetime,
        progress: Progress | None,
        remote: RemoteDrop | None,
    ) -> None:
        self._writer = writer
        self._report = report
        self._remote = remote
        self._seen = _SeenFiles(warehouse.settings.home / "checksums.json", remote.checksum if remote else checksum)
        self._loaded, self._claimed, refused = _ledger(writer)
        self._claims: dict[tuple[str, str], int | None] = {}
        self._landing = Landing(
            warehouse,
            report,
            as_of=as_of,
            progress=progress,
            recorded=refused,
            digest_of=self._seen.checksum,
            landed=self._seen.remember,
        )

    def load(self, files: list[DroppedFile]) -> None:
        """Every file that is not yet known, entity by entity, in the order of their names.

        Where the warehouse has two staging areas, the next batch is staged while the one before it lands.
        """
        with self._remote or contextlib.nullcontext():
            try:
                self._load(files)
            finally:
                self._seen.save()
        self._note_claims()

    def _load(self, files: list[DroppedFile]) -> None:
        twin = self._writer.twin()
        writers = cycle([self._writer, twin] if twin else [self._writer])
        look, at_once = (self._remote.look_through, READERS) if self._remote else (look_through, 1)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="land") as pool:
            landing: Future[None] | None = None
            for _, of_entity in groupby(files, key=lambda file: file.contract.name):
                new = [file for file in of_entity if not self._is_known(file)]
                ahead = _looked_through(new, look, at_once)
                # Closed at once where a batch fails, so that nothing is read any more when the run ends.
                with contextlib.closing(ahead):
                    for batch in chain.from_iterable(self._staged(looked, writers) for looked in ahead):
                        if landing:
                            landing.result()
                        landing = pool.submit(self._land, batch)
                        if not twin:
                            landing.result()
            if landing:
                landing.result()

    def _staged(self, looked: list[tuple[DroppedFile, "Future[Look]"]], writers: Iterator[Writer]) -> Iterator[Batch]:
        """The files staged together, or one by one where one of them has too long rows: the others are good."""
        batch = self._landing.stage(looked, next(writers))
        if batch.was_short_of_memory and len(looked) > 1:
            for one in looked:
                yield self._landing.stage([one], next(writers))
        else:
            yield batch

    def _land(self, batch: Batch) -> None:
        self._landing.land(batch)
        if self._remote:
            self._remote.forget([*(staged.file for staged in batch.files), *(file for file, _ in batch.refused)])
            # What is learned of an object saves reading it again, so a run that is killed loses little of it.
            self._seen.save_now_and_then()

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
        # A manifest often comes last, when its files are loaded.
        if file.checksum_claimed and file.checksum_claimed.lower() != digest:
            reason = "what was loaded under this name has another SHA-256 than its manifest says; deliver it again"
            self._report.missing.append(Claim(file.contract, file.name, file.rows_claimed, reason))
        elif file.is_named and file.rows_claimed != self._claimed.get((file.name, digest)):
            self._claims[file.name, digest] = file.rows_claimed
        self._report.known += 1
        return True

    def _note_claims(self) -> None:
        """Write what manifests now say of files that were loaded before them into the ledger, to be held against it."""
        if not self._claims:
            return
        with self._writer.transaction():
            for (name, digest), rows in self._claims.items():
                self._writer.execute(
                    "update raw.import_ledger set rows_claimed = ? "
                    "where file_name = ? and file_checksum = ? and outcome = 'loaded'",
                    [rows, name, digest],
                )


def _looked_through(
    files: list[DroppedFile], look: Callable[[DroppedFile], Look], at_once: int
) -> Generator[list[tuple[DroppedFile, "Future[Look]"]]]:
    """Files in bounded batches, each looked through while the batch before it is read."""
    pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="look-through")
    ahead: list[tuple[DroppedFile, Future[Look]]] = []
    try:
        for batch in _batches(files):
            looking = [(file, pool.submit(look, file)) for file in batch]
            if ahead:
                yield ahead
            ahead = looking
        if ahead:
            yield ahead
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(files: list[DroppedFile]) -> Iterator[list[DroppedFile]]:
    batch: list[DroppedFile] = []
    size = 0
    for file in files:
        weight = file.size * (_USUAL_COMPRESSION if file.compression or file.format == "parquet" else 1)
        is_full = size + weight > _BATCH_BYTES or len(batch) >= _BATCH_FILES
        if batch and (is_full or file.contract.is_reference):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += weight
    if batch:
        yield batch


def _ledger(
    writer: Writer,
) -> tuple[dict[str, list[tuple[int, str]]], dict[tuple[str, str], int | None], set[tuple[str, str | None, str]]]:
    """Loaded files by name with (size, checksum) of each delivery in order; the rows that a manifest claims of each
    delivery, by name and checksum; refusals already recorded.
    """
    loaded: dict[str, list[tuple[int, str]]] = {}
    claimed: dict[tuple[str, str], int | None] = {}
    refused: set[tuple[str, str | None, str]] = set()
    for row in writer.fetch(
        "select file_name, file_size, file_checksum, rows_claimed, outcome, error from raw.import_ledger "
        "where file_name is not null order by finished_at"
    ):
        if row["outcome"] == "loaded":
            loaded.setdefault(row["file_name"], []).append((row["file_size"], row["file_checksum"]))
            claimed[row["file_name"], row["file_checksum"]] = row["rows_claimed"]
        elif row["outcome"] == "refused":
            refused.add((row["file_name"], row["file_checksum"], row["error"]))
    return loaded, claimed, refused


class _SeenFiles:
    """Checksums of files that have not changed since they were taken, so that a known file costs one stat.

    A file is told by its path, size and time, an object of a store by its URL, size and version.

    Only a saving of work: without it, or with a stale one, files are read again and the ledger decides.
    """

    def __init__(self, path: Path, read: Callable[[DroppedFile], str]) -> None:
        self._path = path
        self._read = read
        self._saved = time.monotonic()
        self._is_changed = False
        try:
            self._entries: dict[str, list[Any]] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._entries = {}

    def checksum(self, file: DroppedFile) -> str:
        """The file's SHA-256; raises RefusedFileError where it has to be read and cannot be."""
        entry = self._entries.get(file.url or str(file.path))
        if entry and entry[:2] == [file.size, file.version or file.modified_ns]:
            return entry[2]
        digest = self._read(file)
        self.remember(file, digest)
        return digest

    def remember(self, file: DroppedFile, digest: str) -> None:
        """Keep a checksum that was taken on the way."""
        self._entries[file.url or str(file.path)] = [file.size, file.version or file.modified_ns, digest]
        self._is_changed = True

    def save_now_and_then(self) -> None:
        """Save where the last time is a while ago."""
        if time.monotonic() - self._saved > _SAVED_SECONDS:
            self.save()
            self._saved = time.monotonic()

    def save(self) -> None:
        """Write what was learned, whole or not at all; on a full disk not at all, for every row has landed."""
        if self._is_changed:
            written = self._path.with_suffix(".tmp")
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                written.write_text(json.dumps(self._entries), encoding="utf-8")
                written.replace(self._path)
