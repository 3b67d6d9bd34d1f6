"""The status page as a live source: its `status-public` document, polled, as probe results and incidents.

Each poll tells what the page's own probes found last. A poll that fails tells nothing at all: it raises, there are no
rows, and the minutes that nobody looked at stay uncovered rather than up. What a check or an incident must look like
is `ingest.contracts.status`.
"""

import json
import logging
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from ingest.contracts import Contract
from ingest.live.window import Window
from warehouse.errors import SkillsmithError, SourceError, TransientError, UsageError
from warehouse.settings import Settings

Row = dict[str, Any]

_TIMEOUT = (5.0, 10.0)
_LARGEST = 4 << 20
_CHUNK = 64 << 10
_UPDATE_TIMES = ("updated_at", "created_at", "posted_at", "at")

_log = logging.getLogger(__name__)


class StatusPageSource:
    """The document at `SKILLSMITH_STATUS_URL`; one poll serves both entities.

    `now` is the clock; `seconds` is how long one poll may take. Raises UsageError where no address is set. `windows`
    raises TransientError where the page cannot be reached, is busy or stale, and SourceError where what answers is
    not the document.
    """

    name = "status"
    starts_once = False
    entities: tuple[str, ...] = ("status/checks", "status/incidents")

    def __init__(self, settings: Settings, *, now: Callable[[], datetime] | None = None, seconds: float = 30.0) -> None:
        if settings.status_url is None:
            raise UsageError("set SKILLSMITH_STATUS_URL to the address of the status-public document")
        self._url = settings.status_url
        parts = urlsplit(self._url)
        # What stands behind a question mark may be a key.
        self._shown = f"{parts.scheme}://{parts.netloc}{parts.path}"
        self._stale = timedelta(minutes=settings.status_stale_minutes)
        self._now = now or (lambda: datetime.now(UTC))
        self._seconds = seconds
        self._session = requests.Session()
        self._polled: tuple[datetime, datetime, Row] | SkillsmithError | None = None
        self._asked: set[str] = set()

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def windows(self, contract: Contract, cursor: str | None, spool: Path) -> Iterator[Window]:
        """One window of the document as it is now, or none where it is the one that the cursor names, or older.

        The cursor is the document's time, or the poll's where a page's clock is ahead of ours: else what such a page
        tells once its clock is right would be older. One that lies ahead of our clock was left by a wrong one of ours.
        """
        if self._polled is None or contract.name in self._asked:
            self._asked = set()
            try:
                self._polled = self._poll()
            except SkillsmithError as error:
                self._polled = error
        self._asked.add(contract.name)
        if isinstance(self._polled, SkillsmithError):
            raise self._polled
        generated_at, polled_at, data = self._polled
        reached, now = _iso(min(generated_at, polled_at)), _iso(polled_at)
        if cursor is not None and cursor > now:
            _log.warning("%s: the last poll is of %s, ahead of our clock; it is left aside", contract.name, cursor)
        elif cursor is not None and reached <= cursor:
            if reached < cursor:
                _log.warning(
                    "%s: the page has gone back, from what it was at %s to what it was at %s: that adds nothing, and "
                    "the time until it goes on stays a gap",
                    contract.name,
                    cursor,
                    reached,
                )
            return
        rows = [_check(row) for row in data["components"]]
        if contract.entity == "incidents":
            rows = [_incident(row, reached) for row in data["incidents"]]
        identity = f"{generated_at:%Y%m%dT%H%M%S.%fZ}-{uuid.uuid4().hex[:8]}"
        path = spool / f"{contract.entity}-{identity}.ndjson"
        spool.mkdir(parents=True, exist_ok=True)
        with open(path, "x", encoding="utf-8", opener=_private) as file:
            file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        window = Window(contract, path, f"live/{contract.name}/{identity}", cursor, reached, rows_claimed=len(rows))
        # The next poll tells of the checks anew, so nothing is held up by refusing one that says nothing.
        yield replace(window, refused_from=1) if contract.entity == "checks" else window

    def backfill(
        self,
        contract: Contract,  # noqa: ARG002 - as every live source is asked
        since: datetime,  # noqa: ARG002
        until: datetime,  # noqa: ARG002
        spool: Path,  # noqa: ARG002
    ) -> Iterator[Window]:
        """Nothing to give: raises UsageError."""
        raise UsageError("the status page tells only how things are now; deliver older checks as files")

    def _poll(self) -> tuple[datetime, datetime, Row]:
        """The document's time (UTC), the poll's and the data; raises where it says nothing that can be relied on."""
        try:
            answer = json.loads(self._body())
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{self._shown} is not JSON; check SKILLSMITH_STATUS_URL") from error
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, dict) or not (
            _is_rows(data.get("components"))
            and _is_rows(_rows_or_none(data.get("incidents")))
            and data.get("generated_at")
        ):
            raise SourceError(f"{self._shown} is not the status-public document; check SKILLSMITH_STATUS_URL")
        try:
            generated_at = _utc(data["generated_at"])
        except (ValueError, TypeError, OverflowError) as error:
            raise SourceError(f"{self._shown}: generated_at is not an ISO 8601 time") from error
        polled_at = self._now()
        age = polled_at - generated_at
        if abs(age) > self._stale:
            minutes = age.total_seconds() / 60
            when = f"{minutes:.0f} minutes ago" if minutes > 0 else f"{-minutes:.0f} minutes ahead of our clock"
            raise TransientError(f"{self._shown} was generated {when}: it is not taken, the time stays a gap")
        if not data["components"]:
            raise TransientError(f"{self._shown} lists no component; the time stays a gap")
        return generated_at, polled_at, data | {"incidents": _rows_or_none(data.get("incidents"))}

    def _body(self) -> bytes:
        """What the address itself answers, within bounds of time and size."""
        answered: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answered.put(self._read())
            except Exception as error:  # noqa: BLE001 - raised below, by who waits for it
                answered.put(error)

        # Who sends a head or the length of a chunk by drops keeps every single read within its limit; a thread that is
        # left alone with such a one ends with the process.
        threading.Thread(target=ask, daemon=True, name="status poll").start()
        try:
            answer = answered.get(timeout=self._seconds + 1)
        except queue.Empty:
            raise self._too_slow() from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _too_slow(self) -> TransientError:
        return TransientError(f"{self._shown} did not end within {self._seconds:.0f} s; the time stays a gap")

    def _read(self) -> bytes:
        until = time.monotonic() + self._seconds
        body = bytearray()
        try:
            with self._session.get(
                self._url, timeout=_TIMEOUT, stream=True, allow_redirects=False, headers={"Accept": "application/json"}
            ) as answer:
                self._require_success(answer.status_code)
                # What has come so far, so that an answer by drops does not outlast the clock.
                while chunk := answer.raw.read1(_CHUNK, decode_content=True):
                    body += chunk
                    if len(body) > _LARGEST:
                        raise SourceError(f"{self._shown} is larger than {_LARGEST >> 20} MB; is it the document?")
                    if time.monotonic() > until:
                        raise self._too_slow()
        except requests.exceptions.SSLError:
            raise SourceError(f"{self._shown}: its certificate cannot be verified") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            raise SourceError(f"{self._shown} is no address; check SKILLSMITH_STATUS_URL") from None
        except (requests.RequestException, HTTPError, OSError) as error:
            raise TransientError(
                f"{self._shown} did not answer ({type(error).__name__}); the time stays a gap"
            ) from None
        return bytes(body)

    def _require_success(self, status: int) -> None:
        if status == 200:
            return
        if status in (408, 425, 429) or status >= 500:
            raise TransientError(f"{self._shown} answered {status}; the time stays a gap")
        if 300 <= status < 400:
            raise SourceError(
                f"{self._shown} redirects ({status}), which is not followed; set SKILLSMITH_STATUS_URL anew"
            )
        raise SourceError(f"{self._shown} answered {status}; check SKILLSMITH_STATUS_URL")


def _check(component: Row) -> Row:
    """A component's last probe; keys that we do not know come along."""
    rest = {key: value for key, value in component.items() if key != "slug"}
    return {"component": component.get("slug"), "probe": "external"} | rest


def _incident(incident: Row, told_at: str) -> Row:
    """An incident as it stands, of the version that the poll is.

    By its own times it would be no later version where it was corrected or opened again. What they say of its last
    change comes along as `changed_at`.
    """
    rest = {key: value for key, value in incident.items() if key not in ("id", "affected_components")}
    row = {"incident_id": incident.get("id"), "components": incident.get("affected_components")} | rest
    updates = incident.get("updates")
    times = [incident.get("updated_at"), incident.get("started_at"), incident.get("resolved_at")]
    for update in updates if isinstance(updates, list) else []:
        times += [update.get(key) for key in _UPDATE_TIMES] if isinstance(update, dict) else []
    known = [moment for moment in map(_utc_or_none, times) if moment is not None]
    if known:
        row["changed_at"] = _iso(max(known))
    return row | {"updated_at": told_at}


def _rows_or_none(rows: object) -> object:
    """Rows, or no row where JSON's null stands for them."""
    return [] if rows is None else rows


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


def _utc_or_none(text: object) -> datetime | None:
    try:
        return _utc(text) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
