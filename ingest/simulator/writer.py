"""A drop folder that appears whole or not at all, written by a few threads with bounded memory."""

import json
import shutil
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingest.simulator.text import file_bytes
from warehouse.errors import StorageError, UsageError

ANSWERS = "answers.json"
# Level 1 writes JSON three times as fast as level 6 for a file a fifth larger.
_LEVEL = 1
_WAITING_FILES = 4


def gzip_bytes(content: bytes | memoryview) -> bytes:
    """Gzip with no name and no time in its header: the same content gives the same bytes."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
    return packer.compress(content) + packer.flush()


class DropWriter:
    """Writes `<source>/<entity>/<name>.ndjson.gz` beside `out` and puts the folder in place at the end."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._partial = out.parent / f".{out.name}.partial"
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="simulator")
        self._waiting: list[Future[None]] = []

    def __enter__(self) -> "DropWriter":
        try:
            # What an interrupted run left behind is never whole.
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir(parents=True)
        except OSError as error:
            raise StorageError(f"cannot write to {self.out.parent}: {error.strerror}") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is not None:
            shutil.rmtree(self._partial, ignore_errors=True)

    def lines(self, entity: str, name: str, build: Callable[[], pa.Array]) -> None:
        """Write one file whose lines (each with its line end) `build` gives; it runs on a writer thread."""
        path = self._partial / entity / f"{name}.ndjson.gz"

        def work() -> None:
            self._put(path, gzip_bytes(file_bytes(build())))

        while len(self._waiting) >= _WAITING_FILES:
            self._waiting.pop(0).result()
        self._waiting.append(self._pool.submit(work))

    def rows(self, entity: str, name: str, rows: Iterable[Mapping[str, Any] | str]) -> None:
        """Write one small file; a row that is already text is written as it is."""
        texts = [row if isinstance(row, str) else json.dumps(row, separators=(",", ":")) for row in rows]
        if texts:
            self._put(
                self._partial / entity / f"{name}.ndjson.gz", gzip_bytes("".join(f"{t}\n" for t in texts).encode())
            )

    def finish(self, answers: Mapping[str, Any]) -> None:
        """Wait for every file, add the answers and put the folder in place in one step."""
        for waiting in self._waiting:
            waiting.result()
        self._waiting.clear()
        self._put(self._partial / ANSWERS, (json.dumps(answers, indent=1, sort_keys=True) + "\n").encode())
        try:
            self._partial.replace(self.out)
        except OSError as error:
            raise StorageError(f"cannot put the drop folder at {self.out}: {error.strerror}") from error

    def _put(self, path: Path, content: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise StorageError(f"cannot write {path.name} for {self.out}: {error.strerror}") from error


def existing_answers(out: Path, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answers of a folder that these arguments already made; None where there is nothing yet.

    Raises UsageError where `out` holds anything else: a drop folder is never written over.
    """
    if not out.exists():
        return None
    if not out.is_dir():
        raise UsageError(f"{out} is a file; name a folder to write to")
    if not any(out.iterdir()):
        return None
    try:
        answers = json.loads((out / ANSWERS).read_text())
    except (OSError, ValueError):
        raise UsageError(f"{out} is not empty and not a simulated drop folder; name another folder") from None
    if not isinstance(answers, dict) or answers.get("arguments") != dict(arguments):
        raise UsageError(f"{out} was simulated with other arguments; name another folder or remove it first")
    return answers
