"""Files to typed rows, inside the engine: one pass a file, no Python a row.

Every format becomes lines of JSON objects, and every line is typed, checked and marked by the same SQL, made from
the contract. What cannot be taken stays in the staging table with its reason, so that line numbers are its row
numbers and no row is lost on the way. Rows that may hold something private (`privacy.dirty_sql`) are the only ones that
Python looks at, before anything leaves the staging table.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingest import privacy
from ingest.columns import (
    ARCHIVE,
    ARCHIVE_LINE,
    NOT_A_NUMBER,
    canonical_md5,
    faults_across,
    faults_of,
    holds_not_a_number_sql,
    is_not_a_number_sql,
    line_schema,
    literal,
    missing,
    staged_type,
    typed_value,
)
from ingest.contracts import ERASED, Contract
from ingest.delivery import LONGEST_LINE, DroppedFile, Look, first_line, normalised_copy, refuse_if_grown, why_broken
from ingest.erasure import erased_mark, erased_mark_sql
from ingest.lines import Lines
from warehouse import ReadingEngine
from warehouse.errors import MemoryShortError, ReadingError, RefusedFileError
from warehouse.statements import quoted

STAGED = "_import_staged"
_READ = "_import_read"
_REPEATED = "_import_repeated"

# Functions on JSON recurse, and the engine's stack ends somewhere beyond a hundred thousand levels.
_MOST_CONTAINERS = 10_000
# The engine takes a few kilobytes of memory for each column of a table, whatever is in it.
_MOST_COLUMNS = 2_000
# About a row's size as text: distinct keys alone are a byte each in Parquet, where a million equal rows are a few.
_USUAL_ROW_BYTES = 200
_CLEANED_AT_ONCE = 20_000
_LONGEST_ID = 200
_SAMPLE = 16
_SAMPLED_FROM = 100_000

_NETWORK, _HASHED = r"(\d{1,3}[.]){3}0/24", r"anonymous:[A-Za-z0-9_=+/-]{0,128}"
_PSEUDONYM = "[0-9a-f]{64}"
_QUOTED = r'"([^"\\]{1,200})"'


@dataclass(slots=True)
class FileRows:
    """What staging one file found: rows that are not blank, and how full each key is (0 to 1)."""

    number: int
    rows_seen: int = 0
    first_row: int = 0
    rejected_lines: list[int] = field(default_factory=list)
    all_rows: int = 0
    key_fill: dict[str, float] = field(default_factory=dict)
    removed: Counter[str] = field(default_factory=Counter)


class Staging:
    """The staging table of one batch of files of one entity, in the session that parses files."""

    def __init__(
        self,
        reading: ReadingEngine,
        contract: Contract,
        key: bytes,
        latest: datetime,
        work: Path,
        *,
        persons_are_hidden: bool = False,
    ) -> None:
        self._reading = reading
        self._contract = contract
        self._key = key
        self._work = work
        self._persons_are_hidden = persons_are_hidden
        self._erased: frozenset[str] = frozenset()
        inner, outer = privacy.pseudonym_pads(key)
        self._bound = {"inner": inner, "outer": outer, "latest": latest}
        columns = ", ".join(f"{quoted(column.name)} {staged_type(column)}" for column in contract.columns)
        reading.sql(
            f"create or replace temp table {STAGED} "
            f"({columns}, extra json, _reason varchar, _text varchar, _dirty boolean, _file integer)"
        )

    def stage(self, file: DroppedFile, look: Look, number: int) -> FileRows:
        """Read one CSV or Parquet file into the table.

        Raises RefusedFileError, leaving none of its rows, where it is not whole, and MemoryShortError where its rows
        are too long.
        """
        with self._readable(file, look) as path:
            lines = self._csv_lines(file, look, path) if file.format == "csv" else self._parquet_lines(file, path)
            carried = f"{number} as _number, {look.has_nul} as _has_nul"
            lines = f"select line, {carried} from ({lines})"
            try:
                self._reading.sql(self._insert(lines), self._bound_for(lines, path))
            except MemoryShortError:
                raise
            except ReadingError as error:
                raise RefusedFileError(_why_unreadable(file, str(error))) from error
            rejected = self._stage_rejects(number) if file.format == "csv" else []
        rows = self._whole([(number, file, look)], {number: rejected}, {})[number]
        if isinstance(rows, RefusedFileError):
            raise rows
        return rows

    def stage_together(self, files: list[tuple[int, DroppedFile, Look]]) -> dict[int, FileRows | RefusedFileError]:
        """Read NDJSON files in one statement; each one's rows by its number, or why it is not whole and has none.

        Planning the typed insert costs more than reading a small file.
        """
        if not files:
            return {}
        lines = Lines(files)
        self._reading.register(_READ, lines.reader())
        try:
            statement = f"select * from {_READ}"
            self._reading.sql(self._insert(statement), self._bound_for(statement))
        except MemoryShortError:
            raise
        except ReadingError as error:
            if lines.failure:
                raise lines.failure from error
            if len(files) == 1:
                number, file, _ = files[0]
                return {number: RefusedFileError(_why_unreadable(file, str(error)))}
            # Which of them the engine could not read is known of each alone.
            return {entry[0]: rows for entry in files for rows in self.stage_together([entry]).values()}
        finally:
            self._reading.unregister(_READ)
        return self._whole(files, {}, lines.refused)

    def _whole(
        self,
        files: list[tuple[int, DroppedFile, Look]],
        rejected: dict[int, list[int]],
        refused: dict[int, RefusedFileError],
    ) -> dict[int, FileRows | RefusedFileError]:
        """What was staged of each file; of one that is not whole nothing stays staged."""
        found: dict[int, FileRows | RefusedFileError] = dict(refused)
        read = [entry for entry in files if entry[0] not in refused]
        if self._contract.shape == "archive":
            for number, _, _ in read:
                self._name_events(number)
        numbers = [number for number, _, _ in read]
        rows, faults = self._account(numbers), self._faults(numbers)
        for number, file, look in read:
            rows[number].rejected_lines = rejected.get(number, [])
            try:
                self._refuse_if_broken(file, look, rows[number], faults[number])
                found[number] = rows[number]
            except RefusedFileError as error:
                found[number] = error
        broken = [number for number, what in found.items() if isinstance(what, RefusedFileError)]
        if broken:
            self._reading.sql(f"delete from {STAGED} where _file in {_listed(broken)}")
        return found

    def _name_events(self, number: int) -> None:
        """Events from before 2015 have no id: the md5 of their canonical JSON (keys sorted, no spaces) names them."""
        after = -1
        while True:
            chunk = self._reading.sql(
                f"select rowid as row, _text as line from {STAGED} where _file = $file and id is null "
                f"and _reason is null and rowid > $after order by rowid limit {_CLEANED_AT_ONCE}",
                {"file": number, "after": after},
            )
            if not chunk.num_rows:
                return
            after = chunk["row"][-1].as_py()
            names = [canonical_md5(line) for line in chunk["line"].to_pylist()]
            self._reading.register("_import_named", pa.table({"row": chunk["row"], "id": pa.array(names, pa.string())}))
            self._reading.sql(
                f"update {STAGED} set id = n.id, _text = case when n.id is null then _text end, "
                "_reason = case when n.id is null then 'id is missing' end "
                f"from _import_named as n where {STAGED}.rowid = n.row"
            )
            self._reading.unregister("_import_named")

    @contextmanager
    def _readable(self, file: DroppedFile, look: Look) -> Iterator[Path]:
        """The path to read: the file itself, or a copy where its line ends or its name would mislead the engine."""
        copy = self._work / f"reading{''.join(file.path.suffixes[-2:]) if file.format == 'parquet' else '.txt'}"
        # What PostgreSQL's COPY writes has one kind of line end, and every return of a text is quoted: it stays.
        is_copied = file.is_live and file.format == "csv"
        if look.has_control and file.format != "parquet" and not is_copied:
            self._work.mkdir(parents=True, exist_ok=True)
            try:
                yield normalised_copy(file, look, copy)
            finally:
                copy.unlink(missing_ok=True)
        elif any(character in str(file.path) for character in "*?[]{}"):
            self._work.mkdir(parents=True, exist_ok=True)
            link = self._work / f"reading{file.path.suffix}"
            link.unlink(missing_ok=True)
            link.symlink_to(file.path)
            try:
                yield link
            finally:
                link.unlink(missing_ok=True)
        else:
            yield file.path

    def _bound_for(self, lines: str, path: Path | None = None) -> dict[str, Any]:
        bound: dict[str, Any] = {"path": str(path)} if "$path" in lines else {}
        if any(column.is_past for column in self._contract.columns):
            bound["latest"] = self._bound["latest"]
        return bound

    def _csv_lines(self, file: DroppedFile, look: Look, path: Path) -> str:
        header = next(csv.reader(io.StringIO(first_line(file))), [])
        names = [name.strip() for name in header]
        if not names or "" in names or len(set(names)) < len(names):
            raise RefusedFileError(f"{file.name}: its first line is no CSV header of distinct names")
        _refuse_if_wide(file, len(names))
        delivered = set(names)
        for column in self._contract.required:
            if not delivered & set(column.delivered_as) and self._contract.shape == "plain":
                raise RefusedFileError(f"{file.name}: has no column {column.delivered_as[0]}, which is required")
        self._reading.sql("drop table if exists _import_rejects")
        self._reading.sql("drop table if exists _import_scans")
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
        compression = _compression(file.compression if path == file.path else None)
        return (
            "select to_json(r)::varchar as line from read_csv($path, header = true, auto_detect = false, delim = ',', "
            f"quote = '\"', escape = '\"', columns = {{{columns}}}, allow_quoted_nulls = false, {compression}"
            f"{_buffers(look)}, ignore_errors = true, store_rejects = true, "
            "rejects_table = '_import_rejects', rejects_scan = '_import_scans') as r"
        )

    def _parquet_lines(self, file: DroppedFile, path: Path) -> str:
        try:
            described = self._reading.sql("describe select * from read_parquet($path)", {"path": str(path)})
        except ReadingError as error:
            raise RefusedFileError(_why_unreadable(file, str(error))) from error
        [size] = self._reading.sql(
            "select (select sum(num_rows) from parquet_file_metadata($path))::bigint as rows, "
            "(select sum(total_uncompressed_size) from parquet_metadata($path))::bigint as bytes",
            {"path": str(path)},
        ).to_pylist()
        refuse_if_grown(file, max(size["bytes"] or 0, _USUAL_ROW_BYTES * (size["rows"] or 0)), file.size)
        _refuse_if_wide(file, described.num_rows)
        delivered = set(described.column("column_name").to_pylist())
        for column in self._contract.required:
            if not delivered & set(column.delivered_as) and self._contract.shape == "plain":
                raise RefusedFileError(f"{file.name}: has no column {column.delivered_as[0]}, which is required")
        return "select to_json(r)::varchar as line from read_parquet($path) as r"

    def _insert(self, lines: str) -> str:
        """Lines (with their file's number and what it may hold) to typed, checked, marked rows, in their order."""
        carried = "_number, _has_nul"
        contract = self._contract
        raw = {column.name: f"_{position}" for position, column in enumerate(contract.columns)}
        picked, known = self._picked(raw)
        typed = ", ".join(
            f"{typed_value(column, raw[column.name])} as {quoted(column.name)}" for column in contract.columns
        )
        kept_raw = ", ".join(raw.values())
        bad_line = ["line is not null and not starts_with(line, '{')", "line is not null and r is null"]
        reasons = [("is_crowded", f"holds more than {_MOST_CONTAINERS:,} objects and arrays")]
        reasons += [(condition, "not a JSON object") for condition in bad_line]
        nul = "contains(line, chr(0)) or contains(line, '\\u0000')"
        reasons.append((f"_has_nul and ({nul})", "holds a NUL character"))
        in_json = [f"{quoted(column.name)}::varchar" for column in contract.columns if column.type == "json"]
        reasons.append((f"_may and {holds_not_a_number_sql(['line', *in_json])}", "holds NaN"))
        for column in contract.columns:
            # An archive event without an id gets its name after the pass.
            is_required = column in contract.required and not (contract.shape == "archive" and column.name == "id")
            reasons += faults_of(column, raw[column.name], is_required)
        reasons += faults_across(contract)
        cases = " ".join(f"when {condition} then {literal(reason)}" for condition, reason in reasons)
        names = [column for column in contract.columns if not column.is_person]
        looked_at = [
            quoted(column.name)
            for column in names
            if column.type in ("text", "json") and not column.allowed and not column.is_repeated
        ]
        looked = f"concat_ws(chr(10), '', {', '.join([*looked_at, 'extra'])})"
        is_stripe = contract.shape == "stripe"
        may = "true" if is_stripe else privacy.may_be_dirty_sql("_looked", NOT_A_NUMBER)
        # What is not looked at here, because it is replaced or comes many times, is asked about itself.
        others = [raw[c.name] for c in contract.columns if c.is_person or c.is_repeated]
        may = " or ".join([may, *(is_not_a_number_sql(text) for text in others)])
        dirty = "true" if is_stripe else privacy.dirty_sql("_looked", "_may")
        schema = ARCHIVE_LINE if contract.shape == "archive" else line_schema(contract)
        listed = "[" + ", ".join(literal(key) for key in known) + "]"
        there = " + ".join(f"(r.{quoted(key)} is not null)::integer" for key in known)
        without = "{" + ", ".join(f'"{key}":null' for key in known) + "}"
        extra = (
            "null::json"
            if contract.shape == "archive"
            # As many keys as known ones that have a value: no other is there, and no list need be searched.
            else f"case when len(ks) > {there} then case when not list_has_all({listed}, ks) "
            f"then json_merge_patch(line, {literal(without)}) end end"
        )
        columns = ", ".join(quoted(column.name) for column in contract.columns)
        unnamed = " or id is null" if contract.shape == "archive" else ""
        # A search for spaces goes through a text letter by letter, and nearly no line needs it.
        is_bare = "starts_with(line, '{') and (ends_with(line, '}' || chr(10)) or ends_with(line, '}'))"
        return (
            f"insert into {STAGED} "
            f"select {columns}, extra, _reason, case when _reason is not null{unnamed} then rtrim(line, chr(10)) end, "
            f"_reason is null and {dirty}, _number from ("
            f"select *, case when line is null then '' {cases} end as _reason from ("
            f"select *, {may} as _may from (select *, {looked} as _looked from ("
            f"select line, is_crowded, r, extra, {carried}, {kept_raw}, {typed} from ("
            f"select line, is_crowded, r, {extra} as extra, {carried}, {picked} from ("
            f"select line, is_crowded, try(json_transform(row, {literal(schema)})) as r, "
            f"try(json_keys(row)) as ks, {carried} from ("
            f"select *, case when not is_crowded then line end as row from ("
            f"select *, coalesce({privacy.is_crowded_sql('line', _MOST_CONTAINERS)}, false) as is_crowded from ("
            f"select case when {is_bare} then line else nullif(trim(rtrim(line, chr(10))), '') end as line, {carried} "
            f"from ({lines}))))))))))"
        )

    def _picked(self, raw: dict[str, str]) -> tuple[str, list[str]]:
        """Each column's delivered text or JSON, and the keys that are known."""
        contract = self._contract
        if contract.shape == "archive":
            return ", ".join(f"{expression} as {raw[name]}" for name, expression in ARCHIVE.items()), []
        picked = []
        for column in contract.columns:
            keys = ", ".join(f"r.{quoted(key)}" for key in column.delivered_as)
            value = f"coalesce({keys})"
            if column.type == "json":
                # As a cell of CSV or Parquet has JSON's null.
                value = f"case when {value}::varchar <> '\"null\"' then {value} end"
            picked.append(f"{value} as {raw[column.name]}")
        return ", ".join(picked), [key for column in contract.columns for key in column.delivered_as]

    def _stage_rejects(self, number: int) -> list[int]:
        """Rows of a CSV file that have too many or too few cells; they keep their reason, not their cells.

        Which cell is whose is unknown, so nothing of the text could be kept in good conscience.
        """
        rejected = self._reading.sql(
            "select line, any_value(lower(error_type::varchar)) as kind from _import_rejects "
            "group by line order by line"
        )
        for line, kind in zip(rejected["line"].to_pylist(), rejected["kind"].to_pylist(), strict=True):
            self._reading.sql(
                f"insert into {STAGED} (_reason, _text, _dirty, _file) values ($reason, $text, false, $file)",
                {
                    "reason": f"not a row of this table: {kind}",
                    "text": f"[cells of record {line} not kept]",
                    "file": number,
                },
            )
        return rejected["line"].to_pylist()

    def _account(self, numbers: list[int]) -> dict[int, FileRows]:
        """Rows and fill of each file by number, from what was staged."""
        if not numbers:
            return {}
        named = ", ".join(
            f"count({quoted(column.name)}) as c{position}" for position, column in enumerate(self._contract.columns)
        )
        counted = self._reading.sql(
            f"select _file as number, count(*) filter (where _reason is null or _reason <> '') as seen, "
            f"count(*) as all_rows, min(rowid) as first_row, max(rowid) as last_row, count(extra) as extras, {named} "
            f"from {STAGED} where _file in {_listed(numbers)} group by _file"
        ).to_pylist()
        found = {number: FileRows(number) for number in numbers}
        for row in counted:
            if row["last_row"] - row["first_row"] + 1 != row["all_rows"]:
                raise RuntimeError(f"file {row['number']}: staged rows are not in one piece")
            rows = FileRows(row["number"], row["seen"], row["first_row"], all_rows=row["all_rows"])
            for position, column in enumerate(self._contract.columns):
                rows.key_fill[column.delivered_as[0]] = round(row[f"c{position}"] / (rows.rows_seen or 1), 4)
            found[rows.number] = rows
        with_extra = [row["number"] for row in counted if row["extras"]]
        self._add_fill("extra", "", [found[number] for number in with_extra], 1)
        if any(column.name == "metadata" for column in self._contract.columns):
            for sample in (1, _SAMPLE):
                sampled = [rows for rows in found.values() if (rows.rows_seen > _SAMPLED_FROM) == (sample > 1)]
                self._add_fill("metadata", "metadata.", sampled, sample)
        return found

    def _add_fill(self, column: str, prefix: str, files: list[FileRows], sample: int) -> None:
        """Note how full each key inside a JSON column is, at most 200 keys a file; measured on every `sample`th row."""
        if not files:
            return
        keys = self._reading.sql(
            f"select number, key, sum(rows)::bigint as rows from (select number, unnest(keys) as key, rows from ("
            f"select _file as number, json_keys({quoted(column)}) as keys, count(*) as rows from {STAGED} "
            f"where _file in {_listed([rows.number for rows in files])} and _reason is null "
            f"and {quoted(column)} is not null and rowid % {sample} = 0 group by _file, keys)) group by number, key "
            "qualify row_number() over (partition by number order by key) <= 200 order by number, key"
        )
        by_number = {rows.number: rows for rows in files}
        unsaid: Counter[str] = Counter()
        for row in keys.to_pylist():
            rows = by_number[row["number"]]
            name = prefix + privacy.scrub_string(row["key"], unsaid, lambda _: "[person]")
            rows.key_fill[name] = round(min(1.0, row["rows"] * sample / (rows.rows_seen or 1)), 4)

    def _faults(self, numbers: list[int]) -> dict[int, list[dict[str, Any]]]:
        """Why rows of each file were not taken: reason, rows, first and last such row, most frequent first."""
        faults: dict[int, list[dict[str, Any]]] = {number: [] for number in numbers}
        if not numbers:
            return faults
        found = self._reading.sql(
            f"select _file as number, _reason as reason, count(*) as rows, "
            f"min(rowid) as first_row, max(rowid) as last_row from {STAGED} "
            f"where _file in {_listed(numbers)} and _reason is not null and _reason <> '' "
            "group by _file, _reason order by rows desc, reason"
        )
        for row in found.to_pylist():
            faults[row["number"]].append(row)
        return faults

    def _refuse_if_broken(self, file: DroppedFile, look: Look, rows: FileRows, reasons: list[dict[str, Any]]) -> None:
        """Raise RefusedFileError where what was read says that the file is not what it should be."""
        if not rows.rows_seen:
            return
        if file.is_live:
            self._refuse_if_changed(file, rows, reasons)
            return
        by_reason = {row["reason"]: row for row in reasons}
        broken = by_reason.get("not a JSON object")
        if broken and broken["rows"] == rows.rows_seen:
            raise RefusedFileError(f"{file.name}: no line of it is a JSON object; is it {file.format}?")
        for column in self._contract.required:
            lacking = by_reason.get(missing(column))
            if lacking and lacking["rows"] == rows.rows_seen:
                raise RefusedFileError(f"{file.name}: no row of it has {column.delivered_as[0]}, which is required")
        if rows.rejected_lines and len(rows.rejected_lines) == rows.rows_seen:
            raise RefusedFileError(f"{file.name}: no row of it fits its header")
        if not look.ends_with_newline and file.format == "ndjson" and broken:
            last = self._reading.sql(
                f"select max(rowid) as last_row from {STAGED} where _file = $file", {"file": rows.number}
            ).to_pylist()[0]["last_row"]
            if last == broken["last_row"]:
                raise RefusedFileError(f"{file.name}: ends in the middle of a line; deliver it again")
        if not look.ends_with_newline and file.format == "csv" and rows.rejected_lines:
            raise RefusedFileError(f"{file.name}: ends in the middle of a row; deliver it again")
        if self._contract.is_reference and reasons:
            row = reasons[0]
            # Rows with too many or too few cells are staged behind the others, which moves the lines of all.
            line = row["first_row"] - rows.first_row + (2 if file.format == "csv" else 1)
            is_one = row["rows"] == 1
            first = "" if rows.rejected_lines else f" ({'' if is_one else 'the first '}in line {line})"
            count = "1 row" if is_one else f"{row['rows']} rows"
            raise RefusedFileError(f"{file.name}: {row['reason']} in {count}{first}; nothing of it is in force")
        if self._contract.told_once:
            self._refuse_if_told_twice(file, rows)

    def _refuse_if_told_twice(self, file: DroppedFile, rows: FileRows) -> None:
        """Raise RefusedFileError where two rows say something of the same."""
        columns = ", ".join(map(quoted, self._contract.told_once))
        told = self._reading.sql(
            f"select count(*) as rows from (select 1 from {STAGED} where _file = $file and _reason is null "
            f"group by {columns} having count(*) > 1)",
            {"file": rows.number},
        ).to_pylist()[0]["rows"]
        if told:
            named = " and ".join(self._contract.told_once)
            raise RefusedFileError(f"{file.name}: {named} are the same in several rows; nothing of it is in force")

    def _refuse_if_changed(self, file: DroppedFile, rows: FileRows, reasons: list[dict[str, Any]]) -> None:
        """Raise RefusedFileError where the rows of a live window say that their source has changed."""
        if not reasons:
            return
        if file.refused_from == 1:
            is_changed = sum(row["rows"] for row in reasons) == rows.rows_seen
        else:
            # Rows that lack a value, such as one by which they are read, may come again and again with no other.
            is_lacking = any(reasons[0]["reason"] == missing(column) for column in self._contract.required)
            is_changed = reasons[0]["rows"] == rows.rows_seen >= file.refused_from and not is_lacking
        if is_changed:
            every = f"every one of {rows.rows_seen:,} rows" if rows.rows_seen > 1 else "its only row"
            raise RefusedFileError(f"{file.contract.name}: {reasons[0]['reason']}, in {every}")

    def clean(self, files: list[FileRows]) -> None:
        """Take out of the staged rows what `privacy` forbids; what went is counted in the file's `removed`."""
        by_number = {rows.number: rows for rows in files}
        self._look_at_repeated(by_number)
        self._drop_names(by_number)
        self._hide_persons()
        columns = [
            column
            for column in self._contract.columns
            if column.type in ("text", "json") and not column.is_person and not column.allowed
        ]
        names = [column.name for column in columns] + ["extra"]
        is_json = {column.name: column.type == "json" for column in columns} | {"extra": True}
        texts = ", ".join(f"{quoted(name)}::varchar as {quoted(name)}" for name in names)
        after = -1
        while True:
            chunk = self._reading.sql(
                f"select rowid as row, _file, {texts} from {STAGED} "
                "where _dirty and rowid > $after order by rowid limit " + str(_CLEANED_AT_ONCE),
                {"after": after},
            )
            if not chunk.num_rows:
                return
            after = chunk["row"][-1].as_py()
            self._clean_chunk(chunk, names, is_json, by_number)

    def _clean_chunk(
        self, chunk: pa.Table, names: list[str], is_json: dict[str, bool], files: dict[int, FileRows]
    ) -> None:
        counters = [files[number].removed if number in files else Counter() for number in chunk["_file"].to_pylist()]
        refused: list[str | None] = [None] * chunk.num_rows
        cleaned: dict[str, Any] = {"row": chunk["row"]}
        for name in names:
            values: list[str | None] = []
            for position, text in enumerate(chunk[name].to_pylist()):
                clean = None if text is None else self._clean_value(name, text, is_json[name], counters[position])
                if clean is None and text is not None:
                    refused[position] = f"{name} nests deeper than {privacy.DEEPEST} levels, or cannot be read"
                elif clean != text and name in self._contract.key:
                    refused[position] = f"{name} holds what must not be stored"
                values.append(clean)
            cleaned[name] = pa.array(values, pa.string())
        cleaned["refused"] = pa.array(refused, pa.string())
        self._reading.register("_import_cleaned", pa.table(cleaned))
        assignments = ", ".join(f"{quoted(name)} = c.{quoted(name)}" for name in names)
        self._reading.sql(
            f"update {STAGED} set {assignments}, _reason = c.refused, "
            "_text = case when c.refused is not null then '[not kept]' end "
            f"from _import_cleaned as c where {STAGED}.rowid = c.row"
        )
        self._reading.unregister("_import_cleaned")

    def _clean_value(self, name: str, text: str, is_json: bool, removed: Counter[str]) -> str | None:
        if not is_json:
            # An object where a text belongs is taken as its text, and has keys like any other.
            try:
                return privacy.scrub_string(text, removed, self._pseudonym)
            except ValueError:
                return None
        if self._contract.shape == "stripe" and name == "data":
            return privacy.scrub_stripe(text, removed, self._pseudonym)
        return privacy.scrub_json(text, removed, self._pseudonym)

    def _pseudonym(self, person: str) -> str:
        if self._persons_are_hidden and privacy.is_pseudonym(person):
            return person
        return privacy.pseudonym(self._key, person)

    def _look_at_repeated(self, files: dict[int, FileRows]) -> None:
        """Ask about each value that comes many times once, and mark the rows that have one to be cleaned."""
        names = [column.name for column in self._contract.columns if column.is_repeated]
        if not names:
            return
        columns = ", ".join(map(quoted, names))
        self._reading.sql(f"create or replace temp table {_REPEATED} as select distinct {columns} from {STAGED}")
        if "ip_prefix" in names:
            self._clean_prefixes(files)
        # A network is cut, and its hash is asked about, where it is cleaned.
        texts = [quoted(name) for name in names if name != "ip_prefix"]
        dirty = self._reading.sql(
            f"select value from (select distinct unnest([{', '.join(texts)}]) as value from {_REPEATED}) "
            f"where {privacy.dirty_sql('chr(10) || value')}"
        )
        if dirty.num_rows:
            self._reading.register("_import_dirty", dirty)
            found = " or ".join(f"{text} in (select value from _import_dirty)" for text in texts)
            self._reading.sql(f"update {STAGED} set _dirty = true where _reason is null and ({found})")
            self._reading.unregister("_import_dirty")
        self._reading.sql(f"drop table {_REPEATED}")

    def _clean_prefixes(self, files: dict[int, FileRows]) -> None:
        """A full address where only its network belongs is cut to the network; what is neither goes."""
        others = self._reading.sql(
            f"select ip_prefix from (select distinct ip_prefix from {_REPEATED}) "
            f"where not regexp_full_match(ip_prefix, '{_NETWORK}')"
        )
        if not others.num_rows:
            return
        self._reading.register("_import_others", others)
        # A hash has the letters that tokens and paths have.
        hidden = privacy.dirty_sql("chr(10) || substr(ip_prefix, 11)")
        found = self._reading.sql(
            f"select ip_prefix from _import_others where not regexp_full_match(ip_prefix, '{_HASHED}') or {hidden}"
        )
        self._reading.unregister("_import_others")
        if not found.num_rows:
            return
        self._reading.register("_import_prefixes", found)
        whole = "ip_prefix in (select ip_prefix from _import_prefixes)"
        counted = self._reading.sql(f"select _file, count(*) as rows from {STAGED} where {whole} group by _file")
        for number, rows in zip(counted["_file"].to_pylist(), counted["rows"].to_pylist(), strict=True):
            if number in files:
                files[number].removed["ip_prefix"] += rows
        self._reading.sql(
            f"update {STAGED} set ip_prefix = "
            r"case when regexp_full_match(ip_prefix, '(\d{1,3}[.]){3}\d{1,3}(/\d{1,2})?') "
            r"then regexp_extract(ip_prefix, '^(\d{1,3}[.]){3}') || '0/24' end "
            f"where {whole}"
        )
        self._reading.unregister("_import_prefixes")

    def _drop_names(self, files: dict[int, FileRows]) -> None:
        for column in self._contract.columns:
            if column.dropped_where is None:
                continue
            other, value = column.dropped_where
            where = f"{quoted(column.name)} is not null and {quoted(other)} = {literal(value)}"
            counted = self._reading.sql(f"select _file, count(*) as rows from {STAGED} where {where} group by _file")
            for number, rows in zip(counted["_file"].to_pylist(), counted["rows"].to_pylist(), strict=True):
                if number in files:
                    files[number].removed[column.name] += rows
            self._reading.sql(f"update {STAGED} set {quoted(column.name)} = null where {where}")

    def _hide_persons(self) -> None:
        """Put pseudonyms in the place of persons. A person comes many times, and HMAC is dear: each is hashed once."""
        for column in self._contract.columns:
            if not column.is_person:
                continue
            name = quoted(column.name)
            is_open = f"{name} is not null"
            if self._persons_are_hidden:
                is_open += f" and not regexp_full_match({name}, '[0-9a-f]{{64}}')"
            self._reading.sql(
                f"update {STAGED} set {name} = p.pseudonym from ("
                f"select person, {privacy.pseudonym_sql('person')} as pseudonym from ("
                f"select distinct {name} as person from {STAGED} where {is_open})) as p "
                f"where {STAGED}.{name} = p.person",
                {"inner": self._bound["inner"], "outer": self._bound["outer"]},
            )

    def leave_out(self, files: list[FileRows], erased: frozenset[str], kept_from: date | None) -> None:
        """Give up staged rows that must not come back: of erased persons, and of days before `kept_from`.

        `erased` are `erasure.erased_marks`. Such a row counts as seen and as merged; `removed` says how
        many there were.
        """
        by_number = {rows.number: rows for rows in files}
        self._erased = erased
        if erased:
            self._leave_out_persons(by_number)
        if kept_from is not None and self._contract.day_column:
            where = f"_reason is null and {quoted(self._contract.day_column)} < '{kept_from}'"
            self._count_left_out(where, "past retention", by_number)
            self._reading.sql(f"update {STAGED} set _reason = '' where {where}")

    def _leave_out_persons(self, files: dict[int, FileRows]) -> None:
        for column in self._contract.columns:
            if column.is_person:
                name = quoted(column.name)
                persons = self._erased_among(f"select distinct {name} from {STAGED} where {name} is not null")
                if not persons:
                    continue
                where = f"coalesce(_reason, 'good') <> '' and {name} in ({', '.join(map(literal, persons))})"
                self._count_left_out(where, "erased person", files)
                value = "null" if column.on_erasure == "set_null" else literal(ERASED)
                change = "_reason = ''" if column.on_erasure == "delete_row" else f"{name} = {value}"
                self._reading.sql(f"update {STAGED} set {change} where {where}")
        # Only a row that was looked at can have a pseudonym anywhere else.
        texts = [c.name for c in self._contract.columns if c.type in ("text", "json") and not c.is_person]
        for name in [*texts, "extra"]:
            found = (
                f"select distinct unnest(regexp_extract_all({quoted(name)}, '{_PSEUDONYM}')) from {STAGED} where _dirty"
            )
            for person in self._erased_among(found):
                self._replace(name, person, ERASED)
        # A text may be nothing but the bare id.
        for column in self._contract.columns:
            if column.type == "text" and not (column.is_person or column.allowed or column.name in self._contract.key):
                name = quoted(column.name)
                found = f"select distinct {name} from {STAGED} where length({name}) <= {_LONGEST_ID}"
                for person in self._erased_among(found, are_hidden=False):
                    self._reading.sql(
                        f"update {STAGED} set {name} = $instead where {name} = $person",
                        {"instead": ERASED, "person": person},
                    )
        # Under a key that nobody knows a person may stand with the bare id.
        found = (
            f"select distinct unnest(regexp_extract_all(extra, '{_QUOTED}', 1)) from {STAGED} where extra is not null"
        )
        for person in self._erased_among(found, are_hidden=False):
            self._replace("extra", f'"{person}"', f'"{ERASED}"')

    def _replace(self, name: str, text: str, instead: str) -> None:
        self._reading.sql(
            f"update {STAGED} set {quoted(name)} = replace({quoted(name)}, $text, $instead) "
            f"where contains({quoted(name)}, $text)",
            {"text": text, "instead": instead},
        )

    def _erased_among(self, persons: str, *, are_hidden: bool = True) -> list[str]:
        """Those pseudonyms (or bare ids) of a query of one column that are erased persons'."""
        hidden = "person" if are_hidden else privacy.pseudonym_sql("person")
        self._reading.register("_import_erased", pa.table({"mark": pa.array(sorted(self._erased), pa.string())}))
        found = self._reading.sql(
            f"select person from (select person, {hidden} as hidden from ({persons}) as p (person)) "
            f"where {erased_mark_sql('hidden')} in (select mark from _import_erased)",
            {"inner": self._bound["inner"], "outer": self._bound["outer"]},
        )
        self._reading.unregister("_import_erased")
        return found["person"].to_pylist()

    def _count_left_out(self, where: str, name: str, files: dict[int, FileRows]) -> None:
        counted = self._reading.sql(f"select _file, count(*) as rows from {STAGED} where {where} group by _file")
        for number, rows in zip(counted["_file"].to_pylist(), counted["rows"].to_pylist(), strict=True):
            if number in files:
                files[number].removed[name] += rows

    def quarantined(self) -> Iterator[pa.Table]:
        """Rows that could not be taken, in chunks: row, _file, reason, row_text (scrubbed).

        A row whose text names a person whom `leave_out` was told of is left out as well.
        """
        after = -1
        while True:
            chunk = self._reading.sql(
                f"select rowid as row, _file, _reason as reason, _text as text from {STAGED} "
                "where _reason is not null and _reason <> '' and rowid > $after order by rowid limit "
                + str(_CLEANED_AT_ONCE),
                {"after": after},
            )
            if not chunk.num_rows:
                return
            after = chunk["row"][-1].as_py()
            texts = chunk["text"].to_pylist()
            if self._erased:
                kept = [not self._names_erased(text) for text in texts]
                chunk = chunk.filter(pa.array(kept))
                texts = chunk["text"].to_pylist()
            kept_texts = [self._quarantine_text(text) for text in texts]
            yield chunk.drop_columns(["text"]).append_column("row_text", pa.array(kept_texts, pa.string()))

    def _names_erased(self, text: str | None) -> bool:
        """Whether a row's text, before it is cut to what is kept, would name an erased person."""
        whole = privacy.quarantine_text(text or "", self._key, Counter(), longest=len(text or "") * 4 + 1000)
        persons = set(re.findall(_PSEUDONYM, whole)) | set(re.findall(_PSEUDONYM, text or ""))
        return any(erased_mark(self._key, person) in self._erased for person in persons)

    def _quarantine_text(self, text: str | None) -> str | None:
        if text is None:
            return None
        if self._contract.shape != "plain" and not text.startswith("["):
            # What people wrote and paid with has no known place in these; the file still has it.
            return f"[{len(text)} characters not kept]"
        return privacy.quarantine_text(text, self._key, Counter())


def _refuse_if_wide(file: DroppedFile, columns: int) -> None:
    if columns > _MOST_COLUMNS:
        raise RefusedFileError(
            f"{file.name}: has {columns:,} columns; deliver at most {_MOST_COLUMNS:,}, or NDJSON, which may have more"
        )


def _compression(name: str | None) -> str:
    return f"compression = '{name or 'none'}', "


def _buffers(look: Look) -> str:
    """Room for the longest line, and no more than the file needs: the engine fills it for every file, small or not."""
    line = min(LONGEST_LINE, look.length + 64)
    return f"max_line_size = {line}, buffer_size = {max(line + 1, min(32 << 20, 2 * line))}"


def _why_unreadable(file: DroppedFile, error: str) -> str:
    """Why the engine could not read a file, without the piece of it that the engine quotes."""
    kind = privacy.safe_message(error.split(":")[0])
    return f"{file.name}: {why_broken(file) or f'cannot be read as {file.format} ({kind})'}"


def _listed(numbers: list[int]) -> str:
    return "(" + ", ".join(str(number) for number in numbers) + ")"
