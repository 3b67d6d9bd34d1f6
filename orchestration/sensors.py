"""What starts a refresh beside the clock: files that arrive."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from ingest import remote
from orchestration.assets import AS_OF_TAG
from orchestration.clock import now
from orchestration.jobs import REFRESH
from warehouse.errors import SkillsmithError
from warehouse.settings import Settings

if TYPE_CHECKING:
    from orchestration.jobs import AssetJob

# A file may still be growing; a listing counts once it has been the same twice in a row.
_SETTLE_SECONDS = 30


def arrivals(job: "AssetJob", settings: Settings) -> dg.SensorDefinition:
    """Start a refresh when the drop folder's listing has changed and then stayed the same for one look.

    The cursor is `<listing last refreshed>:<listing last seen>:<refreshes so far>`; a listing is a hash of names, sizes
    and times. Dagster starts no second run of one key, and a folder may go back to what it was.
    """

    @dg.sensor(
        name="new_files",
        job=job,
        minimum_interval_seconds=_SETTLE_SECONDS,
        description="Refresh when new files have arrived in the drop folder.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        refreshed, seen, number = [*(context.cursor or "::").split(":"), "0"][:3]
        number = int(number or 0)
        try:
            listing = listing_of(settings.drop_folder)
        except SkillsmithError as error:
            yield dg.SkipReason(str(error))
            return
        if listing is None:
            yield dg.SkipReason(f"{settings.drop_folder} has no files yet")
        elif listing == refreshed:
            yield dg.SkipReason("nothing new")
        elif listing != seen:
            context.update_cursor(f"{refreshed}:{listing}:{number}")
            yield dg.SkipReason("files are arriving; waiting until they have settled")
        else:
            context.update_cursor(f"{listing}:{listing}:{number + 1}")
            yield dg.RunRequest(run_key=f"{REFRESH}-{listing}-{number + 1}", tags={AS_OF_TAG: now().isoformat()})

    return sensor


def listing_of(folder: Path | str) -> str | None:
    """A hash of the names, sizes and times (or versions) of all files below the folder; None where there is none.

    Raises UsageError or TransientError where the folder is in an object store that cannot be listed.
    """
    if isinstance(folder, str):
        return remote.listing_of(folder)
    digest = hashlib.sha256()
    found = False
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        try:
            facts = path.stat()
        except FileNotFoundError:
            # Renamed into place while we looked; the next look sees it.
            continue
        if path.is_file():
            found = True
            digest.update(f"{path.relative_to(folder)}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24] if found else None
