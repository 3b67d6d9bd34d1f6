"""What an import did, file by file: what `ingest.landing` fills and every command, page and asset tells."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ingest.delivery import Claim

Progress = Callable[[str, str, int, float], None]
"""Called once a file: entity (`source/entity`), file name, rows seen, seconds."""


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
