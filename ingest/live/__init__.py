"""Live systems into the warehouse: window by window, each with its ledger row and its cursor in one transaction.

A source (a module here each) writes what is new into files of a spool folder; from there the rows go the way of every
delivered file. The cursor of an entity is the last one in the ledger, so a run that is killed anywhere goes on where
the last window landed. A source that delivers rows twice, as all do by design (their windows overlap), changes nothing.
"""

import fcntl
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from ingest.contracts import CONTRACTS, Contract
from ingest.delivery import COMPRESSIONS, FORMATS, DroppedFile
from ingest.landing import Landing, limited_memory, looked_through
from ingest.live.window import LiveSource, Window
from ingest.report import ImportReport, Progress
from warehouse import Warehouse
from warehouse.errors import (
    RefusedFileError,
    SkillsmithError,
    SourceError,
    TransientError,
    UnreachableError,
    UsageError,
    WarehouseBusyError,
)

__all__ = ["LiveSource", "Window", "cursor_of", "import_live"]


def import_live(
    warehouse: Warehouse,
    source: LiveSource,
    *,
    as_of: datetime,
    entities: Iterable[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    from_start: bool = False,
    holding: Callable[[], AbstractContextManager[None]] = nullcontext,
    progress: Progress | None = None,
    report: ImportReport | None = None,
) -> ImportReport:
    """Load what is new in a live source, or in those `entities` of it.

    With `since` (UTC; until `until`, or now) it is a backfill of rows from that time on, which leaves the cursors;
    with `from_start` everything is read again (UsageError where that would write history anew, and for a range that is
    none). `holding` is entered whenever something lands, not while the source is read. `report` is filled as it goes,
    also where this raises.

    Raises SourceError, or TransientError where another try may help, where an entity cannot be read or a window of it
    cannot be taken at all, once the other entities are read (nothing behind such a window is asked for, so that no row
    is left out); UnreachableError at once; WarehouseBusyError where another process reads the same source. Every
    window before that has landed.
    """
    started = time.monotonic()
    wanted = source.entities if entities is None else tuple(entities)
    unknown = sorted(set(wanted) - set(source.entities))
    if unknown:
        raise UsageError(f"{unknown[0]} is not read from {source.name}; it gives {', '.join(source.entities)}")
    _require_range(since, until, as_of, from_start=from_start)
    report = ImportReport() if report is None else report
    landing = Landing(warehouse, report, as_of=as_of, progress=progress)
    with _alone(warehouse.settings.home / "spool", source.name) as spool:
        try:
            with holding():
                warehouse.initialise(contract.table for contract in CONTRACTS.values())
                cursors = {name: cursor_of(warehouse, CONTRACTS[name]) for name in wanted}
                if from_start:
                    _refuse_another_start(source, cursors)
                    cursors = {}
            passes = False
            for number, name in enumerate(wanted):
                contract = CONTRACTS[name]
                windows = (
                    source.windows(contract, cursors.get(name), spool)
                    if since is None
                    else source.backfill(contract, since, until or as_of, spool)
                )
                try:
                    failure = _read(warehouse, landing, windows, holding)
                except BaseException as error:
                    said = str(error) if isinstance(error, SkillsmithError) else "could not be read"
                    report.failed |= dict.fromkeys(wanted[number:], said)
                    raise
                if failure is not None:
                    report.failed[name] = str(failure)
                    passes |= isinstance(failure, TransientError)
            if report.failed:
                # What is wrong with all of them is said once.
                said = "; ".join(dict.fromkeys(report.failed.values()))
                raise TransientError(said) if passes else SourceError(said)
        finally:
            source.close()
            if report.loads:
                with holding():
                    warehouse.freshen()
            report.seconds = time.monotonic() - started
    return report


def _read(
    warehouse: Warehouse,
    landing: Landing,
    windows: Iterator[Window],
    holding: Callable[[], AbstractContextManager[None]],
) -> SkillsmithError | None:
    """Land the windows of one entity; what is wrong with that entity alone, and keeps no other from being read.

    What is wrong with the warehouse, or with reaching the source at all, is raised.
    """
    while True:
        try:
            window = next(windows, None)
        except UnreachableError:
            raise
        except (SourceError, TransientError) as error:
            return error
        if window is None:
            return None
        try:
            with holding():
                _land(warehouse, landing, window)
        except RefusedFileError as error:
            return error
        window.path.unlink(missing_ok=True)


def _require_range(since: datetime | None, until: datetime | None, as_of: datetime, *, from_start: bool) -> None:
    """Raise UsageError for a range of time that nothing can lie in, which would look like one without rows."""
    if until is not None and since is None:
        raise UsageError("`until` needs a `since`")
    if since is not None and _aware(until or as_of) <= _aware(since):
        raise UsageError(f"`since` {since:%Y-%m-%d %H:%M} does not lie before the end, {until or as_of:%Y-%m-%d %H:%M}")
    if since is not None and from_start:
        raise UsageError("`since` and `from_start` exclude each other")


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _alone(folder: Path, name: str) -> Iterator[Path]:
    """An empty folder for one reader of a source, gone afterwards; what a killed one left is gone before."""
    folder.mkdir(parents=True, exist_ok=True)
    spool = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WarehouseBusyError(f"another process is reading {name} now; wait until it ends") from error
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir()
        try:
            yield spool
        finally:
            shutil.rmtree(spool, ignore_errors=True)


def _refuse_another_start(source: LiveSource, cursors: Mapping[str, str | None]) -> None:
    begun = [name for name, cursor in cursors.items() if cursor is not None]
    if source.starts_once and begun:
        raise UsageError(
            f"{begun[0]} has been read from the start before; doing so again would date its present state back and so "
            "change history: use --since, or start with an empty warehouse"
        )


def cursor_of(warehouse: Warehouse, contract: Contract) -> str | None:
    """Where the next run of a live source goes on with an entity; None before its first window landed."""
    with warehouse.write("import") as writer:
        rows = writer.fetch(
            "select cursor_after from raw.import_ledger where source = ? and entity = ? and outcome = 'loaded' "
            "and cursor_after is not null order by cursor_number desc nulls last, finished_at desc limit 1",
            [contract.source, contract.entity],
        )
    return rows[0]["cursor_after"] if rows else None


def _land(warehouse: Warehouse, landing: Landing, window: Window) -> None:
    """Land one window; the warehouse is held only meanwhile, however long the source takes for the next one."""
    file = _as_file(window)
    looked = looked_through(file)
    with warehouse.write("import") as writer, limited_memory(writer, warehouse.settings.memory_limit):
        batch = landing.stage([(file, looked)], writer)
        landing.land(batch)
    if batch.refused:
        raise RefusedFileError(f"{batch.refused[0][1]}; the cursor stays where it was")


def _as_file(window: Window) -> DroppedFile:
    suffixes = [suffix.lower() for suffix in window.path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1])
    if compression:
        suffixes.pop()
    status = Path(window.path).stat()
    return DroppedFile(
        contract=window.contract,
        name=window.name,
        path=window.path,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        format=FORMATS[suffixes[-1]],
        compression=compression,
        rows_claimed=window.rows_claimed,
        is_live=True,
        refused_from=window.refused_from,
        cursor_before=window.cursor_before,
        cursor_after=window.cursor_after,
    )
