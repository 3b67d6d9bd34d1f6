"""The registry's PostgreSQL as a live source: what changed since the last run, from one snapshot, by COPY.

What is new is known by the columns that say when a row was made or changed, and once a day by the transaction that
wrote it. A row that is committed late carries an older time than rows that were read before it; docs/decisions/0017
says why none is missed. Rights and views that the registry has to give are in docs/sources/registry.md. What rows
become is `ingest.reading`; nothing here knows the warehouse.
"""

import hashlib
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

from ingest.contracts import CONTRACTS, Contract
from ingest.live.window import Window
from ingest.privacy import is_dropped, safe_message
from warehouse.errors import (
    SkillsmithError,
    SourceError,
    StorageError,
    TransientError,
    UnreachableError,
    UsageError,
)
from warehouse.postgres import require_address
from warehouse.settings import Settings

Result = TypeVar("Result")

CHANGED_AT: Mapping[str, tuple[str, ...]] = {
    "registry/events": ("created_at",),
    "registry/api_requests": ("started_at",),
    "registry/audit_logs": ("created_at",),
    "registry/skill_ratings": ("created_at",),
    "registry/skill_approvals": ("requested_at", "decided_at"),
    "registry/collections": ("added_at", "removed_at"),
}
"""The columns that say when a row was made or changed, where it is not `updated_at`."""

WRITTEN_BY = "source_xmin"
"""The column in which a view hands on the `xmin` of its rows, which only tables have of themselves."""

_WINDOW_ROWS = 500_000
_TRIES = 5
_FIRST_WAIT = 0.5
_CONNECT_SECONDS = 10
_LOCK_SECONDS = 10
_APPLICATION = "skillsmith-analytics"

# A session shows when its transaction began a moment after it did.
_GRACE = timedelta(seconds=1)
# When a prepared transaction began is not known, only when it was prepared.
_LONGEST_BEFORE_PREPARED = timedelta(days=1)
_XIDS = 1 << 32
_CURSOR = re.compile(
    r"(?P<since>\S+) swept (?P<at>\S+) xid (?P<xid>\d+) of (?P<system>\d+)"
    r"(?: wal (?P<timeline>\d+):(?P<lsn>[0-9A-F]+/[0-9A-F]+))?"
    r"(?: table (?P<database>\d+)\.(?P<definition>\w+)\.(?P<heirs>\w+))?(?: without (?P<unread>\S+))?"
)
_EARLIEST = datetime.min.replace(tzinfo=UTC)

_RUNNING = (
    "select min(xact_start) as oldest from pg_stat_activity where datname = current_database() "
    "and pid <> pg_backend_pid() and backend_type not in ('autovacuum worker', 'walsender')"
)
_PREPARED = "select min(prepared) as oldest from pg_prepared_xacts where database = current_database()"
_SERVER = (
    "select pg_is_in_recovery() as is_standby, (select system_identifier from pg_control_system()) as system, "
    "(select oid::bigint from pg_database where datname = current_database()) as database, "
    # A standby has neither, and is refused.
    "case when not pg_is_in_recovery() then pg_current_wal_insert_lsn()::text end as lsn, "
    "case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) end as timeline, "
    "pg_has_role('pg_read_all_stats', 'usage') and current_setting('track_activities')::boolean as sees_all, "
    "current_user as reader, clock_timestamp() as read_at"
)
_SNAPSHOT = (
    "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xmin, "
    "pg_snapshot_xmax(pg_current_snapshot())::text::bigint as xmax"
)
# For this transaction alone: a pooler hands the session to others. Without row_security = off, rows that a policy
# hides would be missing without a word; with it they are an error.
_LIMITS = (
    "select set_config(name, setting, true) from (values ('TimeZone', 'UTC'), ('DateStyle', 'ISO, YMD'), "
    "('row_security', 'off'), ('statement_timeout', %s), ('lock_timeout', %s), "
    "('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0')) as wanted (name, setting) "
    "where exists (select 1 from pg_settings where pg_settings.name = wanted.name)"
)
_COLUMNS = (
    "select c.relkind::text as relkind, a.attname as name, coalesce(base.typname, t.typname) as type, "
    "coalesce(base.typcategory, t.typcategory)::text as category, a.attnotnull as is_full, "
    "has_column_privilege(a.attrelid, a.attnum, 'select') as is_readable "
    "from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
    "join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
    "join pg_type as t on t.oid = a.atttypid left join pg_type as base on base.oid = t.typbasetype "
    "where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f') order by a.attnum"
)
# The tables that an entity's rows lie in: its own, what a view reads, and partitions and heirs of these. When a table
# was made, its system columns say: they are written once, but for a grant on one of them.
_LAID_IN = (
    "with recursive laid (oid, is_heir, since) as (select c.oid, false, null::bigint from pg_class as c "
    "join pg_namespace as n on n.oid = c.relnamespace where n.nspname = %s and c.relname = %s "
    "and c.relkind in ('r', 'p', 'v', 'm', 'f') "
    "union select below.oid, below.is_heir, below.since from laid cross join lateral ("
    "select i.inhrelid as oid, true as is_heir, i.xmin::text::bigint as since from pg_inherits as i "
    "where i.inhparent = laid.oid "
    "union select d.refobjid, false, null from pg_rewrite as r join pg_depend as d on d.objid = r.oid "
    "and d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class "
    "where r.ev_class = laid.oid and r.ev_type = '1') as below) "
    "select laid.oid::bigint as oid, is_heir, since, array(select a.xmin::text::bigint from pg_attribute as a "
    "where a.attrelid = c.oid and a.attnum < 0) as made, coalesce("
    # As it is stored: what makes text of it looks at the catalogue of now and not at the snapshot's.
    "(select md5(string_agg(r.ev_action::text, ' ')) from pg_rewrite as r where r.ev_class = c.oid "
    "and r.ev_type = '1' and c.relkind in ('v', 'm')), "
    "(select md5(concat(f.ftserver, f.ftoptions, s.srvoptions)) from pg_foreign_table as f "
    "join pg_foreign_server as s on s.oid = f.ftserver where f.ftrelid = c.oid), '') as definition "
    "from laid join pg_class as c on c.oid = laid.oid order by is_heir, laid.oid"
)
# What is locked now has just been read; what was truncated, rewritten or put in its place since the snapshot was
# taken looked empty to it.
_REPLACED = (
    "select count(*) as n from pg_locks as l left join pg_class as c on c.oid = l.relation "
    "where l.pid = pg_backend_pid() and l.locktype = 'relation' "
    "and l.database = (select oid from pg_database where datname = current_database()) "
    "and (c.oid is null or (c.relfilenode <> 0 and c.relfilenode is distinct from pg_relation_filenode(c.oid)))"
)

_log = logging.getLogger(__name__)


class _ReplacedError(Exception):
    """A table was truncated, rewritten or replaced after the snapshot was taken."""


@dataclass(frozen=True, slots=True)
class _Swept:
    """What is written by transactions before `xid` of that server (its system identifier) is in, whatever its time."""

    at: datetime
    xid: int
    system: int


@dataclass(frozen=True, slots=True)
class _Wal:
    """How far the server's log was: a server that is restored begins another timeline, or is behind where it was."""

    timeline: int
    lsn: str

    def is_behind(self, other: "_Wal") -> bool:
        """Whether a server that was at `other` can be here only because it was restored."""
        here, there = ([int(part, 16) for part in wal.lsn.split("/")] for wal in (self, other))
        return self.timeline != other.timeline or here < there


@dataclass(frozen=True, slots=True)
class _Table:
    """Which table or view an entity is read from: the database's oid, and hashes of what `_LAID_IN` finds.

    `definition` is of the table itself and of the views and foreign tables below it, `heirs` of partitions and heirs.
    """

    database: int
    definition: str
    heirs: str


@dataclass(frozen=True, slots=True)
class _Cursor:
    """How far an entity is: what will ever have a time before `since` is in.

    As text `2026-06-01T06:00:00.000000Z swept 2026-06-01T00:30:00.000000Z xid 734 of 7711359166892977778 wal
    1:0/16F2298 table 16384.9b2f0c41d7e8.d41d8cd98f00 without -`, or `without actor,metadata`, the columns of the
    contract that were not read. None: an older version's cursor, which does not say it.
    """

    since: datetime
    swept: _Swept
    wal: _Wal | None = None
    table: _Table | None = None
    unread: tuple[str, ...] | None = None

    @classmethod
    def read(cls, text: str, contract: Contract) -> "_Cursor":
        found = _CURSOR.fullmatch(text)
        try:
            if found is None:
                raise ValueError(text)
            since, at = (datetime.fromisoformat(found.group(name)) for name in ("since", "at"))
            unread = tuple(found["unread"].strip("-").split(",")) if found["unread"] else None
            table = _Table(int(found["database"]), found["definition"], found["heirs"]) if found["database"] else None
            wal = _Wal(int(found["timeline"]), found["lsn"]) if found["timeline"] else None
            return cls(since, _Swept(at, int(found["xid"]), int(found["system"])), wal, table, unread)
        except ValueError as error:
            raise UsageError(f"{text!r} is no cursor of {contract.name}; `pull registry --from-start`") from error

    def __str__(self) -> str:
        swept, table = self.swept, self.table
        wal = "" if self.wal is None else f" wal {self.wal.timeline}:{self.wal.lsn}"
        of = "" if table is None else f" table {table.database}.{table.definition}.{table.heirs}"
        without = "" if self.unread is None else f" without {','.join(self.unread) or '-'}"
        return f"{_iso(self.since)} swept {_iso(swept.at)} xid {swept.xid} of {swept.system}{wal}{of}{without}"


@dataclass(frozen=True, slots=True)
class _Session:
    """One repeatable-read transaction. What it cannot see yet has a time from `horizon` and an xid from `xmin` on."""

    connection: psycopg.Connection[dict[str, Any]]
    horizon: datetime
    read_at: datetime
    xmin: int
    xmax: int
    system: int
    wal: _Wal
    database: int

    def fetch(self, statement: str | sql.Composed, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
        query = statement.encode() if isinstance(statement, str) else statement
        return self.connection.execute(query, parameters).fetchall()


@dataclass(frozen=True, slots=True)
class _Relation:
    """An entity's table or view as it is now: what to select, when a row changed, which transaction wrote it.

    unread: columns of the contract that are not there, or may not be read.
    """

    name: sql.Identifier
    selected: sql.Composed
    changed: sql.Composable | None
    is_always_dated: bool
    xmin: sql.Identifier | None
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    """Rows of [first, until) by their time, as PostgreSQL writes it; those without a time where it has no end.

    With `from_xid` only those that this or a later transaction wrote.
    """

    first: str | None = None
    until: str | None = None
    from_xid: int | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """A file of a span: its rows, where the next one begins (None: it was the last), and what it was read in."""

    path: Path
    identity: str
    rows: int
    end: str | None
    session: _Session
    is_dated: bool
    unread: tuple[str, ...]


def entities_of(settings: Settings) -> tuple[str, ...]:
    """What is read of the registry, in the order of the contracts; raises UsageError for what is none of it."""
    known = tuple(name for name, contract in CONTRACTS.items() if contract.source == "registry")
    named = {f"registry/{name.strip()}" for name in settings.registry_entities.split(",") if name.strip()}
    for name in sorted(named - set(known)):
        raise UsageError(f"SKILLSMITH_REGISTRY_ENTITIES: {name} is no entity; known are {', '.join(known)}")
    return tuple(name for name in known if not named or name in named)


class RegistrySource:
    """The database at `SKILLSMITH_REGISTRY_URL`, read only.

    `window_rows` is about how many rows a window holds; `first_wait` the seconds before the second try of what broke
    off, doubled at each more. Raises UsageError where no address is set. `windows` raises SourceError where the
    registry refuses a right or lacks a required column, TransientError where it cannot be reached or is too busy,
    StorageError where the spool folder cannot be written.
    """

    name = "registry"
    starts_once = False

    def __init__(self, settings: Settings, *, window_rows: int = _WINDOW_ROWS, first_wait: float = _FIRST_WAIT) -> None:
        if settings.registry_url is None:
            raise UsageError("set SKILLSMITH_REGISTRY_URL to the address of the registry's database")
        self._url = settings.registry_url.get_secret_value()
        require_address(self._url, "SKILLSMITH_REGISTRY_URL")
        self.entities = entities_of(settings)
        self._schema = settings.registry_schema
        self._overlap = timedelta(minutes=settings.registry_overlap_minutes)
        self._sweep_every = timedelta(hours=settings.registry_sweep_hours) if settings.registry_sweep_hours else None
        self._minutes = settings.statement_minutes
        self._window_rows = window_rows
        self._first_wait = first_wait
        self._session: _Session | None = None
        self._parts = 0
        self._told: set[str] = set()

    def close(self) -> None:
        """Let go of the connection, and of its snapshot."""
        if self._session is not None:
            self._session.connection.close()
            self._session = None

    def windows(self, contract: Contract, cursor: str | None, spool: Path) -> Iterator[Window]:
        """Rows made or changed since the cursor less the overlap, the oldest first; without a cursor all.

        Where the last sweep is long enough ago, what transactions since then wrote with older times follows.
        """
        told = _Cursor.read(cursor, contract) if cursor is not None else None
        place, wal, table = self._place(contract, told)
        start = None if place is None else _text(max(place.since, _EARLIEST + self._overlap) - self._overlap)
        before, after = cursor, cursor
        horizon = swept = None
        for part in self._parts_of(contract, _Span(start), spool, told):
            session = part.session
            # A lost connection takes its snapshot with it; what the earlier one could not see is still to come.
            horizon = session.horizon if horizon is None else min(horizon, session.horizon)
            swept = swept or _Swept(session.read_at, session.xmin, session.system)
            reached = horizon if part.end is None else min(horizon, _moment(part.end) or _EARLIEST)
            # What an earlier run has established stands, even while an old transaction is open again.
            reached = reached if place is None else max(reached, place.since)
            now = _Cursor(reached, place.swept if place else swept, wal, table, part.unread)
            before, after = after, str(now) if part.is_dated else None
            if part.rows or part.end is None:
                yield self._window(contract, part, before, after)
        if place is None or swept is None or not self._is_due(place.swept, swept) or after is None:
            return
        done = str(replace(_Cursor.read(after, contract), swept=swept))
        for part in self._parts_of(contract, _Span(None, start, place.swept.xid), spool, told):
            before, after = after, done if part.end is None else after
            if part.rows or part.end is None:
                yield self._window(contract, part, before, after)

    def backfill(self, contract: Contract, since: datetime, until: datetime, spool: Path) -> Iterator[Window]:
        """Rows made or changed in a range of time again."""
        for part in self._parts_of(contract, _Span(_text(since), _text(until)), spool, None):
            if part.rows:
                yield self._window(contract, part, None, None)

    def _is_due(self, last: _Swept, now: _Swept) -> bool:
        return self._sweep_every is not None and now.at - last.at >= self._sweep_every

    def _place(self, contract: Contract, told: _Cursor | None) -> tuple[_Cursor | None, _Wal, _Table]:
        """Where to go on, and the server and the table as they are before anything is read of them.

        None, with a warning, where what was read before was something else: rows that are older than the cursor may
        have come with it, and no transaction number tells them.
        """
        session, table, is_older = self._tried(lambda session: (session, *self._table(session, contract, told)))
        why = None if told is None else self._why_anew(told, session, table, is_older=is_older)
        if why is not None:
            _log.warning("%s %s: everything is read again", contract.name, why)
        return None if why is not None else told, session.wal, table

    def _table(self, session: _Session, contract: Contract, told: _Cursor | None) -> tuple[_Table, bool]:
        """The entity's table as the snapshot has it, and whether it has got a part that was there before the sweep.

        Rows are no older than the table that holds them, so a partition that is new brings what the next sweep finds.
        """
        with _unlocked_afterwards(session):
            laid = session.fetch(_LAID_IN, [self._schema, contract.entity])
        # Of what lies on another server no transaction is known, so as a heir too it is part of the definition.
        own = [(each["oid"], each["definition"]) for each in laid if not each["is_heir"] or each["definition"]]
        heirs = [each for each in laid if each["is_heir"]]
        table = _Table(session.database, _digest(own), _digest([each["oid"] for each in heirs]))
        if told is None or told.table is None or told.table.heirs == table.heirs:
            return table, False

        # As with rows: numbers have 32 bits, and what looks new may be old.
        distance = session.xmax - told.swept.xid

        def is_new(xid: int) -> bool:
            return (session.xmax - xid) % _XIDS <= distance

        is_older = distance >= _XIDS >> 1 or any(
            is_new(each["since"]) and not all(map(is_new, each["made"])) for each in heirs
        )
        return table, is_older

    def _why_anew(self, told: _Cursor, session: _Session, table: _Table, *, is_older: bool) -> str | None:
        """Why a cursor says nothing of what is there now; None where it does."""
        if told.swept.system != session.system or told.swept.xid > session.xmax:
            return "is another server than the one read before"
        if told.wal is not None and session.wal.is_behind(told.wal):
            return "is on a server that was restored, or promoted, since it was read"
        if told.table is None:
            return "was read by an older version, which did not note from which table"
        if told.table.database != table.database:
            return "is in another database than the one read before"
        if told.table.definition != table.definition:
            return "is another table, or another view, than the one read before"
        if is_older:
            return "has got a partition, or a table that inherits from it, which was there before the last sweep"
        if told.since - session.read_at > max(self._overlap, _GRACE):
            # What came meanwhile lies before the cursor, and nobody knows since when.
            ahead = f"until {_iso(told.since)}, and the registry's says {_iso(session.read_at)}"
            return f"was last read by a clock that ran ahead, {ahead}"
        return None

    @staticmethod
    def _window(contract: Contract, part: _Part, before: str | None, after: str | None) -> Window:
        return Window(contract, part.path, f"live/{contract.name}/{part.identity}", before, after, part.rows)

    # --- one run's snapshot -------------------------------------------------------------------------------

    def _opened(self) -> _Session:
        """The run's transaction; after a broken connection a new one, with a snapshot and a horizon of its own."""
        if self._session is not None:
            return self._session
        connection = psycopg.Connection[dict[str, Any]].connect(
            self._url,
            autocommit=True,
            row_factory=dict_row,
            prepare_threshold=None,
            client_encoding="utf8",
            connect_timeout=_CONNECT_SECONDS,
            application_name=_APPLICATION,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
        try:
            self._session = self._begun(connection)
        except BaseException:
            connection.close()
            raise
        return self._session

    def _begun(self, connection: psycopg.Connection[dict[str, Any]]) -> _Session:
        def only(statement: str, parameters: list[Any] | None = None) -> dict[str, Any]:
            return connection.execute(statement.encode(), parameters).fetchall()[0]

        # The order matters: a transaction that none of the three shows and the snapshot does not see began later.
        with connection.transaction():
            # However the server, or the reader's role, writes times: only this way of writing them is understood.
            connection.execute(b"set local datestyle = 'ISO, YMD'")
            server = only(_SERVER)
            running = only(_RUNNING)["oldest"]
            prepared = only(_PREPARED)["oldest"]
        connection.execute(b"begin isolation level repeatable read, read only")
        only(_LIMITS, [f"{self._minutes}min", f"{_LOCK_SECONDS}s"])
        snapshot = only(_SNAPSHOT)
        if server["is_standby"]:
            raise SourceError(
                "SKILLSMITH_REGISTRY_URL is a standby, which does not show the transactions that are still running: "
                "give the address of the primary"
            )
        if not server["sees_all"]:
            raise SourceError(
                f"{server['reader']} does not see when other transactions began, so rows committed late could be "
                f"missed: grant pg_read_all_stats to {server['reader']} (docs/sources/registry.md)"
            )
        began = [server["read_at"]]
        if running is not None:
            began.append(running)
        if prepared is not None:
            _log.warning("the registry has had a prepared transaction since %s: it holds the cursors back", prepared)
            began.append(prepared - _LONGEST_BEFORE_PREPARED)
        return _Session(
            connection,
            min(began) - _GRACE,
            server["read_at"],
            snapshot["xmin"],
            snapshot["xmax"],
            server["system"],
            _Wal(int(server["timeline"], 16), server["lsn"]),
            server["database"],
        )

    def _tried(self, work: Callable[[_Session], Result]) -> Result:
        """Do something with the database; what breaks off is done again over a new connection, a few times."""
        for attempt in range(_TRIES):
            try:
                return work(self._opened())
            except (psycopg.Error, _ReplacedError) as error:
                self.close()
                known = _known(error)
                if attempt == _TRIES - 1 or not _is_worth_another_try(error):
                    # What the server says may quote values of rows; the one line that is known is without.
                    raise known from None
                wait = self._first_wait * 2**attempt
                _log.warning("%s; trying again in %.1f s", known, wait)
                time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    # --- what is read -------------------------------------------------------------------------------------

    def _parts_of(self, contract: Contract, span: _Span, spool: Path, told: _Cursor | None) -> Iterator[_Part]:
        """A span in files of about a window's rows each, by time; none where it needs a time that no row has.

        told: how far, and of what, the entity was read before, by its times.
        """
        first = span.first
        while True:
            rest = replace(span, first=first)
            part = self._tried(lambda session, rest=rest: self._copied(session, contract, rest, spool, told))
            if part is None:
                return
            yield part
            if part.end is None:
                return
            first = part.end

    def _copied(
        self, session: _Session, contract: Contract, span: _Span, spool: Path, told: _Cursor | None
    ) -> _Part | None:
        """The next file of a span, and where the one after it begins."""
        with _unlocked_afterwards(session):
            relation = self._relation(session, contract, told)
            if span.from_xid is not None and relation.xmin is None:
                self._tell(f"{contract.name} has no {WRITTEN_BY}, so rows with a time of long ago may be missed")
            if relation.changed is None:
                if span.from_xid is not None:
                    return None
                end, condition = None, sql.Composed([])
            elif span.from_xid is not None and relation.xmin is None:
                # Nothing to read, and said so: the sweep counts as done.
                end, condition = None, sql.Composed([sql.SQL(" where false")])
            else:
                end = self._end(session, relation, span)
                condition = _where(relation, replace(span, until=end or span.until), session)
            statement = sql.SQL("copy (select {} from {}{}) to stdout with (format csv, header true)").format(
                relation.selected, relation.name, condition
            )
            self._parts += 1
            identity = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{self._parts:05d}-{uuid.uuid4().hex[:8]}"
            path = spool / f"{identity}.csv"
            rows = _stream(session, statement, path)
            if session.fetch(_REPLACED)[0]["n"]:
                path.unlink()
                raise _ReplacedError(f"{self._schema}.{contract.entity}")
        return _Part(path, identity, rows, end, session, relation.changed is not None, relation.unread)

    def _end(self, session: _Session, relation: _Relation, span: _Span) -> str | None:
        """The time at which about a window's rows of the span lie behind; None where there are no more than that."""
        found = session.fetch(
            # As text outside: inside it would be made of every row that is passed over.
            sql.SQL(
                "select at::text from (select {0} as at from {1}{2} order by 1 offset {3} limit 1) as behind"
            ).format(relation.changed, relation.name, _where(relation, span, session, is_dated=True), self._window_rows)
        )
        end = found[0]["at"] if found else None
        if end is not None and end == span.first:
            # More rows of one instant than a window holds: they stay together.
            found = session.fetch(
                sql.SQL("select min({0})::text as at from {1}{2} and {0} > {3}").format(
                    relation.changed, relation.name, _where(relation, span, session, is_dated=True), sql.Literal(end)
                )
            )
            end = found[0]["at"]
        return end

    def _relation(self, session: _Session, contract: Contract, told: _Cursor | None) -> _Relation:
        """The entity's table or view; raises SourceError by name where it, or what is required of it, is not there."""
        table = f"{self._schema}.{contract.entity}"
        columns = session.fetch(_COLUMNS, [self._schema, contract.entity])
        if not columns:
            raise SourceError(f"the registry has no table or view {table}; docs/sources/registry.md says what it needs")
        if any(column["is_readable"] is None for column in columns):
            # The snapshot still has it, the server has not.
            raise _ReplacedError(table)
        readable = {column["name"]: column for column in columns if column["is_readable"]}
        hidden = {column["name"] for column in columns} - readable.keys()
        if not readable:
            raise SourceError(f"{table} may not be read: grant select on {table} (docs/sources/registry.md)")
        required, unread = contract.required, list[str]()
        for column in contract.columns:
            if readable.keys() & set(column.delivered_as):
                continue
            name = column.delivered_as[0]
            if column in required and name in hidden:
                raise SourceError(f"{table}.{name} is required and may not be read: grant select on {table}")
            if column in required:
                raise SourceError(
                    f"{table} has no column {name}, which is required; if it has another name now, give a view"
                )
            was_read = told is not None and told.unread is not None and name not in told.unread
            if name in hidden and was_read:
                # Rows that are read again would lose it.
                raise SourceError(
                    f"{table}.{name} was read before and may not be now: grant select on it, or pull with "
                    "--from-start where it is to be NULL"
                )
            unread.append(name)
            self._tell(f"{table} has no column {name} that may be read: it is NULL")
        known = {name for column in contract.columns for name in column.delivered_as}
        for name in readable.keys() - known - {WRITTEN_BY}:
            becomes = "is not stored, because of its name" if is_dropped(name) else "goes to extra"
            self._tell(f"{table} has a column {name} that the contract does not know: it {becomes}")
        dated = [
            name
            for name in CHANGED_AT.get(contract.name, ("updated_at",))
            if name in readable and readable[name]["type"] in ("timestamptz", "timestamp")
        ]
        if not dated and told is not None:
            times = " or ".join(CHANGED_AT.get(contract.name, ("updated_at",)))
            raise SourceError(
                f"{table} has no {times} any more, by which it was read: give it back, or a view that has it; changed "
                "rows could not be told from known ones"
            )
        if not dated:
            self._tell(f"{table} has no time at which a row changed: it is read whole at every run")
        names = sql.SQL(", ").join(map(sql.Identifier, dated))
        has_xmin = readable.get(WRITTEN_BY, {}).get("type") == "xid"
        is_table = columns[0]["relkind"] in ("r", "p")
        return _Relation(
            name=sql.Identifier(self._schema, contract.entity),
            selected=sql.SQL(", ").join(_selected(column) for name, column in readable.items() if name != WRITTEN_BY),
            # Around a single column there would be no index.
            changed=None if not dated else names if len(dated) == 1 else sql.SQL("greatest({})").format(names),
            is_always_dated=any(readable[name]["is_full"] for name in dated),
            xmin=sql.Identifier(WRITTEN_BY) if has_xmin else sql.Identifier("xmin") if is_table else None,
            unread=tuple(unread),
        )

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            _log.warning("%s", text)


@contextmanager
def _unlocked_afterwards(session: _Session) -> Iterator[None]:
    """Keep the snapshot and let go of the tables: the registry's own migrations need not wait until the run ends."""
    session.connection.execute(b"savepoint reading")
    try:
        yield
    except (SourceError, _ReplacedError):
        session.connection.execute(b"rollback to savepoint reading")
        raise
    session.connection.execute(b"rollback to savepoint reading")


def _stream(session: _Session, statement: sql.Composed, path: Path) -> int:
    """Write what COPY sends to a file as it comes, readable by us alone; the number of rows."""
    try:
        with open(path, "xb", opener=_private) as file, session.connection.cursor() as cursor:
            with cursor.copy(statement) as rows:
                for row in rows:
                    file.write(row)
            return cursor.rowcount
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    except psycopg.Error:
        path.unlink()
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _selected(column: Mapping[str, Any]) -> sql.Composed:
    """A column as the contracts take it: times in UTC, truth as words, arrays and records as JSON."""
    if column["type"] == "timestamptz":
        pattern = "{0} at time zone 'UTC' as {0}"
    elif column["type"] == "bool":
        pattern = "{0}::text as {0}"
    elif column["type"] in ("json", "jsonb"):
        # JSON's null is as absent as SQL's, and in CSV it would be a text.
        pattern = "nullif(btrim({0}::text), 'null') as {0}"
    elif column["category"] in ("A", "C"):
        pattern = "to_json({0}) as {0}"
    else:
        pattern = "{0}"
    return sql.SQL(pattern).format(sql.Identifier(column["name"]))


def _where(relation: _Relation, span: _Span, session: _Session, *, is_dated: bool = False) -> sql.Composed:
    """The condition of a span; `is_dated` leaves out rows that have no time."""
    changed = relation.changed
    bounds: list[sql.Composable] = []
    if span.first is not None:
        bounds.append(sql.SQL("{} >= {}").format(changed, sql.Literal(span.first)))
    if span.until is not None:
        bounds.append(sql.SQL("{} < {}").format(changed, sql.Literal(span.until)))
    if is_dated and not bounds:
        bounds.append(sql.SQL("{} is not null").format(changed))
    conditions: list[sql.Composable] = [sql.SQL(" and ").join(bounds)] if bounds else []
    if bounds and span.until is None and not is_dated and not relation.is_always_dated:
        conditions = [sql.SQL("({} or {} is null)").format(conditions[0], changed)]
    if span.from_xid is not None and session.xmax - span.from_xid < _XIDS:
        # xmin has 32 bits. What is close behind the snapshot is new; an old row may look so too, which does no harm.
        conditions.append(
            sql.SQL("mod({} - {}::text::bigint + {}, {}) <= {}").format(
                session.xmax, relation.xmin, _XIDS, _XIDS, session.xmax - span.from_xid
            )
        )
    if not conditions:
        return sql.Composed([])
    return sql.SQL(" where {}").format(sql.SQL(" and ").join(conditions))


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _text(moment: datetime) -> str:
    """A time as PostgreSQL takes it in a session in UTC; one without a zone is UTC."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).isoformat(" ", "microseconds")


def _moment(text: str) -> datetime | None:
    """A time that PostgreSQL wrote in a session in UTC; None for one that Python has not (infinity, before Christ)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat("T", "microseconds").replace("+00:00", "Z")


# A refused login comes without a state, as text of the server alone.
_REFUSED = re.compile(r"authentication failed|does not exist|no password|pg_hba\.conf|not permitted to log in|SSL")


def _known(error: psycopg.Error | _ReplacedError) -> SkillsmithError:
    """What went wrong as one line that says what to do, and whether it may pass by itself."""
    if isinstance(error, _ReplacedError):
        return TransientError(f"{error} was truncated, rewritten or replaced while it was read")
    text = safe_message((str(error).splitlines() or ["connection lost"])[0])
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        # It quotes the value that does not fit, which may itself have quotes.
        text = text.partition('"')[0] + "a value" if '"' in text else text
    if isinstance(error, errors.InsufficientPrivilege):
        return SourceError(f"the registry refuses: {text}; docs/sources/registry.md has the grants")
    if isinstance(error, errors.LockNotAvailable):
        return TransientError(f"a table of the registry was locked for {_LOCK_SECONDS} s: {text}")
    if isinstance(error, errors.QueryCanceled):
        return TransientError(
            f"the registry took too long: {text}; index the column that says when a row changed, or raise "
            "SKILLSMITH_STATEMENT_MINUTES"
        )
    if isinstance(error, psycopg.OperationalError):
        if error.sqlstate is None and _REFUSED.search(text):
            return SourceError(f"SKILLSMITH_REGISTRY_URL: {text}")
        state = error.sqlstate or ""
        is_down = not state or state.startswith(("08", "57P")) or state == "53300"
        kind = UnreachableError if is_down else TransientError
        return kind(f"cannot read the registry of SKILLSMITH_REGISTRY_URL: {text}")
    return SourceError(f"the registry: {text}")


def _is_worth_another_try(error: psycopg.Error | _ReplacedError) -> bool:
    """Whether a new connection, with a new snapshot, may well do at once."""
    if isinstance(error, _ReplacedError | errors.UndefinedColumn | errors.UndefinedTable | errors.UndefinedObject):
        # What was looked up has been changed before it was read.
        return True
    if isinstance(error, errors.LockNotAvailable | errors.QueryCanceled):
        return False
    return isinstance(error, psycopg.OperationalError) and isinstance(_known(error), TransientError)
