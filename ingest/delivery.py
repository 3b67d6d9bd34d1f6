"""What lies in a drop folder: files found by their place and name, and looked through once before they are read.

Looking through a file (one pass, in bounded memory) gives its checksum and says whether it is whole: an engine that
reads half a gzip file as a short file is never trusted with it. Nothing here knows a contract's columns.
"""

import codecs
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow as pa
from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor, IsalError

from ingest.contracts import CONTRACTS, Contract
from ingest.privacy import safe_message
from warehouse.errors import RefusedFileError, StorageError, UsageError

FORMATS: dict[str, Literal["ndjson", "csv", "parquet"]] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".parquet": "parquet",
}
COMPRESSIONS: dict[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".zst": "zstd"}
MANIFEST = "_manifest.json"
MOST_MANIFEST = 16 << 20
"""Bytes: it is read whole."""

_NO_MANIFEST = "is no manifest; it must be {'files': [{name, rows, sha256}]}"
_LONG_MANIFEST = f"is no manifest; it has more than {MOST_MANIFEST >> 20} MB"

_CHUNK = 1 << 20
_GZIP_START, _ZSTD_START = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# Content of the usual density fills no more than a chunk from so little.
_PACKED_CHUNK = 8 << 10
LONGEST_LINE = 16 << 20
"""Bytes; a line this long is no row of ours, and without a limit one file could take all the memory there is."""
# Dense exports compress thirty times; what grows a hundred times beyond that was made to fill a disk.
_MOST_GROWTH = 200
_GROWTH_FROM = 128 << 20


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """One file of an entity. `name` is its path relative to the drop folder: the URL it is known by.

    A manifest that `is_named` by says what it claims of it, which may be nothing.
    `fault` says why it is not even opened, where that is known from its place and name. `is_live`: it is a window of a
    live source, whose cursors are those before and after it. Where all its rows are bad for the same reason it is
    refused as a whole, from `refused_from` rows on. What lies in an object store has its `url` and the
    `version` that it was listed with; `path` is then where its content lies while it is read.
    """

    contract: Contract
    name: str
    path: Path
    size: int
    modified_ns: int
    format: Literal["ndjson", "csv", "parquet"] | None
    compression: Literal["gzip", "zstd"] | None
    rows_claimed: int | None = None
    checksum_claimed: str | None = None
    is_named: bool = False
    fault: str | None = None
    is_live: bool = False
    refused_from: int = 1
    cursor_before: str | None = None
    cursor_after: str | None = None
    url: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that is missing, and the `reason` to say so: its name in the drop folder, and its rows where stated.

    A manifest that is none is one too, for then nobody knows what should be there.
    """

    contract: Contract
    name: str
    rows: int | None = None
    reason: str = "its manifest names it"


@dataclass(slots=True)
class Look:
    """What one pass over a file's bytes found. `length` is that of the content, `packed_length` of what it came of."""

    checksum: str
    length: int = 0
    packed_length: int = 0
    first: bytes = b""
    ends_with_newline: bool = True
    has_control: bool = False
    has_nul: bool = False


@dataclass(slots=True)
class Drop:
    """A drop folder's contents: files in the order of import, names that are no entity's, files that are missing."""

    files: list[DroppedFile] = field(default_factory=list)
    missing: list[Claim] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def put_in_order(self, entities: frozenset[str] | None) -> None:
        """Files by entity and name, only those of `entities`."""
        order = {name: position for position, name in enumerate(CONTRACTS)}
        if entities is not None:
            self.files = [file for file in self.files if file.contract.name in entities]
        self.files.sort(key=lambda file: (order[file.contract.name], file.name))


def require_drop(drop: Path) -> None:
    """Raise UsageError where the folder is not there."""
    if not drop.is_dir():
        raise UsageError(f"drop folder {drop} is not there; give the folder that files arrive in with --drop")


def find(drop: Path, entities: frozenset[str] | None = None) -> Drop:
    """Every file of every known entity (or of `entities`), by entity and name.

    Raises UsageError where the folder is not there, or where it has a folder that is no source or entity: that is
    how a misspelt name is noticed.
    """
    require_drop(drop)
    found = Drop()
    for source in _visible(drop):
        if source.name == "reference" and source.is_dir():
            _find_references(drop, source, found)
        elif source.is_dir():
            _find_source(drop, source, found)
        else:
            found.ignored.append(safe_message(source.name))
    found.put_in_order(entities)
    return found


def _find_source(drop: Path, source: Path, found: Drop) -> None:
    known = entities_of(source.name)
    for folder in _visible(source):
        contract = require_entity(source.name, folder.name, known, is_folder=folder.is_dir())
        _find_files(drop, folder, contract, found)


def entities_of(source: str) -> dict[str, Contract]:
    """A source's entities by name; raises UsageError where a folder of the drop folder is no source."""
    known = {contract.entity: contract for contract in CONTRACTS.values() if contract.source == source}
    if not known:
        sources = ", ".join(dict.fromkeys(contract.source for contract in CONTRACTS.values()))
        raise UsageError(f"{safe_message(source)}/ in the drop folder is no source; known are {sources}")
    return known


def require_entity(source: str, name: str, known: dict[str, Contract], *, is_folder: bool) -> Contract:
    """The entity whose folder this is; raises UsageError where it is none's, or no folder."""
    shown = safe_message(name)
    if not is_folder:
        raise UsageError(f"{source}/{shown} lies in no entity's folder; known are {', '.join(known)}")
    if name not in known:
        raise UsageError(f"{source}/{shown}/ is no entity of {source}; known are {', '.join(known)}")
    return known[name]


def reference_of(name: str, *, is_folder: bool) -> Contract:
    """The reference that a folder or a file in reference/ is of; raises UsageError where it is of none."""
    known = {contract.entity: contract for contract in CONTRACTS.values() if contract.is_reference}
    entity = name if is_folder else name.split(".")[0]
    if entity not in known:
        raise UsageError(f"reference/{safe_message(name)} is no reference; known are {', '.join(known)}")
    return known[entity]


def _find_references(drop: Path, folder: Path, found: Drop) -> None:
    for entry in _visible(folder):
        contract = reference_of(entry.name, is_folder=entry.is_dir())
        if entry.is_dir():
            _find_files(drop, entry, contract, found)
        else:
            found.files.append(_dropped(drop, entry, contract, {}))


def _find_files(drop: Path, folder: Path, contract: Contract, found: Drop) -> None:
    paths = sorted(folder.rglob("*"))
    claims = {
        path.parent: claims_beside(_dropped(drop, path, contract, {}), found) for path in paths if path.name == MANIFEST
    }
    for path in paths:
        if any(part.startswith((".", "_")) for part in path.relative_to(folder).parts):
            continue
        if path.is_dir():
            if path.is_symlink():
                # Nobody walks into it, so its files would be missing without a word.
                found.ignored.append(_safe_name(drop, path))
            elif not os.access(path, os.R_OK | os.X_OK):
                # Its files would be missing without a word.
                fault = "is a folder that may not be read; check its permissions"
                found.files.append(DroppedFile(contract, _safe_name(drop, path), path, 0, 0, None, None, fault=fault))
            continue
        if is_unfinished(path.name):
            found.ignored.append(_safe_name(drop, path))
            continue
        found.files.append(_dropped(drop, path, contract, claims.get(path.parent, {})))
    for place, files in claims.items():
        found.missing += [
            Claim(contract, _safe_name(drop, place / name), whole_number(claim.get("rows")))
            for name, claim in files.items()
            if not (place / name).exists()
        ]


def is_unfinished(name: str) -> bool:
    """Whether a file of this name is still being written, or is a tool's own."""
    return name.endswith((".tmp", ".part", ".crc"))


def whole_number(value: Any) -> int | None:
    """The value where it is a whole number, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith((".", "_")))
    except OSError as error:
        raise UsageError(f"folder {folder} cannot be read ({error.strerror}); check its permissions") from error


def claims_beside(manifest: DroppedFile, found: Drop) -> dict[str, Any]:
    """What a manifest states of the files beside it, by name; one that is none is a refused file of `found`."""
    if manifest.size > MOST_MANIFEST:
        manifest = replace(manifest, fault=_LONG_MANIFEST)
    try:
        if manifest.fault is None:
            files = json.loads(manifest.path.read_text(encoding="utf-8"))["files"]
            return {_name_beside(file["name"]): _claim(file) for file in files}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        manifest = replace(manifest, fault=_NO_MANIFEST)
    found.files.append(manifest)
    reason = "it is no manifest, so nobody knows what should be there"
    found.missing.append(Claim(manifest.contract, manifest.name, reason=reason))
    return {}


def _name_beside(name: Any) -> str:
    """The name of a file in the manifest's folder, or below it; raises ValueError for any other place."""
    if not isinstance(name, str) or "\0" in name or name.startswith("/") or ".." in name.split("/"):
        raise ValueError("a manifest names what lies beside it")
    return name


def _claim(file: dict[str, Any]) -> dict[str, Any]:
    rows, digest = file.get("rows"), file.get("sha256")
    if not isinstance(rows, int | None) or not isinstance(digest, str | None) or not 0 <= (rows or 0) < 1 << 63:
        raise ValueError("rows must be a number of rows and sha256 a text")
    return {"rows": rows, "sha256": digest}


def _safe_name(drop: Path, path: Path) -> str:
    """The path relative to the drop folder, fit to be kept and shown."""
    return safe_name(path.relative_to(drop).as_posix())


def safe_name(name: str) -> str:
    """A name of parts joined by `/`, fit to be kept and shown."""
    return "/".join(safe_message(part) for part in name.split("/"))


def _fault(drop: Path, path: Path) -> str | None:
    """Why a file is not even opened; None where it may be."""
    if _safe_name(drop, path) != path.relative_to(drop).as_posix():
        return "its name cannot be kept as it is; deliver it under another name"
    try:
        if not path.resolve().is_relative_to(drop.resolve()):
            return "leads out of the drop folder; put the file itself there"
        if not path.is_file():
            return "is no file, or leads to none; put the file itself there"
    except (OSError, RuntimeError):
        return "leads nowhere; put the file itself there"
    return None


def _dropped(drop: Path, path: Path, contract: Contract, claims: dict[str, Any]) -> DroppedFile:
    form, compression = format_of(path)
    claim = claims.get(path.name, {})
    try:
        status = path.stat()
        size, modified = status.st_size, status.st_mtime_ns
    except OSError:
        size, modified = 0, 0
    return DroppedFile(
        contract=contract,
        name=_safe_name(drop, path),
        path=path,
        size=size,
        modified_ns=modified,
        format=form,
        compression=compression,
        rows_claimed=whole_number(claim.get("rows")),
        checksum_claimed=claim.get("sha256"),
        is_named=bool(claim),
        fault=_fault(drop, path),
    )


def format_of(path: Path) -> tuple[Literal["ndjson", "csv", "parquet"] | None, Literal["gzip", "zstd"] | None]:
    """Format and compression, as a file's name says them."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    if compression:
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None, compression


def checksum(file: DroppedFile) -> str:
    """SHA-256 of the file as it lies there, in hex; raises RefusedFileError where it cannot be read."""
    digest = hashlib.sha256()
    for chunk in _raw(file):
        digest.update(chunk)
    return digest.hexdigest()


def _refuse_at_fault(file: DroppedFile) -> None:
    if file.fault:
        raise RefusedFileError(f"{file.name}: {file.fault}")


def look_through(file: DroppedFile) -> Look:
    """One pass over the bytes: checksum, wholeness, and what its lines need when they are read.

    NDJSON is looked through when it is read (`ingest.lines`), so of that this tells nothing yet. Raises
    RefusedFileError where the file cannot be read, is cut short or is not what its name says.
    """
    _refuse_at_fault(file)
    if file.format is None:
        raise RefusedFileError(f"{file.name}: unknown format; name it .ndjson, .jsonl, .csv or .parquet (.gz, .zst)")
    if file.format == "parquet" and file.compression:
        raise RefusedFileError(f"{file.name}: Parquet is compressed inside; deliver it without {file.path.suffix}")
    look = Look(checksum="")
    if file.format != "ndjson":
        for _ in looked_at(file, look):
            pass
    return look


def looked_at(file: DroppedFile, look: Look) -> Iterator[bytes]:
    """The file's content in chunks, decompressed; `look` has what is true of it so far, and is complete at the end.

    Raises RefusedFileError, at the end if need be, where the file cannot be trusted.
    """
    digest = _CountedDigest()
    last = b""
    # A file may be read again, alone.
    look.length = look.packed_length = since_newline = 0
    for chunk in _plain(file, digest):
        if not look.length:
            look.first = chunk[:64]
            _check_start(file, look.first)
        look.length += len(chunk)
        look.packed_length = digest.unpacked
        refuse_if_grown(file, look.length, digest.length)
        if file.format != "parquet":
            if since_newline + chunk.find(b"\n") > LONGEST_LINE:
                raise RefusedFileError(f"{file.name}: {_LONG_LINE}")
            since_newline = _after_line_end(chunk, since_newline)
            if since_newline > LONGEST_LINE:
                raise RefusedFileError(f"{file.name}: {_LONG_LINE}")
            _look_for_odd(chunk, last, look)
        last = chunk
        yield chunk
    look.checksum = digest.hexdigest()
    look.ends_with_newline = last.endswith((b"\n", b"\r")) or not last
    if file.format == "parquet" and not last.endswith(b"PAR1"):
        raise RefusedFileError(f"{file.name}: cut short, or no Parquet file; deliver it again")
    if file.checksum_claimed and file.checksum_claimed.lower() != look.checksum:
        raise RefusedFileError(f"{file.name}: its SHA-256 is not the one in {MANIFEST}; deliver it again")


def _look_for_odd(chunk: bytes, before: bytes, look: Look) -> None:
    """Note what lines need when they are read. A single byte is found ten times as fast as a word."""
    # A carriage return or a separator of ours inside a line would shift the lines behind it.
    look.has_control = look.has_control or b"\r" in chunk or b"\x01" in chunk
    # PostgreSQL has no text with a NUL.
    if not look.has_nul:
        escape = b"\\u0000"
        look.has_nul = b"\0" in chunk or (b"\\" in chunk and escape in chunk) or escape in before[-5:] + chunk[:5]


_LONG_LINE = f"has a line of more than {LONGEST_LINE >> 20} MB; is it one row a line?"


def _after_line_end(chunk: bytes, before: int) -> int:
    """Bytes since the last line end, at the end of a chunk that has so many before it."""
    end = chunk.rfind(b"\n")
    if end < 0:
        end = chunk.rfind(b"\r")
    return before + len(chunk) if end < 0 else len(chunk) - 1 - end


class _CountedDigest:
    """SHA-256, how many bytes it has seen, and how many of them have been unpacked."""

    def __init__(self) -> None:
        self.length = self.unpacked = 0
        self._digest = hashlib.sha256()

    def update(self, chunk: bytes) -> None:
        self.length += len(chunk)
        self._digest.update(chunk)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def refuse_if_grown(file: DroppedFile, length: int, read: int) -> None:
    """Raise RefusedFileError where `length` bytes came of so few (`read`) that they can only be repetition."""
    if length > _GROWTH_FROM and length > _MOST_GROWTH * read:
        raise RefusedFileError(
            f"{file.name}: expands to more than {_MOST_GROWTH} times its size; deliver it again, without the repetition"
        )


def _check_start(file: DroppedFile, first: bytes) -> None:
    if first.startswith(b"PAR1") != (file.format == "parquet"):
        raise RefusedFileError(f"{file.name}: is not {file.format}, as its name says")
    if file.format == "parquet":
        return
    if first.startswith((_GZIP_START, _ZSTD_START)):
        raise RefusedFileError(f"{file.name}: is compressed, but its name does not say so")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in first[:4]:
        raise RefusedFileError(f"{file.name}: is UTF-16 or no text at all; deliver it as UTF-8")
    if file.format == "ndjson":
        start = first.removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"["):
            raise RefusedFileError(f"{file.name}: is one JSON array; deliver one object a line")


def _raw(file: DroppedFile, size: int = _CHUNK) -> Iterator[bytes]:
    _refuse_at_fault(file)
    try:
        with file.path.open("rb") as stream:
            while chunk := stream.read(size):
                yield chunk
    except FileNotFoundError as error:
        raise RefusedFileError(f"{file.name}: went away before it was read; deliver it again") from error
    except OSError as error:
        raise RefusedFileError(f"{file.name}: cannot be read ({error.strerror}); check its permissions") from error


def _plain(file: DroppedFile, digest: _CountedDigest) -> Iterator[bytes]:
    """The file's content, decompressed; its raw bytes go into `digest` on the way."""
    if file.compression == "gzip":
        yield from _gunzipped(file, digest)
    elif file.compression == "zstd":
        for chunk in _raw(file):
            digest.update(chunk)
        try:
            with file.path.open("rb") as packed, pa.input_stream(packed, compression="zstd") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.unpacked = packed.tell()
                    yield chunk
        except OSError as error:
            reason = safe_message(str(error))
            raise RefusedFileError(f"{file.name}: cut short, or not zstd ({reason}); deliver it again") from error
    else:
        for chunk in _raw(file):
            digest.update(chunk)
            digest.unpacked = digest.length
            yield chunk


def _gunzipped(file: DroppedFile, digest: _CountedDigest) -> Iterator[bytes]:
    """Every member of a gzip file; raises RefusedFileError where one is damaged or the last one has no end."""
    no_gzip = f"{file.name}: not gzip, or damaged; deliver it again"
    member: IgzipDecompressor | None = None
    gathered: list[bytes] = []
    length = 0
    try:
        # A little at a time: how much of what a member was given it has unpacked, it does not tell.
        for chunk in _raw(file, _PACKED_CHUNK):
            digest.update(chunk)
            data = chunk
            while data or (member and not member.needs_input and not member.eof):
                if member is None or member.eof:
                    if member and not data.strip(b"\0"):
                        break
                    if not data.startswith(_GZIP_START[: len(data)]):
                        # It would wait for what is too short for a header.
                        raise RefusedFileError(no_gzip)
                    member = IgzipDecompressor(flag=DECOMP_GZIP)
                # Bounded, however well the content compresses.
                plain = member.decompress(data, _CHUNK)
                data = member.unused_data if member.eof else b""
                gathered.append(plain)
                length += len(plain)
                if length >= _CHUNK:
                    digest.unpacked = digest.length - len(data)
                    yield b"".join(gathered)
                    gathered, length = [], 0
    except IsalError as error:  # pyright: ignore[reportGeneralTypeIssues] - its stub calls the class an Exception
        raise RefusedFileError(no_gzip) from error
    if length:
        digest.unpacked = digest.length
        yield b"".join(gathered)
    if member is None or not member.eof:
        raise RefusedFileError(f"{file.name}: the gzip stream is cut short; deliver it again")


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("wb") as out:
            yield out
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}; free some space and try again") from error


def with_plain_lines(text: bytes, look: Look) -> tuple[bytes, bytes]:
    """The text with every line end a newline and no character of its own that would split a line.

    A return at its end may be the first half of a line end, and comes back as the second value.
    """
    if not look.has_control:
        return text, b""
    rest = b"\r" if text.endswith(b"\r") else b""
    text = text[: len(text) - len(rest)]
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\x01", b"\x1a"), rest


def normalised_copy(file: DroppedFile, look: Look, into: Path) -> Path:
    """A copy of a text file as `with_plain_lines` has it."""
    with _written(into) as out:
        rest = b""
        for piece in _plain(file, _CountedDigest()):
            text, rest = with_plain_lines(rest + piece, look)
            out.write(text)
        out.write(b"\n" if rest else b"")
    return into


def why_broken(file: DroppedFile) -> str | None:
    """What is wrong with a text file that an engine gave up on: its encoding or a line without end; None if neither."""
    if file.format == "parquet":
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    since_newline = 0
    for chunk in _plain(file, _CountedDigest()):
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError:
            return "is not UTF-8; deliver it as UTF-8"
        if since_newline + chunk.find(b"\n") > LONGEST_LINE:
            return _LONG_LINE
        since_newline = _after_line_end(chunk, since_newline)
    return None


def first_line(file: DroppedFile) -> str:
    """The first record's text of a CSV file, its byte order mark removed; raises RefusedFileError beyond 1 MB."""
    text = b""
    for chunk in _plain(file, _CountedDigest()):
        text += chunk
        for end in (b"\n", b"\r"):
            if end in text:
                text = text.split(end)[0]
                break
        else:
            if len(text) < _CHUNK:
                continue
            raise RefusedFileError(f"{file.name}: its first line is no CSV header")
        break
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedFileError(f"{file.name}: is not UTF-8") from error
