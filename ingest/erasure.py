"""A person's right to be forgotten: out of every table and every published file, and never in again.

`erase` is the whole of it; `erase_requested` does it for what stands in raw.privacy_erasures. First of all a
certificate is opened, and with it the person's mark: from then on the import leaves their rows out
(`Staging.leave_out`), so a removal that is killed anywhere loses nothing by being run again. What becomes of a row is
said by its contract (`Column.on_erasure`). Rows that are built from raw rows are found by the pseudonym in whatever
column it stands, so a new model needs nothing here. Reasons: docs/decisions/0018.
"""

import fcntl
import json
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ingest.contracts import CONTRACTS, ERASED, Column, Contract
from ingest.privacy import pseudonym, pseudonym_sql
from ingest.pseudonym_key import require_same_key
from warehouse import Warehouse, Writer
from warehouse.errors import UsageError
from warehouse.statements import quoted, quoted_table

Tell = Callable[[str, str, int], None]
"""Called once a place that held the person: place, what was done there, rows."""

BUILT = ("staging", "intermediate", "marts", "build", "metrics")
"""Schemas of what is made from raw rows."""

REQUESTS = "privacy/erasures"
_CHANGES = "intermediate.int_usage_changes"
_AT_ONCE = 50
_MARKED = "erased "
_ROW_TEXT_LENGTH = 4000
_LEAST_TAIL = 8


@dataclass(frozen=True, slots=True)
class Request:
    """Who is to be erased, and who says so.

    `actor` is the person's id as the source knows it, None where only the pseudonym is known: with it, texts in which
    the bare id stands are found as well. `name` is `command` or the id of a row of raw.privacy_erasures.
    """

    pseudonym: str
    actor: str | None = None
    name: str = "command"
    requested_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was done for one request. `steps` are place, action and rows; times are UTC.

    `completed_at` is None while a removal was begun and has not come to its end: run it again.
    """

    certificate_id: str
    request: str
    person_mark: str
    requested_at: datetime | None
    started_at: datetime
    completed_at: datetime | None
    steps: tuple[tuple[str, str, int], ...] = ()

    @property
    def rows(self) -> int:
        """Rows that were touched, wherever they were."""
        return sum(rows for _, _, rows in self.steps)


def erased_mark(key: bytes, person: str) -> str:
    """By what an erased person is known again: an HMAC of the pseudonym, from which nobody comes back to it."""
    return pseudonym(key, _MARKED + person)


def erased_mark_sql(person: str) -> str:
    """DuckDB's expression of `erased_mark` over a pseudonym; the pads of `pseudonym_pads` are bound."""
    return pseudonym_sql(f"'{_MARKED}' || {person}")


def erased_marks(writer: Writer) -> frozenset[str]:
    """The marks of everybody whom the import leaves out."""
    return frozenset(
        row["mark"]
        for row in writer.fetch("select distinct person_mark as mark from ops.erasures where person_mark <> ''")
    )


def plan(warehouse: Warehouse, request: Request) -> list[tuple[str, str, int]]:
    """What an erasure would do now, as `Certificate.steps`; changes nothing."""
    with warehouse.write(None) as writer:
        require_same_key(writer, warehouse.settings.pseudonym_key)
        places = _Places(warehouse, writer, [request], {}, None)
        places.everywhere(dry_run=True)
        return places.steps_of(request.pseudonym)


def erase(warehouse: Warehouse, requests: Sequence[Request], *, tell: Tell | None = None) -> list[Certificate]:
    """Erase persons everywhere, each named once; a certificate each.

    Run again after a kill it goes on with the certificate that it had opened. Figures that were published with the
    person in them follow at the next build, whose touched days are marked here.
    """
    done: list[Certificate] = []
    for start in range(0, len(requests), _AT_ONCE):
        done += _erase(warehouse, requests[start : start + _AT_ONCE], tell)
    return done


def erase_requested(warehouse: Warehouse, *, tell: Tell | None = None) -> list[Certificate]:
    """Erase whoever is named in raw.privacy_erasures and has no certificate yet; free where there is nobody."""
    done: list[Certificate] = []
    while named := _waiting(warehouse):
        done += erase(warehouse, named, tell=tell)
    return done


def _waiting(warehouse: Warehouse) -> list[Request]:
    """Requests without a completed certificate, one a person; those that name nobody any more are answered here."""
    with warehouse.write("import") as writer:
        waiting = writer.fetch(
            f"select r.erasure_id, r.actor_key, r.requested_at from {CONTRACTS[REQUESTS].table.qualified} as r "
            # Whoever is still named waits, whatever was answered to a request of the same id.
            "where r.actor_key is not null or not exists ("
            "select 1 from ops.erasures as e where e.request = r.erasure_id and e.completed_at is not null) "
            "order by r.requested_at, r.erasure_id"
        )
        opened = {
            row["request"]: row["certificate_id"]
            for row in writer.fetch("select request, certificate_id from ops.erasures where completed_at is null")
        }
        nameless = [row for row in waiting if row["actor_key"] is None]
        for row in nameless:
            if row["erasure_id"] not in opened:
                # Of nobody, or of somebody who was erased by an earlier request.
                _open_one(writer, row["erasure_id"], "", row["requested_at"], completed_at=_now())
    # Killed when all rows were gone and the person out of the request: only the end is left to do.
    if ended := [opened[row["erasure_id"]] for row in nameless if row["erasure_id"] in opened]:
        _end(warehouse, ended)
    by_person = {
        row["actor_key"]: Request(row["actor_key"], None, row["erasure_id"], row["requested_at"])
        for row in reversed(waiting)
        if row["actor_key"] is not None
    }
    return list(by_person.values())


def certificates(warehouse: Warehouse, certificate_id: str | None = None) -> list[Certificate]:
    """Every certificate, the newest first, or the one whose id begins like this (UsageError where it is not one)."""
    with warehouse.write("import") as writer:
        rows = writer.fetch("select * from ops.erasures order by started_at desc, certificate_id")
        if certificate_id is not None:
            rows = [row for row in rows if row["certificate_id"].startswith(certificate_id)]
            if len(rows) != 1:
                raise UsageError(f"{'more than one' if rows else 'no'} certificate's id begins with {certificate_id}")
        return [_certificate(writer, row) for row in rows]


def certificate_text(certificate: Certificate) -> str:
    """The certificate as Markdown, to be printed or sent; nothing in it names the person."""
    done = [f"| {place} | {action} | {rows:,} |" for place, action, rows in certificate.steps]
    state = (
        f"completed {_time(certificate.completed_at)}"
        if certificate.completed_at
        else "NOT COMPLETED: run the erasure again"
    )
    return "\n".join(
        [
            "# Certificate of erasure",
            "",
            f"- Certificate: {certificate.certificate_id}",
            f"- Request: {certificate.request}",
            *([f"- Requested: {_time(certificate.requested_at)}"] if certificate.requested_at else []),
            f"- Begun: {_time(certificate.started_at)}",
            f"- State: {state}",
            f"- Mark of the person: {certificate.person_mark}",
            "",
            "| place | what was done | rows |",
            "|---|---|---|",
            *(done or ["| everywhere | nothing of the person was found | 0 |"]),
            "",
            "The mark is made from the person's id under this installation's secret key; the id cannot be had from it.",
            "By it, rows of the person that are delivered again are left out. Figures that the person was counted in",
            "are computed anew by the refresh after the erasure. Files that sources delivered, and backups, are kept",
            "by whoever keeps them and are not part of this certificate.",
            "",
        ]
    )


def _erase(warehouse: Warehouse, requests: Sequence[Request], tell: Tell | None) -> list[Certificate]:
    with warehouse.write(None) as writer:
        require_same_key(writer, warehouse.settings.pseudonym_key)
        opened = _open(writer, requests, warehouse.settings.pseudonym_key)
        _Places(warehouse, writer, requests, opened, tell).everywhere(dry_run=False)
        table = CONTRACTS[REQUESTS].table.qualified
        for person in opened:
            writer.execute(f"update {table} set actor_key = null where actor_key = ?", [person])
    return _end(warehouse, list(opened.values()))


def _end(warehouse: Warehouse, certificate_ids: Sequence[str]) -> list[Certificate]:
    """What is left once no table holds the persons: rollups, free pages, leftovers; then the certificates' end."""
    warehouse.freshen()
    if warehouse.engine == "duckdb":
        from warehouse.duckdb_files import rewrite_warehouse

        rewrite_warehouse(warehouse)
    _clear_leftovers(warehouse.settings.home)
    with warehouse.write(None) as writer:
        _complete(writer, certificate_ids)
        wanted = set(certificate_ids)
        rows = writer.fetch("select * from ops.erasures order by started_at, certificate_id")
        return [_certificate(writer, row) for row in rows if row["certificate_id"] in wanted]


def _open(writer: Writer, requests: Sequence[Request], key: bytes) -> dict[str, str]:
    """Open a certificate for each person, or find the one that an earlier, killed run opened; ids by pseudonym."""
    opened: dict[str, str] = {}
    with writer.transaction():
        for request in requests:
            mark = erased_mark(key, request.pseudonym)
            there = writer.fetch(
                "select certificate_id from ops.erasures "
                "where person_mark = ? and request = ? and completed_at is null",
                [mark, request.name],
            )
            opened[request.pseudonym] = (
                there[0]["certificate_id"] if there else _open_one(writer, request.name, mark, request.requested_at)
            )
    return opened


def _open_one(
    writer: Writer, request: str, mark: str, requested_at: datetime | None, completed_at: datetime | None = None
) -> str:
    """Open a certificate; its id."""
    now = _now()
    certificate_id = f"{now:%Y%m%d}-{secrets.token_hex(5)}"
    writer.append(
        "ops.erasures",
        [
            {
                "certificate_id": certificate_id,
                "request": request,
                "person_mark": mark,
                "requested_at": _utc(requested_at),
                "started_at": now,
                "completed_at": completed_at,
            }
        ],
    )
    return certificate_id


def _complete(writer: Writer, certificate_ids: Sequence[str]) -> None:
    with writer.transaction():
        for certificate_id in certificate_ids:
            writer.execute(
                "update ops.erasures set completed_at = ? where certificate_id = ?", [_now(), certificate_id]
            )


def _certificate(writer: Writer, row: Mapping[str, Any]) -> Certificate:
    steps = writer.fetch(
        "select place, action, cast(sum(row_count) as bigint) as n from ops.erasure_steps "
        "where certificate_id = ? group by place, action order by min(done_at), place, action",
        [row["certificate_id"]],
    )
    return Certificate(
        certificate_id=row["certificate_id"],
        request=row["request"],
        person_mark=row["person_mark"],
        requested_at=row["requested_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        steps=tuple((step["place"], step["action"], step["n"]) for step in steps),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows of one table that name one of the persons in a column: how many, by person and (where kept) by day."""

    column: Column
    rows: Counter[str] = field(default_factory=Counter)
    days: Counter[date] = field(default_factory=Counter)


class _Places:
    """Every place that may hold one of some persons, asked or emptied in one writing session."""

    def __init__(
        self,
        warehouse: Warehouse,
        writer: Writer,
        requests: Sequence[Request],
        opened: Mapping[str, str],
        tell: Tell | None,
    ) -> None:
        self._warehouse = warehouse
        self._writer = writer
        self._requests = requests
        self._persons = [request.pseudonym for request in requests]
        self._marks = ", ".join("?" for _ in requests)
        self._opened = opened
        self._tell = tell
        self._steps: Counter[tuple[str, str, str]] = Counter()
        self._is_timescale = warehouse.engine == "postgres" and bool(
            writer.fetch("select 1 from pg_extension where extname = 'timescaledb'")
        )

    def steps_of(self, person: str) -> list[tuple[str, str, int]]:
        """What was found of one person: place, action, rows."""
        return [(place, action, rows) for (who, place, action), rows in self._steps.items() if who == person]

    def everywhere(self, *, dry_run: bool) -> None:
        """Every raw table, the quarantine, what is built, what is published."""
        for contract in CONTRACTS.values():
            if contract.name != REQUESTS:
                with self._writer.transaction():
                    self._raw(contract, dry_run)
        with self._writer.transaction():
            self._quarantine(dry_run)
        built = _built_tables(self._writer, self._warehouse.engine)
        for table, columns in built.items():
            with self._writer.transaction():
                self._built(table, columns, dry_run)
        if _CHANGES in built and not dry_run:
            # It no longer knows that somebody was there who is not; empty, it has the next build make every day again.
            self._writer.execute(f"delete from {_CHANGES}")
        if self._warehouse.engine == "duckdb":
            from warehouse.duckdb_files import snapshots_without

            # Noted before the file takes the old one's place: a kill in between would lose the number.
            snapshots_without(
                self._warehouse.settings,
                self._writer,
                self._persons,
                found=lambda place, rows: self._note_file(place, rows, write=not dry_run),
                dry_run=dry_run,
            )

    def _note(self, place: str, action: str, rows: Mapping[str, int], *, write: bool) -> None:
        """Count what was done in a place, and write it down with what the transaction did."""
        rows = {person: n for person, n in rows.items() if n}
        if not rows:
            return
        for person, n in rows.items():
            self._steps[person, place, action] += n
        if self._tell:
            self._tell(place, action, sum(rows.values()))
        if write:
            self._writer.append(
                "ops.erasure_steps",
                [
                    {
                        "certificate_id": self._opened[person],
                        "place": place,
                        "action": action,
                        "row_count": n,
                        "done_at": _now(),
                    }
                    for person, n in rows.items()
                ],
            )

    def _note_file(self, place: str, rows: Mapping[str, int], *, write: bool) -> None:
        if write:
            # A killed run may have noted it, and not have come to the file itself.
            for certificate_id in self._opened.values():
                self._writer.execute(
                    "delete from ops.erasure_steps where certificate_id = ? and place = ?", [certificate_id, place]
                )
        self._note(place, "file written anew without the rows", rows, write=write)

    def _raw(self, contract: Contract, dry_run: bool) -> None:
        """One raw table: rows of the persons by what the contract says, then texts of other rows that name them."""
        for column in contract.columns:
            if column.is_person:
                found = self._found(contract, column)
                if found.rows and not dry_run:
                    self._empty(contract, found)
                action = "rows deleted" if column.on_erasure == "delete_row" else "rows kept without the person"
                self._note(contract.table.qualified, action, found.rows, write=not dry_run)
        self._mentions(contract, dry_run)

    def _found(self, contract: Contract, column: Column) -> _Found:
        found = _Found(column)
        day = _day_of(contract, self._warehouse.engine)
        for row in self._writer.fetch(
            f"select {quoted(column.name)} as person, {day} as day, count(*) as n "
            f"from {quoted_table(contract.table.qualified)} where {quoted(column.name)} in ({self._marks}) "
            "group by 1, 2",
            self._persons,
        ):
            found.rows[row["person"]] += row["n"]
            if row["day"] is not None:
                found.days[row["day"]] += row["n"]
        return found

    def _empty(self, contract: Contract, found: _Found) -> None:
        """Delete the rows that were found, or take the person out of them."""
        name, table = quoted(found.column.name), quoted_table(contract.table.qualified)
        is_in = f"{name} in ({self._marks})"
        if found.column.on_erasure != "delete_row":
            value = "null" if found.column.on_erasure == "set_null" else f"'{ERASED}'"
            self._writer.execute(f"update {table} set {name} = {value} where {is_in}", self._persons)
            return
        for span in self._spans(contract, found.days):
            self._writer.execute(f"delete from {table} where {is_in} and {span}", self._persons)
        self._take_from_days(contract, found.days)

    def _spans(self, contract: Contract, days: Iterable[date]) -> list[str]:
        """Conditions that open only the chunks of these days, in literals; everywhere where days are not known."""
        line = contract.table.timeline
        if line is None or not self._is_timescale:
            return ["true"]
        self._writer.execute("set local timescaledb.max_tuples_decompressed_per_dml_transaction = 0")
        column = quoted(line.column)
        return [f"{column} >= '{day}' and {column} < '{day + timedelta(days=1)}'" for day in sorted(days)]

    def _take_from_days(self, contract: Contract, days: Mapping[date, int]) -> None:
        """Keep what the server knows of a table's days, so that the next build makes them again, rollups included."""
        if not days or contract.table.timeline is None:
            return
        for day, rows in days.items():
            self._writer.execute(
                "update raw.days set row_count = row_count - ?, last_loaded_at = ? where table_name = ? and day = ?",
                [rows, _now(), contract.table.name, day],
            )
        self._writer.append(
            "ops.rollup_ranges",
            [
                {
                    "table_name": contract.table.qualified,
                    "first_at": _midnight(min(days)),
                    "last_at": _midnight(max(days) + timedelta(days=1)),
                }
            ],
        )

    def _mentions(self, contract: Contract, dry_run: bool) -> None:
        """Texts and JSON of rows that are about somebody else, or nobody, and name one of the persons."""
        columns = [
            (quoted(column.name), column.type == "json")
            for column in contract.columns
            if column.type in ("text", "json")
            and not (column.is_person or column.allowed or column.name in contract.key)
        ]
        columns.append((quoted("extra"), True))
        texts = {name: f"cast({name} as text)" if is_json else name for name, is_json in columns}
        table = quoted_table(contract.table.qualified)
        day = _day_of(contract, self._warehouse.engine)
        for request in self._requests:
            needles = _needles(request)
            conditions = [f"strpos({text}, ?) > 0" for text in texts.values() for _ in needles]
            values = [needle for _ in texts for needle, _ in needles]
            # A text that is nothing but the id, such as what somebody did something to.
            whole = [name for name, is_json in columns if not is_json and request.actor is not None]
            conditions += [f"{name} = ?" for name in whole]
            values += [request.actor or ""] * len(whole)
            rows = self._writer.fetch(
                f"select {day} as day, count(*) as n from {table} where {' or '.join(conditions)} group by 1", values
            )
            if not rows:
                continue
            if not dry_run:
                for span in self._spans(contract, [row["day"] for row in rows if row["day"] is not None]):
                    for name, is_json in columns:
                        for needle, instead in needles:
                            replaced = f"replace({texts[name]}, ?, ?)"
                            self._writer.execute(
                                f"update {table} set {name} = {f'cast({replaced} as json)' if is_json else replaced} "
                                f"where strpos({texts[name]}, ?) > 0 and {span}",
                                [needle, instead, needle],
                            )
                    for name in whole:
                        self._writer.execute(
                            f"update {table} set {name} = ? where {name} = ? and {span}", [ERASED, request.actor]
                        )
            self._note(
                contract.table.qualified,
                "texts without the person",
                {request.pseudonym: sum(row["n"] for row in rows)},
                write=not dry_run,
            )

    def _quarantine(self, dry_run: bool) -> None:
        """Rows of the quarantine whose text names a person go whole, closed ones too."""
        # A text is cut at a length, and what it ends with may be the half of a pseudonym.
        cut = self._writer.fetch(
            f"select quarantine_id, right(row_text, 64) as tail from raw.quarantine "
            f"where length(row_text) >= {_ROW_TEXT_LENGTH}"
        )
        for request in self._requests:
            needles = [needle for needle, _ in _needles(request)]
            ends = tuple(request.pseudonym[:length] for length in range(_LEAST_TAIL, 64))
            halves = [row["quarantine_id"] for row in cut if (row["tail"] or "").endswith(ends)]
            where = " or ".join(["strpos(row_text, ?) > 0"] * len(needles))
            if halves:
                where += f" or quarantine_id in ({', '.join('?' for _ in halves)})"
            values = [*needles, *halves]
            [found] = self._writer.fetch(f"select count(*) as n from raw.quarantine where {where}", values)
            if found["n"] and not dry_run:
                self._writer.execute(f"delete from raw.quarantine where {where}", values)
            self._note("raw.quarantine", "rows deleted", {request.pseudonym: found["n"]}, write=not dry_run)

    def _built(self, table: str, columns: Sequence[str], dry_run: bool) -> None:
        """One built table: whatever row has one of the persons in any of its columns goes."""
        is_in = [f"{quoted(column)} in ({self._marks})" for column in columns]
        who = " ".join(f"when {where} then {quoted(column)}" for column, where in zip(columns, is_in, strict=True))
        any_of = " or ".join(is_in)
        values = self._persons * len(columns)
        found = self._writer.fetch(
            f"select case {who} end as person, count(*) as n from {quoted_table(table)} where {any_of} group by 1",
            values * 2,
        )
        if found and not dry_run:
            self._writer.execute(f"delete from {quoted_table(table)} where {any_of}", values)
        self._note(table, "rows deleted", {row["person"]: row["n"] for row in found}, write=not dry_run)


def _built_tables(writer: Writer, engine: str) -> dict[str, list[str]]:
    """Tables of the schemas that are made from raw rows, each with its columns of text.

    All of them: of a server's information_schema a user sees only what they have a right on, and a person would stay in
    the rest without a word.
    """
    schemas = ", ".join(f"'{schema}'" for schema in BUILT)
    if engine == "duckdb":
        statement = (
            "select schema_name || '.' || table_name as name, column_name from duckdb_columns() "
            "join duckdb_tables() using (database_name, schema_name, table_name) "
            f"where database_name = current_database() and schema_name in ({schemas}) and data_type = 'VARCHAR' "
            "order by 1, column_index"
        )
    else:
        statement = (
            "select n.nspname || '.' || c.relname as name, a.attname as column_name from pg_class as c "
            "join pg_namespace as n on n.oid = c.relnamespace join pg_attribute as a on a.attrelid = c.oid "
            "join pg_type as t on t.oid = a.atttypid "
            f"where c.relkind in ('r', 'p') and n.nspname in ({schemas}) and a.attnum > 0 and not a.attisdropped "
            "and coalesce(nullif(t.typbasetype, 0), t.oid) in ('text'::regtype, 'varchar'::regtype) "
            "order by 1, a.attnum"
        )
    tables: dict[str, list[str]] = {}
    for row in writer.fetch(statement):
        tables.setdefault(row["name"], []).append(row["column_name"])
    return tables


def _day_of(contract: Contract, engine: str) -> str:
    """The UTC day of a row of a table that lies along time where the server keeps its days, as SQL; else NULL."""
    line = contract.table.timeline
    if line is None or engine == "duckdb":
        return "cast(null as date)"
    is_date = any(column.name == line.column and column.type == "date" for column in contract.columns)
    return quoted(line.column) if is_date else f"cast({quoted(line.column)} at time zone 'UTC' as date)"


def _needles(request: Request) -> list[tuple[str, str]]:
    """What to look for in texts, and what to put there: the pseudonym, and the bare id where it is a whole value."""
    needles = [(request.pseudonym, ERASED)]
    if request.actor is not None:
        bare = json.dumps(request.actor, ensure_ascii=False)
        needles.append((bare, f'"{ERASED}"'))
    return needles


def _clear_leftovers(home: Path) -> None:
    """Remove what killed imports and their engines left behind; whoever still reads such a file keeps it open."""
    for path in (home / "tmp").glob("*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for folder in (home / "spool").glob("*"):
        if not folder.is_dir():
            continue
        with (folder.parent / f"{folder.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # A pull is at work: its windows are left out when they land, and it clears its folder itself.
                continue
            shutil.rmtree(folder, ignore_errors=True)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment is not None and moment.tzinfo else moment


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""
