"""Errors a person meets: one line that says what happened and what to do next.

Two kinds decide what a scheduler does. `TransientError` may pass by itself and is tried again;
every other `SkillsmithError` will fail the same way until somebody acts. Raise one of these wherever
the cause is known; let the unknown crash with its trace.
"""


class SkillsmithError(Exception):
    """Something a person must act on; `str(error)` is the one line to show them."""

    exit_code = 1


class UsageError(SkillsmithError):
    """The call itself is wrong: a bad option, a path that is not there, an unknown table."""

    exit_code = 2


class TransientError(SkillsmithError):
    """May pass by itself: a busy server, a dropped connection. Worth another try."""


class UnreachableError(TransientError):
    """A live system cannot be reached at all, so nothing else of it can be read either."""


class SourceError(SkillsmithError):
    """A live system refuses us, or is not what its setting says; it will do so again until somebody acts."""


class WarehouseBusyError(TransientError):
    """Another process is writing to the warehouse."""


class WarehouseNewerError(SkillsmithError):
    """The warehouse was written by a newer version of this program."""


class StorageError(SkillsmithError):
    """The disk is full, read-only or not ours to write."""


class RefusedFileError(SkillsmithError):
    """A delivered file is not what its name says; nothing of it was loaded."""


class BlockingChecksFailedError(SkillsmithError):
    """A blocking check evaluated false, so the build was not published."""

    exit_code = 3


class NotPublishedError(SkillsmithError):
    """There is no published snapshot to read yet."""


class TableNotPublishedError(NotPublishedError):
    """A table that the current snapshot does not have: it is of an older version."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"{table} is not in what was published last, by an older version; run `skillsmith-analytics refresh`"
        )


class AccessError(SkillsmithError):
    """A viewer asked for something that is not a read of their own rows."""


class ReadingError(SkillsmithError):
    """The reading engine could not read a file or a value as it was told to."""


class MemoryShortError(ReadingError):
    """The engine may not have as much memory as that takes."""
