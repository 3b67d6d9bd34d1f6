"""The four steps of a refresh as plain functions: import, build, check, publish.

The command line and Dagster both call these and nothing else, so a step does the same wherever it is started from.
Each leaves the warehouse closed. What a step decides belongs in the room it calls; here is only the order.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import interrupts
from orchestration.builds import Build, Outcome, checkable_build, finish_build, start_build
from orchestration.progress import Progress, Silence, number_of
from orchestration.run_lock import run_lock
from warehouse import Warehouse, Writer
from warehouse.errors import (
    BlockingChecksFailedError,
    SkillsmithError,
    StorageError,
    UsageError,
    WarehouseBusyError,
)
from warehouse.settings import Settings

if TYPE_CHECKING:
    from ingest.report import ImportReport
    from ingest.retention import Expiry
    from orchestration.dbt_runner import DbtRun, NodeResult
    from warehouse.access import Snapshot
    from warehouse.causes import RawDay

AFTER_CHECKS = "tag:after_checks"
_GAPS_SAID = 10
_LANDING_WAIT_SECONDS = 600.0
_SILENCE = Silence()


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build made: rows by table (`schema.table`), seconds by table, and how its data tests came out."""

    build: Build
    rows: dict[str, int]
    seconds: dict[str, float]
    tests_passed: int
    tests_warned: int
    tests_failed: int


@dataclass(frozen=True, slots=True)
class CheckReport:
    """How the checks of one build came out, dbt's tests included; each list holds rows of `ops.check_results`."""

    build_id: str
    passed: int
    warned: list[dict[str, Any]]
    blocking: list[dict[str, Any]]
    errors: list[dict[str, Any]]


def initialise(warehouse: Warehouse) -> None:
    """Bring the warehouse's schemas and raw tables to this version; cheap where there is nothing to do."""
    from ingest.contracts import CONTRACTS

    warehouse.initialise([contract.table for contract in CONTRACTS.values()])


def install(warehouse: Warehouse) -> None:
    """`initialise`, and what only an administrator may do: the extension, the roles and their rights."""
    from ingest.contracts import CONTRACTS

    warehouse.install([contract.table for contract in CONTRACTS.values()])


def make_usual_drop(settings: Settings) -> None:
    """Who reads live sources alone has no files, and so no folder for them; a place that was named must be there."""
    from ingest.live.configured import configured

    if settings.drop is not None or not configured(settings):
        return
    try:
        Path(settings.drop_folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {settings.home}: {error.strerror}; check SKILLSMITH_HOME") from error


def import_sources(
    warehouse: Warehouse,
    *,
    as_of: datetime,
    drop: Path | str | None = None,
    entities: Iterable[str] | None = None,
    progress: Progress = _SILENCE,
) -> "ImportReport":
    """Import what is new in the drop folder (default: the settings' own); see `ingest.files.import_drop`."""
    from ingest.files import import_drop

    chosen = None if entities is None else list(entities)
    with run_lock(warehouse.settings), progress.step("import") as closing:
        make_usual_drop(warehouse.settings)
        initialise(warehouse)
        report = import_drop(warehouse, drop or warehouse.settings.drop_folder, as_of=as_of, entities=chosen)
        closing.rows = report.rows_seen
        for line in import_lines(report):
            progress.line(f"raw.{line['name']}", rows=line["rows"], seconds=line["seconds"], note=line["note"])
        for refused in report.refused:
            progress.warn(f"refused {refused.file_name}: {refused.error}")
        for ignored in report.ignored:
            progress.warn(f"ignored {ignored}: it is no entity's file")
        _erase_requested(warehouse, progress)
        _note_gaps(warehouse, as_of, progress, missing=report.missing, entities=chosen)
        closing.note = f"{len(report.loads)} new files, {report.known} known"
    return report


def _erase_requested(warehouse: Warehouse, progress: Progress) -> None:
    """Erase whom the privacy entity names. What this user may not touch stays open, and is said at every import."""
    from ingest.erasure import erase_requested

    try:
        done = erase_requested(warehouse)
    except StorageError as error:
        progress.warn(f"an erasure is not complete: {error}; run `skillsmith-analytics erase --requested` to end it")
        return
    for certificate in done:
        progress.line("erasure", rows=certificate.rows, note=f"certificate {certificate.certificate_id}")


def retain(warehouse: Warehouse, *, now: datetime, progress: Progress = _SILENCE) -> "list[Expiry]":
    """Remove raw rows that have passed their time; see `ingest.retention.expire`."""
    from ingest.retention import expire

    with run_lock(warehouse.settings), progress.step("retention") as closing:
        initialise(warehouse)
        found = expire(warehouse, now=now)
        for expiry in found:
            if expiry.waits_because:
                kept = f"{number_of(expiry.rows, 'row')} before {expiry.kept_from}"
                progress.warn(f"{expiry.table} keeps {kept}: {expiry.waits_because}")
            else:
                progress.line(expiry.table, rows=expiry.rows, note=f"removed, of days before {expiry.kept_from}")
        closing.rows = sum(expiry.rows for expiry in found if expiry.waits_because is None)
    return found


def landing_lock(settings: Settings) -> AbstractContextManager[None]:
    """The run lock for the moment that something lands, waited for as long as a refresh may take."""
    return run_lock(settings, wait_seconds=_LANDING_WAIT_SECONDS)


def pull(
    warehouse: Warehouse,
    name: str,
    *,
    as_of: datetime,
    entities: Iterable[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    from_start: bool = False,
    progress: Progress = _SILENCE,
    report: "ImportReport | None" = None,
) -> "ImportReport":
    """Import what is new in a live source (`registry`, `billing`, `status`); see `ingest.live.import_live`.

    An entity that cannot be read is a gap in the ledger of gaps until it was, which a wrong call or a range of time
    read again says nothing of; the error is raised all the same, and `report` has what was read until then.
    """
    from ingest.live import import_live
    from ingest.live.configured import configured_source
    from ingest.privacy import safe_message
    from ingest.report import ImportReport

    settings = warehouse.settings
    source = configured_source(settings, name)
    asked = list(entities) if entities is not None else list(source.entities)
    for entity in asked:
        if entity not in source.entities:
            raise UsageError(f"{entity} is not read from {name}; it gives {', '.join(source.entities)}")
    report = ImportReport() if report is None else report

    def holding() -> AbstractContextManager[None]:
        return landing_lock(settings)

    with progress.step(f"pull {name}") as closing:
        read: dict[str, str | None] = dict.fromkeys(asked, "could not be read")
        # Of what a range of time or another start was refused for, or brought, the next normal run knows nothing.
        is_normal, is_free = since is None and until is None and not from_start, True
        try:
            import_live(
                warehouse,
                source.open(),
                as_of=as_of,
                entities=asked,
                since=since,
                until=until,
                from_start=from_start,
                holding=holding,
                report=report,
            )
            read = dict.fromkeys(asked)
        except WarehouseBusyError:
            # Whoever has the warehouse has it still: nothing can be noted, and nothing was found out.
            is_free = False
            raise
        except SkillsmithError as error:
            # Where nothing says which of them, all could not be read.
            failed = report.failed or dict.fromkeys(asked, str(error))
            read = {entity: safe_message(failed[entity]) if entity in failed else None for entity in asked}
            raise
        finally:
            if is_free:
                with holding():
                    initialise(warehouse)
                    _note_gaps(warehouse, as_of, progress, read=read if is_normal else None)
            closing.rows = report.rows_seen
            for line in import_lines(report):
                progress.line(f"raw.{line['name']}", rows=line["rows"], seconds=line["seconds"], note=line["note"])
        closing.note = f"{len(report.loads)} windows"
    return report


def _note_gaps(warehouse: Warehouse, as_of: datetime, progress: Progress, **found: Any) -> None:
    """Bring the ledger of gaps up to now, and say what is new there."""
    from ingest.completeness import open_gaps, record_gaps

    with warehouse.write("import") as writer:
        before = {row["gap_id"] for row in open_gaps(writer)}
        gaps = record_gaps(writer, as_of=as_of, **found)
    new = [gap for gap in gaps if gap["gap_id"] not in before]
    # A source that is down fails for all that it gives, and is said once.
    alike = Counter((gap["kind"], gap["source"], gap["detail"]) for gap in new)
    down = {key for key, number in alike.items() if key[0] == "source_failed" and number > 1}
    said = [f"{source}: {alike[kind, source, why]} entities could not be read ({why})" for kind, source, why in down]
    said += [describe_gap(gap) for gap in new if (gap["kind"], gap["source"], gap["detail"]) not in down]
    for text in said[:_GAPS_SAID]:
        progress.warn(text)
    if len(said) > _GAPS_SAID:
        progress.warn(f"and {len(said) - _GAPS_SAID} more gaps; `skillsmith-analytics gaps list` has them all")


def describe_gap(gap: dict[str, Any]) -> str:
    """One line on a gap in what was imported."""
    what = gap["kind"].replace("_", " ")
    where = gap["file_name"] or (f"{gap['day']}" if gap["day"] else "")
    counted = (
        f": {number_of(gap['rows_found'] or 0, 'row')}, expected {gap['rows_expected']:,}"
        if gap["rows_expected"] is not None
        else ""
    )
    detail = f" ({gap['detail']})" if gap["detail"] else ""
    return f"{gap['source']}/{gap['entity']}: {what} {where}".rstrip() + counted + detail


def replay_quarantine(
    warehouse: Warehouse,
    *,
    as_of: datetime,
    entity: str | None = None,
    file_name: str | None = None,
    reason: str | None = None,
    progress: Progress = _SILENCE,
) -> "ImportReport":
    """Try rows of the quarantine again; see `ingest.quarantine.replay`."""
    from ingest.quarantine import Choice, replay

    with run_lock(warehouse.settings), progress.step("replay") as closing:
        initialise(warehouse)
        choice = Choice(entity, file_name, reason)
        report = replay(warehouse, warehouse.settings.drop_folder, choice, as_of=as_of)
        closing.rows = report.rows_seen
        for line in import_lines(report):
            progress.line(f"raw.{line['name']}", rows=line["rows"], seconds=line["seconds"], note=line["note"])
    return report


def import_lines(report: "ImportReport") -> list[dict[str, Any]]:
    """An import by entity: name (`registry_events`), files, rows seen, loaded and quarantined, seconds, and a note."""
    return [
        {
            "name": name.replace("/", "_"),
            "files": total.files,
            "rows": total.rows_seen,
            "rows_loaded": total.rows_loaded,
            "rows_quarantined": total.rows_quarantined,
            "seconds": total.seconds,
            "note": f"{total.rows_quarantined:,} quarantined" if total.rows_quarantined else "",
        }
        for name, total in report.by_entity().items()
    ]


def build(
    warehouse: Warehouse,
    *,
    as_of: datetime,
    progress: Progress = _SILENCE,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    on_start: Callable[[Build], None] | None = None,
) -> BuildReport:
    """Build every table that is published, and record how dbt's data tests came out.

    on_event is given dbt's structured events, for Dagster; on_start the build as soon as it is recorded. Raises
    where a model fails; the build is then recorded as failed.
    """
    from ingest.retention import require_rows
    from orchestration.analysis_step import write_skill_suggestions, write_time_saved_hours
    from orchestration.check_rows import dbt_check_rows
    from orchestration.dbt_runner import changed_seeds, day_facts, manifest_of, remember_seeds
    from orchestration.metric_texts import write_metric_definitions

    with run_lock(warehouse.settings), progress.step("build") as closing, warehouse.held():
        interrupts.obey()
        initialise(warehouse)
        manifest = manifest_of(warehouse)
        with warehouse.write() as writer:
            require_rows(writer, as_of, day_facts(manifest))
            current = start_build(writer, as_of)
            with_seeds = not _has_seeds(writer) or changed_seeds(writer)
        if on_start:
            on_start(current)
        try:
            seed_tests = _seed_tests(manifest)
            run = _dbt_build(warehouse, current, () if with_seeds else seed_tests, on_event)
            if with_seeds and not any(test.failures for test in run.of_type("test") if test.name in seed_tests):
                with warehouse.write() as writer:
                    remember_seeds(writer)
            if run.made_alone:
                progress.warn(
                    f"memory was short for {', '.join(run.made_alone)}, made again one at a time; "
                    "a larger SKILLSMITH_MEMORY_LIMIT is faster"
                )
            rows, seconds = _built_rows(run, manifest)
            with warehouse.write() as writer:
                writer.append(
                    "ops.check_results",
                    dbt_check_rows(run.results, manifest, current.build_id, datetime.now(UTC), writer.fetch),
                )
                started = time.perf_counter()
                rows["intermediate.int_time_saved_hours"] = write_time_saved_hours(writer, current.started_at)
                seconds["intermediate.int_time_saved_hours"] = time.perf_counter() - started
                started = time.perf_counter()
                rows["build.skill_suggestions"] = write_skill_suggestions(writer, current.started_at)
                seconds["build.skill_suggestions"] = time.perf_counter() - started
                rows["build.metric_definitions"] = write_metric_definitions(writer, manifest, current.started_at)
                rows |= _count_rows(writer, (table for table, count in rows.items() if count < 0))
                finish_build(writer, current.build_id, "built")
        except BaseException:
            _record_failure(warehouse, current)
            raise
        for table in sorted(rows):
            if not table.startswith("staging."):
                progress.line(table, rows=rows[table], seconds=seconds.get(table))
        report = _build_report(current, run, rows, seconds)
        closing.note = f"{len(rows)} tables, {report.tests_passed} tests passed, {report.tests_failed} failed"
    return report


def check(warehouse: Warehouse, *, allow_older: bool = False, progress: Progress = _SILENCE) -> CheckReport:
    """Check the newest build at both borders and record the results, beside those of dbt's tests.

    allow_older: an as_of before the published one is meant, so a table may shrink. A check that evaluates false is a
    result; one that crashes has status error. Neither raises here.
    """
    from expectations.checks import check_borders

    with run_lock(warehouse.settings), progress.step("check") as closing:
        interrupts.obey()
        initialise(warehouse)
        with warehouse.write() as writer:
            current = checkable_build(writer)
            rows = check_borders(writer, warehouse.settings, as_of=current.as_of, allow_older=allow_older)
            with writer.transaction():
                writer.execute(
                    "delete from ops.check_results where build_id = ? and border <> 'dbt'", [current.build_id]
                )
                stamp = {"build_id": current.build_id, "checked_at": datetime.now(UTC)}
                writer.append("ops.check_results", [row | stamp for row in rows])
            report = check_report(writer, current.build_id)
        for row in [*report.errors, *report.blocking, *report.warned]:
            progress.warn(describe_check(row))
        closing.note = f"{report.passed} passed, {len(report.warned)} warned, {len(report.blocking)} blocking failed"
    return report


def check_report(writer: Writer, build_id: str) -> CheckReport:
    """The recorded results of one build."""
    rows = writer.fetch("select * from ops.check_results where build_id = ? order by check_name", [build_id])
    failed = [row for row in rows if row["status"] == "failed"]
    return CheckReport(
        build_id=build_id,
        passed=sum(row["status"] == "passed" for row in rows),
        warned=[row for row in failed if row["severity"] == "warning"],
        blocking=[row for row in failed if row["severity"] == "blocking"],
        errors=[row for row in rows if row["status"] == "error"],
    )


def describe_check(row: dict[str, Any]) -> str:
    """One line on a check that did not pass."""
    where = row["table_name"] + (f".{row['column_name']}" if row["column_name"] else "")
    verb = "crashed" if row["status"] == "error" else "failed"
    kind = "blocking " if row["severity"] == "blocking" else ""
    return f"{kind}check {row['check_name']} of {where} {verb}: {row['observed']} (expected {row['expected']})"


def require_passed(report: CheckReport) -> None:
    """Raise BlockingChecksFailedError where a blocking check evaluated false, SkillsmithError where one crashed."""
    if report.blocking:
        names = ", ".join(sorted({row["check_name"] for row in report.blocking}))
        raise BlockingChecksFailedError(f"blocking checks failed: {names}; nothing will be published from this build")
    if any(row["severity"] == "blocking" for row in report.errors):
        names = ", ".join(sorted({row["check_name"] for row in report.errors if row["severity"] == "blocking"}))
        raise SkillsmithError(f"blocking checks crashed: {names}; see `status` and the log, then build again")


def build_after_checks(
    warehouse: Warehouse,
    *,
    progress: Progress = _SILENCE,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> "DbtRun":
    """Build what reads the results of the checks (table health), for the newest build."""
    from orchestration.check_rows import dbt_check_rows
    from orchestration.dbt_runner import manifest_of, run_dbt

    with run_lock(warehouse.settings), progress.step("health"):
        initialise(warehouse)
        with warehouse.write() as writer:
            current = checkable_build(writer)
        run = run_dbt(
            warehouse,
            ["build", "--select", AFTER_CHECKS, "--exclude-resource-type", "unit_test"],
            as_of=current.as_of,
            run_started_at=current.started_at,
            build_id=current.build_id,
            on_event=on_event,
        )
        with warehouse.write() as writer, writer.transaction():
            rows = dbt_check_rows(
                run.results, manifest_of(warehouse), current.build_id, datetime.now(UTC), writer.fetch
            )
            for row in rows:
                writer.execute(
                    "delete from ops.check_results where build_id = ? and check_name = ?",
                    [current.build_id, row["check_name"]],
                )
            writer.append("ops.check_results", rows)
    return run


def publish_build(warehouse: Warehouse, *, allow_older: bool = False, progress: Progress = _SILENCE) -> "Snapshot":
    """Publish the newest build. Raises BlockingChecksFailedError where its blocking checks are not all passed."""
    from warehouse.publish import publish

    with run_lock(warehouse.settings), progress.step("publish") as closing:
        interrupts.obey()
        initialise(warehouse)
        with warehouse.write() as writer:
            current = checkable_build(writer)
        outcome: Outcome = "built"
        try:
            snapshot = publish(
                warehouse,
                build_id=current.build_id,
                as_of=current.as_of,
                allow_older=allow_older,
                days=_days_of_rows(),
            )
            outcome = "published"
        except BlockingChecksFailedError:
            outcome = "refused"
            raise
        finally:
            if outcome != "built":
                with warehouse.write() as writer:
                    finish_build(writer, current.build_id, outcome)
        closing.note = (
            f"snapshot {snapshot.snapshot_id}, data until {snapshot.data_until or 'never: no data'}, "
            f"{snapshot.checks_passed} checks passed"
        )
    return snapshot


def _days_of_rows() -> "dict[str, RawDay]":
    """Where each raw table has the day of its rows, of those that have one."""
    from ingest.contracts import CONTRACTS
    from warehouse.causes import RawDay

    days = {c.table.qualified: RawDay(c.day_column) for c in CONTRACTS.values() if c.day_column}
    return days | {"raw.billing_stripe_events": RawDay("created", is_seconds=True)}


def require_clock(warehouse: Warehouse, as_of: datetime | None) -> None:
    """Raise SkillsmithError where the newest build was not built with this clock; None agrees with every build."""
    if as_of is None:
        return
    with warehouse.write() as writer:
        current = checkable_build(writer)
    if current.as_of != as_of:
        wanted = f"{as_of:%Y-%m-%dT%H:%M:%SZ}"
        raise SkillsmithError(
            f"the last build is as of {current.as_of:%Y-%m-%dT%H:%M:%SZ}; run `build --as-of {wanted}` first"
        )


def _seed_tests(manifest: dict[str, Any]) -> frozenset[str]:
    """Names of the tests that ask seeds alone."""
    return frozenset(
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and all(parent.startswith("seed.") for parent in node["depends_on"]["nodes"])
    )


def _dbt_build(
    warehouse: Warehouse,
    current: Build,
    tests_of_unchanged_seeds: Collection[str],
    on_event: Callable[[dict[str, Any]], None] | None,
) -> "DbtRun":
    from orchestration.dbt_runner import run_dbt

    command = ["build", "--exclude", AFTER_CHECKS, *sorted(tests_of_unchanged_seeds)]
    command += ["--exclude-resource-type", "unit_test"]
    if tests_of_unchanged_seeds:
        # Loading and testing them costs seconds, and their files have not changed since they were found good.
        command += ["--exclude-resource-type", "seed"]
    return run_dbt(
        warehouse,
        command,
        as_of=current.as_of,
        run_started_at=current.started_at,
        build_id=current.build_id,
        on_event=on_event,
    )


def _record_failure(warehouse: Warehouse, current: Build) -> None:
    """The error that stopped the build is the one to show, so a second one here only leaves the record open."""
    try:
        with warehouse.write() as writer:
            finish_build(writer, current.build_id, "failed")
    except SkillsmithError:
        return


def _has_seeds(writer: Writer) -> bool:
    from warehouse.settings import DBT_PROJECT

    files = {path.stem for path in (DBT_PROJECT / "seeds").rglob("*.csv")}
    there = writer.fetch("select table_name from information_schema.tables where table_schema = 'seeds'")
    return files <= {row["table_name"] for row in there}


def _built_rows(run: "DbtRun", manifest: dict[str, Any]) -> tuple[dict[str, int], dict[str, float]]:
    """Rows and seconds by table; -1 rows where the engine did not say and they have to be counted."""
    rows, seconds = {}, {}
    for result in run.of_type("model", "seed"):
        node = manifest["nodes"][result.unique_id]
        if result.status != "success" or node["config"]["materialized"] not in ("table", "incremental", "seed"):
            continue
        table = f"{node['schema']}.{node.get('alias') or node['name']}"
        # An incremental model's own count is what it wrote, not what it holds.
        counted = result.rows if node["config"]["materialized"] != "incremental" else None
        rows[table] = -1 if counted is None else counted
        seconds[table] = result.seconds
    return rows, seconds


def _count_rows(writer: Writer, tables: Iterable[str]) -> dict[str, int]:
    tables = list(tables)
    if not tables:
        return {}
    counted = writer.fetch(" union all ".join(f"select '{name}' as name, count(*) as n from {name}" for name in tables))
    return {row["name"]: row["n"] for row in counted}


def _build_report(current: Build, run: "DbtRun", rows: dict[str, int], seconds: dict[str, float]) -> BuildReport:
    tests: Sequence[NodeResult] = run.of_type("test")
    return BuildReport(
        build=current,
        rows=rows,
        seconds=seconds,
        tests_passed=sum(test.status == "pass" for test in tests),
        tests_warned=sum(test.status == "warn" for test in tests),
        tests_failed=sum(test.status in ("fail", "error") for test in tests),
    )
