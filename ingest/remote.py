"""A drop folder in an object store: listed once, and of its objects only those read that may be new.

The listing says each object's name, size and version (its ETag, or its time where there is none). An object whose
version was read before and whose content is in the ledger costs its entry of the listing; any other is streamed to
`<home>/remote`, read there like a file that was delivered, and removed once its batch has landed, so the disk holds a
few batches however much the store holds. Credentials are read by fsspec's own packages, from the environment.
"""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from ingest.contracts import Contract
from ingest.delivery import (
    MANIFEST,
    MOST_MANIFEST,
    Claim,
    Drop,
    DroppedFile,
    Look,
    checksum,
    claims_beside,
    entities_of,
    format_of,
    is_unfinished,
    look_through,
    reference_of,
    require_drop,
    require_entity,
    safe_name,
    whole_number,
)
from ingest.privacy import safe_message
from warehouse.errors import RefusedFileError, SkillsmithError, StorageError, TransientError, UsageError

READERS = 8
"""Objects that are read at the same time: small ones take longer to ask for than to send."""

_PACKAGES = {
    "s3": "'skillsmith-analytics[s3]'",
    "s3a": "'skillsmith-analytics[s3]'",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
}
# Whose errors are the store's; anything else is a fault of ours and keeps its trace.
_STORE_PACKAGES = ("botocore", "aiobotocore", "aiohttp", "gcsfs", "google", "adlfs", "azure")
_NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "DefaultCredentialsError")
# The key is right, but not for this object; or the rest of it cannot be asked for after a connection was lost.
_OF_ONE_OBJECT = ("AccessDenied", "InvalidObjectState", "InvalidRange", "416")
_WRONG_CALL = (errno.EINVAL, getattr(errno, "EREMCHG", errno.EINVAL))
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a listing: bytes, what tells its content from another, and its time where it has one."""

    size: int
    version: str
    modified_ns: int


def require_place(drop: Path | str) -> None:
    """Raise where files cannot be looked for: UsageError for a wrong place, TransientError for one out of reach."""
    if isinstance(drop, Path):
        require_drop(drop)
        return
    _require_there(*_opened(drop), drop)


def listing_of(url: str) -> str | None:
    """A hash of the names, sizes and versions of all objects under the URL; None where there is none."""
    digest = hashlib.sha256()
    entries = _listed(*_opened(url), url)
    for name, entry in sorted(entries.items()):
        digest.update(f"{name}\0{entry.size}\0{entry.version}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:24] if entries else None


class RemoteDrop:
    """The objects under one URL, and the folder below `home` where they lie while they are read.

    Objects are read `with` it, while no other import runs: what a killed one left is removed then, and what is left.
    """

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self._store, self._root = _opened(self.url)
        folder = home / "remote" / hashlib.sha256(self.url.encode()).hexdigest()[:16]
        self._folder = folder
        self._files = folder / "files"
        self._manifests = folder / "manifests"
        self._failure: SkillsmithError | None = None

    def find(self, entities: frozenset[str] | None = None) -> Drop:
        """Every object that is a file of a known entity (or of `entities`), as `ingest.delivery.find` does.

        Raises UsageError where the place is not there or not ours to read, or where it holds what is no source or
        entity; TransientError where the store does not answer.
        """
        _require_there(self._store, self._root, self.url)
        listed = _listed(self._store, self._root, self.url)
        found = Drop()
        manifests: dict[str, Contract] = {}
        files: list[tuple[Contract, str]] = []
        for name in sorted(listed):
            if {".", ".."} & set(name.split("/")):
                found.ignored.append(safe_message(name))
                continue
            contract = _place_of(name, found)
            if contract is None:
                continue
            folder, _, last = name.rpartition("/")
            if last == MANIFEST:
                manifests[folder] = contract
            if any(part.startswith((".", "_")) for part in name.split("/")):
                continue
            if is_unfinished(last) or "" in name.split("/"):
                found.ignored.append(safe_message(name))
            else:
                files.append((contract, name))
        claims = self._claims(manifests, listed, found)
        for contract, name in files:
            folder, _, last = name.rpartition("/")
            found.files.append(self._dropped(contract, name, listed[name], claims.get(folder, {}).get(last, {})))
        for folder, stated in claims.items():
            names = {f"{folder}/{name}": claim for name, claim in stated.items()}
            found.missing += [
                Claim(manifests[folder], safe_name(name), whole_number(claim.get("rows")))
                for name, claim in names.items()
                if name not in listed
            ]
        found.put_in_order(entities)
        return found

    def __enter__(self) -> Self:
        """Begin with no content on the disk."""
        self._clear()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no content on the disk."""
        self._clear()

    def _clear(self) -> None:
        shutil.rmtree(self._files, ignore_errors=True)
        for folder in (self._folder, self._folder.parent):
            # Other places have theirs beside it, and manifests stay until they change.
            with contextlib.suppress(OSError):
                folder.rmdir()

    def look_through(self, file: DroppedFile) -> Look:
        """Have the object's content at `file.path`, whole, and look through it, as `ingest.delivery.look_through` does.

        Raises RefusedFileError also where it went away or changed since it was listed, or may not be read;
        TransientError where the store does not answer, and then at once for every other object; StorageError where
        there is no room for it.
        """
        self._fetch(file)
        return look_through(file)

    def _fetch(self, file: DroppedFile) -> None:
        if file.fault or file.format is None or file.path.exists():
            return
        if self._failure:
            raise self._failure
        entry = Entry(file.size, file.version or "", file.modified_ns)
        try:
            self._stream(file.name, entry, file.path)
        except RefusedFileError:
            raise
        except SkillsmithError as error:
            self._failure = error
            raise

    def forget(self, files: Iterable[DroppedFile]) -> None:
        """Remove the files' content; the ledger has their rows."""
        for file in files:
            file.path.unlink(missing_ok=True)

    def checksum(self, file: DroppedFile) -> str:
        """SHA-256 of the object, in hex; it is read for that, and kept only where it was there before."""
        was_there = file.path.exists()
        self._fetch(file)
        try:
            return checksum(file)
        finally:
            if not was_there:
                self.forget([file])

    def _stream(self, name: str, entry: Entry, into: Path) -> None:
        shown = safe_message(name)
        part = into.with_name(into.name + ".part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.touch()
        except OSError as error:
            raise StorageError(f"cannot write {part}: {error.strerror}; free some space and try again") from error
        try:
            with _explained(shown, is_object=True):
                self._store.get_file(f"{self._root}/{name}", str(part))
                # Read in several requests, it may be of two versions.
                after = _entry(self._store.info(f"{self._root}/{name}"))
            if (after.size, after.version) != (entry.size, entry.version) or part.stat().st_size != entry.size:
                raise RefusedFileError(f"{shown}: changed while it was read; the next import reads it again")
            try:
                os.utime(part, ns=(entry.modified_ns, entry.modified_ns))
                part.replace(into)
            except OSError as error:
                raise TransientError(f"{shown}: another import reads it at this moment; try again") from error
        finally:
            part.unlink(missing_ok=True)

    def _claims(
        self, manifests: dict[str, Contract], listed: dict[str, Entry], found: Drop
    ) -> dict[str, dict[str, Any]]:
        """What the manifests state, by their folder; each is read once a version."""
        paths: dict[str, Path] = {}
        for folder in manifests:
            name = f"{folder}/{MANIFEST}"
            key = hashlib.sha256(f"{name}\0{listed[name]}".encode()).hexdigest()
            paths[folder] = self._manifests / f"{key}.json"
        absent = [
            folder
            for folder, path in paths.items()
            if listed[f"{folder}/{MANIFEST}"].size <= MOST_MANIFEST and not path.exists()
        ]
        with ThreadPoolExecutor(READERS, thread_name_prefix="manifests") as pool:
            reading = [
                pool.submit(self._stream, f"{folder}/{MANIFEST}", listed[f"{folder}/{MANIFEST}"], paths[folder])
                for folder in absent
            ]
        unread: dict[str, str] = {}
        for folder, read in zip(absent, reading, strict=True):
            try:
                read.result()
            except RefusedFileError as error:
                unread[folder] = str(error).removeprefix(f"{safe_message(f'{folder}/{MANIFEST}')}: ")
        if self._manifests.is_dir():
            for path in set(self._manifests.iterdir()) - set(paths.values()):
                path.unlink(missing_ok=True)
        claims = {}
        for folder, path in paths.items():
            name = f"{folder}/{MANIFEST}"
            file = self._dropped(manifests[folder], name, listed[name], {})
            fault = unread.get(folder, file.fault)
            claims[folder] = claims_beside(replace(file, path=path, fault=fault), found)
        return claims

    def _dropped(self, contract: Contract, name: str, entry: Entry, claim: dict[str, Any]) -> DroppedFile:
        safe = safe_name(name)
        form, compression = format_of(Path(name))
        # Not the object's own name: that may be longer than a file's, or a folder's of another object.
        suffix = Path(name).suffix if form or compression else ""
        path = self._files / (hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest() + suffix)
        file = DroppedFile(
            contract=contract,
            name=safe,
            path=path,
            size=entry.size,
            modified_ns=entry.modified_ns,
            format=form,
            compression=compression,
            rows_claimed=whole_number(claim.get("rows")),
            checksum_claimed=claim.get("sha256"),
            is_named=bool(claim),
            url=f"{self.url}/{name}",
            version=entry.version,
        )
        if safe != name:
            return replace(file, fault="its name cannot be kept as it is; deliver it under another name")
        return file


def _place_of(name: str, found: Drop) -> Contract | None:
    """The entity whose folder the object is in; None for what is hidden, or named as ignored."""
    source, *rest = name.split("/")
    if source.startswith((".", "_")):
        return None
    if not rest:
        found.ignored.append(safe_message(source))
        return None
    entity = rest[0]
    if source != "reference":
        known = entities_of(source)
        if entity.startswith((".", "_")):
            return None
        return require_entity(source, entity, known, is_folder=len(rest) > 1)
    return None if entity.startswith((".", "_")) else reference_of(entity, is_folder=len(rest) > 1)


def _opened(url: str) -> tuple[Any, str]:
    """The store's file system and the URL's path in it; raises UsageError where its package is not installed."""
    from fsspec.core import url_to_fs

    scheme = url.partition("://")[0].lower()
    # Listings are asked for anew, and no large object is held in memory in parts.
    options = {"max_concurrency": 1} if scheme in ("s3", "s3a") else {}
    try:
        with _explained(f"drop folder {url}"):
            store, root = url_to_fs(url, use_listings_cache=False, skip_instance_cache=True, **options)
    except ImportError as error:
        raise UsageError(f"{scheme}:// needs a package that is not there: pip install {_PACKAGES[scheme]}") from error
    return store, root.rstrip("/")


def _require_there(store: Any, root: str, url: str) -> None:
    with _explained(f"drop folder {url}"):
        there = store.ls(root, detail=False)
    # An empty bucket is a drop folder that nothing has arrived in yet.
    if not there and "/" in root.strip("/"):
        raise UsageError(f"drop folder {url} holds nothing; give the URL that files arrive under with --drop")


def _listed(store: Any, root: str, url: str) -> dict[str, Entry]:
    """Every object under the root by its name relative to it."""
    with _explained(f"drop folder {url}"):
        infos = store.find(root, detail=True)
    start = len(root) + 1
    listed = {
        name[start:]: _entry(info)
        for name, info in infos.items()
        # What ends in a slash is a folder's mark, unless there is something in it.
        if len(name) > start and (info.get("size") or not name.endswith("/")) and info.get("type") != "directory"
    }
    if root in infos and infos[root].get("type") == "file":
        raise UsageError(f"drop folder {url} is one object; give the URL of the folder that it lies in")
    if not listed:
        _require_a_store(store, root, url)
    return listed


def _require_a_store(store: Any, root: str, url: str) -> None:
    """Raise TransientError where nothing was listed by what is no S3, such as the login page of a network.

    A page that happens to be XML is read as a listing of nothing; a true one says whether there is more.
    """
    if not hasattr(store, "call_s3"):
        return
    with _explained(f"drop folder {url}"):
        answer = store.call_s3("list_objects_v2", Bucket=root.partition("/")[0], MaxKeys=1)
    if "IsTruncated" not in answer:
        raise TransientError(
            f"drop folder {url}: what answers is no object store, but a page of the network or a proxy; try again"
        )


def _entry(info: dict[str, Any]) -> Entry:
    modified = next((info[key] for key in ("LastModified", "last_modified", "mtime", "updated") if info.get(key)), None)
    tag = next((info[key] for key in ("ETag", "etag", "md5Hash", "generation") if info.get(key)), None)
    return Entry(int(info.get("size") or 0), str(tag or modified or ""), _nanoseconds(modified))


def _nanoseconds(time: Any) -> int:
    if isinstance(time, str):
        with contextlib.suppress(ValueError):
            time = datetime.fromisoformat(time)
    if isinstance(time, datetime):
        time = time.timestamp()
    return int(time) * 1_000_000_000 if isinstance(time, int | float) else 0


@contextlib.contextmanager
def _explained(what: str, *, is_object: bool = False) -> Iterator[None]:
    """Turn what a store's package raises into one line that says what to do."""
    try:
        yield
    except ImportError:
        raise
    except Exception as error:
        known = _known(error, what, is_object)
        if known is None:
            raise
        raise known from error


def _known(error: Exception, what: str, is_object: bool) -> SkillsmithError | None:
    kind = type(error).__name__
    reason = safe_message(str(error)) or kind
    if kind in _NO_CREDENTIALS:
        return UsageError(f"{what}: no credentials for it in the environment ({reason}); set those of your store")
    if is_object and _code(error) in _OF_ONE_OBJECT:
        return RefusedFileError(f"{what}: cannot be read ({reason}); check its permissions")
    if isinstance(error, RecursionError):
        return UsageError(f"{what}: the store sends every request on to another place; check the URL and the region")
    if isinstance(error, PermissionError):
        return UsageError(f"{what}: access denied ({reason}); check the credentials and what they may list and read")
    if isinstance(error, FileNotFoundError):
        if is_object:
            return RefusedFileError(f"{what}: went away before it was read; deliver it again")
        return UsageError(f"{what} is not there ({reason}); give the URL that files arrive under with --drop")
    if isinstance(error, OSError) and error.errno in _FULL:
        return StorageError(f"cannot write {what} below <home>/remote: {error.strerror}; free some space and try again")
    is_wrong_call = isinstance(error, OSError) and error.errno in _WRONG_CALL
    if is_wrong_call or isinstance(error, ValueError) or kind == "ParamValidationError":
        return UsageError(f"{what}: the store takes no such request ({reason}); check the URL and the region")
    if isinstance(error, OSError) or type(error).__module__.split(".")[0] in _STORE_PACKAGES:
        return TransientError(f"{what} cannot be reached or read now ({reason}); try again")
    return None


def _code(error: Exception) -> str | None:
    """What S3 calls the error, where it is S3's."""
    answer = getattr(error.__cause__, "response", None)
    return answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
