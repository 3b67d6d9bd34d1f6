"""What dbt made of files that have not changed: its parse of the project, kept between processes.

It lies beside the project, where it serves every home and an image can bring it along, or in the home where nothing
may be written there. Reading the project anew takes dbt ten times as long as all that a process has to do otherwise.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from warehouse.settings import DBT_PROJECT

# Folders that dbt makes in a project where somebody runs it by hand. Ours is in its `target`: `dbt clean` removes it.
_WRITTEN_BY_DBT = frozenset({"target", "logs", "dbt_packages"})

_MANIFEST, _ARTIFACT = "partial_parse.msgpack", "manifest.json"

# A checkout that moves between branches and engines uses a few.
_MOST_KEPT = 8


def places(folder: Path) -> tuple[Path, Path]:
    """Where to look for what is kept and, up to the first that can be written, where to keep it."""
    return DBT_PROJECT / "target" / "kept", folder / "kept"


def parse_key(target: str, database: str) -> str:
    """By what a parse is known to be of these files, this dbt and these names of tables."""
    digest = hashlib.sha256(f"{target} {database} {_dbt_versions()}".encode())
    for path in sorted(DBT_PROJECT.rglob("*")):
        place = path.relative_to(DBT_PROJECT)
        if path.is_file() and place.parts[0] not in _WRITTEN_BY_DBT:
            digest.update(str(place).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:32]


def find_parse(folders: Sequence[Path], key: str) -> tuple[Any, dict[str, Any]] | None:
    """The manifest as dbt has it in memory and as its JSON artifact; None where it is not there, or not whole."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    for folder in folders:
        kept = folder / key
        try:
            manifest = Manifest.from_msgpack((kept / _MANIFEST).read_bytes(), decoder=extended_mashumuro_decoder)
            artifact = json.loads((kept / _ARTIFACT).read_text())
        except (OSError, ValueError):
            continue
        with suppress(OSError):
            os.utime(kept)
        return manifest, artifact
    return None


def keep_parse(folders: Sequence[Path], key: str, written: Path) -> None:
    """Keep what dbt has just written to its target folder, whole or not at all; a full disk only costs time later."""
    for folder in folders:
        made = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            made = Path(mkdtemp(dir=folder, prefix="."))
            for name in (_MANIFEST, _ARTIFACT):
                shutil.copyfile(written / name, made / name)
            # Who may read the project may read this.
            made.chmod(0o755)
            if (folder / key).exists():
                shutil.rmtree(folder / key)
            made.rename(folder / key)
            _forget_oldest(folder)
            return
        except OSError:
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)


def _forget_oldest(folder: Path) -> None:
    kept = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in kept[:-_MOST_KEPT]:
        shutil.rmtree(path, ignore_errors=True)


@cache
def _dbt_versions() -> str:
    return " ".join(version(name) for name in ("dbt-core", "dbt-adapters", "dbt-duckdb", "dbt-postgres", "dbt-common"))
