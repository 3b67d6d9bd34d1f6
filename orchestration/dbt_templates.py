"""Jinja templates that were compiled before: dbt compiles the text of each model, test and macro anew in every process.

They are kept by their text where the parse is kept (`orchestration.dbt_kept`). A refresh of a small world is mostly
dbt, and a tenth of dbt is this compiling.
"""

import hashlib
import marshal
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from types import CodeType
from typing import Any

_FILE = "templates.bin"
_MOST_KEPT = 5_000


@contextmanager
def kept_templates(folders: Sequence[Path]) -> Iterator[None]:
    """Around a run of dbt: what is kept is not compiled again, and what is compiled anew is kept with it.

    A file that is not whole, or of another Python or Jinja, is as good as none; one that cannot be written is left.
    """
    from jinja2 import Environment

    kept = next(filter(None, map(_read, folders)), {})
    before = len(kept)
    compile_template = Environment.compile

    def compile_once(
        environment: Environment, source: Any, name: Any = None, filename: Any = None, *options: Any, **more: Any
    ) -> Any:
        if not isinstance(source, str) or name or filename or options or more:
            return compile_template(environment, source, name, filename, *options, **more)
        key = _key(environment, source)
        if key not in kept:
            kept[key] = compile_template(environment, source)
        return kept[key]

    Environment.compile = compile_once  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        Environment.compile = compile_template
        if len(kept) > before:
            _write(folders, kept if len(kept) <= _MOST_KEPT else {})


def _key(environment: Any, source: str) -> bytes:
    """What the code is made of: the text, and the kind of environment with its extensions."""
    kind = f"{type(environment).__module__}.{type(environment).__qualname__} {sorted(environment.extensions)}"
    return hashlib.blake2b(f"{kind}\0{source}".encode(), digest_size=16).digest()


def _made_by() -> str:
    return f"Python {sys.version}, Jinja2 {version('jinja2')}, dbt-common {version('dbt-common')}"


def _read(folder: Path) -> dict[bytes, CodeType]:
    try:
        kept = marshal.loads((folder / _FILE).read_bytes())  # noqa: S302 - our own file, beside the code or its home
        return kept["templates"] if kept["made_by"] == _made_by() else {}
    except (OSError, EOFError, ValueError, TypeError, KeyError):
        return {}


def _write(folders: Sequence[Path], kept: dict[bytes, CodeType]) -> None:
    made = marshal.dumps({"made_by": _made_by(), "templates": kept})
    for folder in folders:
        new = folder / f".{_FILE}.{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            new.write_bytes(made)
            new.replace(folder / _FILE)
            return
        except OSError:
            with suppress(OSError):
                new.unlink(missing_ok=True)
