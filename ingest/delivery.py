"""What lies in a drop folder: files found by their place and name, and looked through once before they are read.

Looking through a file (one pass, in bounded memory) gives its checksum and says whether it is whole: an engine that
reads half a gzip file as a short file is never trusted with it. Nothing here knows a contract's columns.
"""

import codecs
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from ingest.contracts import CONTRACTS, Contract
from ingest.privacy import safe_message
from warehouse.errors import RefusedFileError, UsageError

FORMATS: dict[str, Literal["ndjson", "csv", "parquet"]] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".parquet": "parquet",
}
COMPRESSIONS: dict[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".zst": "zstd"}
MANIFEST = "_manifest.json"

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """One file of an entity. `name` is its path relative to the drop folder: the URL it is known by."""

    contract: Contract
    name: str
    path: Path
    size: int
    modified_ns: int
    format: Literal["ndjson", "csv", "parquet"] | None
    compression: Literal["gzip", "zstd"] | None
    rows_claimed: int | None = None
    checksum_claimed: str | None = None


@dataclass(slots=True)
class Look:
    """What one pass over a file's bytes found."""

    checksum: str
    length: int = 0
    first: bytes = b""
    ends_with_newline: bool = True
    has_control: bool = False
    has_nul: bool = False
    has_not_a_number: bool = False


@dataclass(slots=True)
class Drop:
    """A drop folder's contents: files in the order of import, and names that are no entity's."""

    files: list[DroppedFile] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


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
            found.ignored.append(source.name)
    order = {name: position for position, name in enumerate(CONTRACTS)}
    if entities is not None:
        found.files = [file for file in found.files if file.contract.name in entities]
    found.files.sort(key=lambda file: (order[file.contract.name], file.name))
    return found


def _find_source(drop: Path, source: Path, found: Drop) -> None:
    known = [contract.entity for contract in CONTRACTS.values() if contract.source == source.name]
    if not known:
        sources = ", ".join(dict.fromkeys(contract.source for contract in CONTRACTS.values()))
        raise UsageError(f"{source.name}/ in the drop folder is no source; known are {sources}")
    for folder in _visible(source):
        if not folder.is_dir():
            raise UsageError(f"{source.name}/{folder.name} lies in no entity's folder; known are {', '.join(known)}")
        if folder.name not in known:
            raise UsageError(
                f"{source.name}/{folder.name}/ is no entity of {source.name}; known are {', '.join(known)}"
            )
        _find_files(drop, folder, CONTRACTS[f"{source.name}/{folder.name}"], found)


def _find_references(drop: Path, folder: Path, found: Drop) -> None:
    known = [contract.entity for contract in CONTRACTS.values() if contract.is_reference]
    for entry in _visible(folder):
        name = entry.name if entry.is_dir() else entry.name.split(".")[0]
        if name not in known:
            raise UsageError(f"reference/{entry.name} is no reference; known are {', '.join(known)}")
        contract = CONTRACTS[f"reference/{name}"]
        if entry.is_dir():
            _find_files(drop, entry, contract, found)
        else:
            found.files.append(_dropped(drop, entry, contract, {}))


def _find_files(drop: Path, folder: Path, contract: Contract, found: Drop) -> None:
    claims: dict[Path, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")):
        if any(part.startswith((".", "_")) for part in path.relative_to(folder).parts):
            continue
        if path.is_dir():
            if path.is_symlink():
                # Nobody walks into it, so its files would be missing without a word.
                found.ignored.append(path.relative_to(drop).as_posix())
            continue
        if path.name.endswith((".tmp", ".part", ".crc")):
            found.ignored.append(path.relative_to(drop).as_posix())
            continue
        if path.parent not in claims:
            claims[path.parent] = _claims(path.parent / MANIFEST)
        found.files.append(_dropped(drop, path, contract, claims[path.parent]))


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith((".", "_")))


def _claims(manifest: Path) -> dict[str, Any]:
    """What a manifest states of the files beside it, by name."""
    if not manifest.is_file():
        return {}
    try:
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        return {str(file["name"]): file for file in files}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{manifest} is no manifest; it must be {{'files': [{{name, rows, sha256}}]}}") from error


def _dropped(drop: Path, path: Path, contract: Contract, claims: dict[str, Any]) -> DroppedFile:
    if not path.resolve().is_relative_to(drop.resolve()):
        raise UsageError(f"{path.relative_to(drop)} leads out of the drop folder; put the file itself there")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    if compression:
        suffixes.pop()
    claim = claims.get(path.name, {})
    try:
        status = path.stat()
        size, modified = status.st_size, status.st_mtime_ns
    except OSError:
        size, modified = 0, 0
    return DroppedFile(
        contract=contract,
        name=path.relative_to(drop).as_posix(),
        path=path,
        size=size,
        modified_ns=modified,
        format=FORMATS.get(suffixes[-1]) if suffixes else None,
        compression=compression,
        rows_claimed=claim.get("rows"),
        checksum_claimed=claim.get("sha256"),
    )


def checksum(file: DroppedFile) -> str:
    """SHA-256 of the file as it lies there, in hex; raises RefusedFileError where it cannot be read."""
    digest = hashlib.sha256()
    for chunk in _raw(file):
        digest.update(chunk)
    return digest.hexdigest()


def look_through(file: DroppedFile) -> Look:
    """One pass over the bytes: checksum, wholeness, and what its lines need when they are read.

    Raises RefusedFileError where the file cannot be read, is cut short or is not what its name says.
    """
    if file.format is None:
        raise RefusedFileError(f"{file.name}: unknown format; name it .ndjson, .jsonl, .csv or .parquet (.gz, .zst)")
    if file.format == "parquet" and file.compression:
        raise RefusedFileError(f"{file.name}: Parquet is compressed inside; deliver it without {file.path.suffix}")
    digest = hashlib.sha256()
    look = Look(checksum="")
    last = b""
    for chunk in _plain(file, digest):
        if not look.length:
            look.first = chunk[:64]
            _check_start(file, look.first)
        look.length += len(chunk)
        if file.format != "parquet":
            # A carriage return or a separator of ours inside a line would shift the lines behind it.
            look.has_control = look.has_control or b"\r" in chunk or b"\x01" in chunk
            # PostgreSQL has no text with a NUL and no JSON with NaN.
            look.has_nul = look.has_nul or b"\0" in chunk or b"\\u0000" in last[-5:] + chunk
            look.has_not_a_number = look.has_not_a_number or b"NaN" in chunk or b"nfinity" in chunk
        last = chunk
    look.checksum = digest.hexdigest()
    look.ends_with_newline = last.endswith((b"\n", b"\r")) or not last
    if file.format == "parquet" and not last.endswith(b"PAR1"):
        raise RefusedFileError(f"{file.name}: cut short, or no Parquet file; deliver it again")
    if file.checksum_claimed and file.checksum_claimed.lower() != look.checksum:
        raise RefusedFileError(f"{file.name}: its SHA-256 is not the one in {MANIFEST}; deliver it again")
    return look


def _check_start(file: DroppedFile, first: bytes) -> None:
    if first.startswith(b"PAR1") != (file.format == "parquet"):
        raise RefusedFileError(f"{file.name}: is not {file.format}, as its name says")
    if file.format == "parquet":
        return
    if first.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        raise RefusedFileError(f"{file.name}: is compressed, but its name does not say so")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RefusedFileError(f"{file.name}: is UTF-16; deliver it as UTF-8")
    if file.format == "ndjson":
        start = first.removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"["):
            raise RefusedFileError(f"{file.name}: is one JSON array; deliver one object a line")


def _raw(file: DroppedFile) -> Iterator[bytes]:
    try:
        with file.path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise RefusedFileError(f"{file.name}: cannot be read ({error.strerror}); check its permissions") from error


def _plain(file: DroppedFile, digest: Any) -> Iterator[bytes]:
    """The file's content, decompressed; its raw bytes go into `digest` on the way."""
    if file.compression == "gzip":
        yield from _gunzipped(file, digest)
    elif file.compression == "zstd":
        for chunk in _raw(file):
            digest.update(chunk)
        try:
            with pa.input_stream(str(file.path), compression="zstd") as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
        except OSError as error:
            reason = safe_message(str(error))
            raise RefusedFileError(f"{file.name}: cut short, or not zstd ({reason}); deliver it again") from error
    else:
        for chunk in _raw(file):
            digest.update(chunk)
            yield chunk


def _gunzipped(file: DroppedFile, digest: Any) -> Iterator[bytes]:
    """Every member of a gzip file; raises RefusedFileError where one is damaged or the last one has no end."""
    member = zlib.decompressobj(wbits=31)
    is_empty = True
    try:
        for chunk in _raw(file):
            digest.update(chunk)
            data = chunk
            while data:
                if member.eof:
                    if not data.strip(b"\0"):
                        break
                    member = zlib.decompressobj(wbits=31)
                # Bounded, however well the content compresses.
                plain = member.decompress(data, _CHUNK)
                if plain:
                    yield plain
                is_empty = False
                data = member.unused_data if member.eof else member.unconsumed_tail
    except zlib.error as error:
        raise RefusedFileError(f"{file.name}: not gzip, or damaged; deliver it again") from error
    if not member.eof or is_empty:
        raise RefusedFileError(f"{file.name}: the gzip stream is cut short; deliver it again")


def normalised_copy(file: DroppedFile, into: Path) -> Path:
    """A copy of a text file with every line end a newline and no control character that would split a line."""
    with into.open("wb") as out:
        carried = b""
        for piece in _plain(file, hashlib.sha256()):
            chunk = carried + piece
            # A return at the end may be the first half of a line end.
            carried = b"\r" if chunk.endswith(b"\r") else b""
            chunk = chunk[: len(chunk) - len(carried)]
            out.write(chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\x01", b"\x1a"))
        out.write(b"\n" if carried else b"")
    return into


def why_broken(file: DroppedFile, longest_line: int) -> str | None:
    """What is wrong with a text file that an engine gave up on: its encoding or a line without end; None if neither."""
    if file.format == "parquet":
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    since_newline = 0
    for chunk in _plain(file, hashlib.sha256()):
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError:
            return "is not UTF-8; deliver it as UTF-8"
        head, newline, _ = chunk.partition(b"\n")
        if since_newline + len(head) > longest_line:
            return f"has a line of more than {longest_line >> 20} MB; is it one row a line?"
        since_newline = len(chunk) - 1 - chunk.rfind(b"\n") if newline else since_newline + len(chunk)
    return None


def first_line(file: DroppedFile) -> str:
    """The first record's text of a CSV file, its byte order mark removed; raises RefusedFileError beyond 1 MB."""
    text = b""
    for chunk in _plain(file, hashlib.sha256()):
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
