"""dbt inside this process: one warm runner, its files under <home>/dbt, and errors that name the model.

`run_dbt` runs one dbt command and gives its results as data. The project is parsed once per process and kept: the
clock (`as_of`) is a variable of every run, and dbt would otherwise parse everything again whenever it moves. After
each run every handle on the warehouse is closed, so that the next step may write to the same file.
"""

import gc
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import analysis
from ingest.retention import DayFacts
from orchestration.dbt_contexts import lean_contexts
from orchestration.dbt_events import events_of_note
from orchestration.dbt_kept import find_parse, keep_parse, parse_key, places
from orchestration.dbt_results import lean_results
from orchestration.dbt_shapes import shapes_known
from orchestration.dbt_templates import kept_templates
from warehouse import Warehouse, Writer
from warehouse.errors import SkillsmithError, StorageError, WarehouseBusyError
from warehouse.settings import DBT_PROJECT, Settings

PROFILE = "skillsmith"

# What the project is parsed with; real values arrive with each run. Fixed, so that partial parsing finds its cache.
_PARSING_VARIABLES = {
    "as_of": "2000-01-01 00:00:00",
    "run_started_at": "2000-01-01 00:00:00",
    "build_id": "",
    "definitions": "",
}

_FINISHED = frozenset({"LogModelResult", "LogSeedResult", "LogTestResult", "LogSnapshotResult"})


class DbtError(SkillsmithError):
    """dbt could not read the project, or a model failed; the message names it and gives dbt's first line."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What became of one dbt node.

    status: success, error, skipped (models, seeds); pass, warn, fail, error, skipped (tests, unit tests).
    rows: rows written where the engine says so, None where it does not. failures: failing rows of a test. sql: what a
    test asked.
    """

    unique_id: str
    name: str
    resource_type: str
    status: str
    seconds: float
    rows: int | None = None
    failures: int | None = None
    message: str = ""
    sql: str = ""

    @property
    def is_short_of_memory(self) -> bool:
        """Whether DuckDB's memory limit stopped it; PostgreSQL says that in other words, of the server."""
        return self.status == "error" and "Out of Memory Error" in self.message


@dataclass(frozen=True, slots=True)
class DbtRun:
    """The results of one dbt command, in the order in which the nodes finished.

    `made_alone` names the nodes that the memory limit had no room for beside others, and that were run by themselves.
    """

    results: tuple[NodeResult, ...]
    made_alone: tuple[str, ...] = ()

    def of_type(self, *resource_types: str) -> tuple[NodeResult, ...]:
        """Only the results of these resource types (model, seed, test, unit_test)."""
        return tuple(result for result in self.results if result.resource_type in resource_types)


Progress = Callable[[NodeResult], None]
RawEvents = Callable[[dict[str, Any]], None]


def run_dbt(
    warehouse: Warehouse,
    command: Sequence[str],
    *,
    as_of: datetime,
    run_started_at: datetime | None = None,
    build_id: str = "",
    progress: Progress | None = None,
    on_event: RawEvents | None = None,
) -> DbtRun:
    """Run one dbt command, such as `["build", "--exclude", "tag:after_checks"]`, in the warehouse.

    as_of, run_started_at: UTC; they and build_id are dbt variables. progress is told of each node as it ends;
    on_event is given dbt's own structured events as dictionaries, for Dagster. A failed test is a result, not an
    error. Raises DbtError where the project is broken or a model fails, WarehouseBusyError where another process
    has the warehouse.
    """
    runner = _runner(warehouse)
    variables = {
        "as_of": _as_text(as_of),
        "run_started_at": _as_text(run_started_at or datetime.now(UTC)),
        "build_id": build_id,
        "definitions": _definitions_hash(),
    }
    return runner.run(command, variables, progress, on_event)


def manifest_of(warehouse: Warehouse) -> dict[str, Any]:
    """dbt's manifest of the project as its JSON artifact; parsed at most once per process."""
    return _runner(warehouse).manifest_json()


def day_facts(manifest: Mapping[str, Any]) -> list[DayFacts]:
    """Models that keep the days of a window alone, by what they say of themselves (macros/co_use.sql)."""
    nodes = manifest["nodes"].values()
    metas = ((node, node["config"].get("meta") or {}) for node in nodes if node["resource_type"] == "model")
    return [
        DayFacts(
            table=f"{node['schema']}.{node['name']}",
            days_in=f"{node['schema']}.{meta['days_in']}",
            window_days=meta["window_days"],
            closed_by=tuple(meta["closed_by"]),
        )
        for node, meta in metas
        if "window_days" in meta
    ]


def changed_seeds(writer: Writer) -> bool:
    """Whether the seed files differ from those last loaded into this warehouse."""
    return [row["files_hash"] for row in writer.fetch("select files_hash from ops.seed_files")] != [_seed_hash()]


def remember_seeds(writer: Writer) -> None:
    """Note that the seed files as they are now have been loaded into this warehouse."""
    with writer.transaction():
        writer.execute("delete from ops.seed_files")
        writer.append("ops.seed_files", [{"files_hash": _seed_hash(), "loaded_at": datetime.now(UTC)}])


@dataclass(frozen=True, slots=True)
class _Parsed:
    """The project as dbt has it in memory, and as its JSON artifact."""

    manifest: Any
    json: dict[str, Any]


_PARSED: dict[tuple[str, str], _Parsed] = {}
"""By target and database, the only things of a warehouse that are in the names of its tables."""


class _Runner:
    """One warm dbt for one home and warehouse."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.folder = _folder(warehouse.settings)
        self._kept_in = places(self.folder)
        self.engine = warehouse.engine
        self.target = warehouse.dbt_target
        profile = warehouse.dbt_profile()
        self._database = str(profile.get("dbname") or Path(profile["path"]).stem)
        self._write_profile(profile)
        self._environment = warehouse.dbt_environment()

    def _write_profile(self, profile: dict[str, Any]) -> None:
        profiles = {PROFILE: {"target": self.target, "outputs": {self.target: profile}}}
        path = self.folder / "profiles.yml"
        with _writing(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(profiles, sort_keys=False))

    def manifest_json(self) -> dict[str, Any]:
        return self._parse().json

    def _parse(self) -> _Parsed:
        key = (self.target, self._database)
        if key not in _PARSED:
            kept = parse_key(*key)
            found = find_parse(self._kept_in, kept)
            _PARSED[key] = _Parsed(*found) if found else self._parse_anew(kept)
            _PARSED[key].manifest.build_flat_graph()
        return _PARSED[key]

    def _parse_anew(self, key: str) -> _Parsed:
        written = self.folder / "target"
        # Of a file that changed dbt reads again only what did, and loses a source that stands in it under two schemas.
        (written / "partial_parse.msgpack").unlink(missing_ok=True)
        outcome = self._invoke(["parse"], _PARSING_VARIABLES, manifest=None, callbacks=[])
        if not outcome.success:
            raise _as_error(outcome.exception)
        artifact = json.loads((written / "manifest.json").read_text())
        keep_parse(self._kept_in, key, written)
        return _Parsed(outcome.result, artifact)

    def run(
        self,
        command: Sequence[str],
        variables: Mapping[str, str],
        progress: Progress | None,
        on_event: RawEvents | None,
    ) -> DbtRun:
        callbacks = [_listener(progress, on_event)] if progress or on_event else []
        results = self._results(command, variables, callbacks)
        short = tuple(result.name for result in results if result.is_short_of_memory)
        if short:
            left = [result for result in results if result.is_short_of_memory or result.status == "skipped"]
            alone = [command[0], "--select", *(result.name for result in left), "--indirect-selection", "empty"]
            done = [result for result in results if result not in left]
            results = [*done, *self._results([*alone, "--threads", "1"], variables, callbacks)]
        for result in results:
            if result.status == "error" and result.resource_type != "test":
                raise _failed(result)
        return DbtRun(tuple(results), short)

    def _results(self, command: Sequence[str], variables: Mapping[str, str], callbacks: list[Any]) -> list[NodeResult]:
        manifest = _to_be_run(self._parse().manifest)
        outcome = self._invoke(command, variables, manifest=manifest, callbacks=callbacks)
        if outcome.result is None or not hasattr(outcome.result, "results"):
            raise _as_error(outcome.exception)
        return [_node_result(result) for result in outcome.result.results]

    def _invoke(
        self, command: Sequence[str], variables: Mapping[str, str], *, manifest: Any, callbacks: list[Any]
    ) -> Any:
        with (
            _set_environment(self._environment),
            _older_objects_left_alone(),
            events_of_note(),
            kept_templates(self._kept_in),
            lean_contexts(),
            lean_results(),
            nullcontext() if manifest is None else shapes_known(),
        ):
            from dbt.cli.main import dbtRunner

            arguments = [
                *command,
                *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(self.folder)),
                *("--profile", PROFILE, "--target", self.target),
                *("--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs")),
                *("--vars", json.dumps(variables)),
                *("--log-level", "none", "--log-level-file", "info", "--quiet", "--no-print", "--no-use-colors"),
                *("--no-send-anonymous-usage-stats", "--no-version-check", "--partial-parse"),
                # Of its artifacts only the parsed manifest is read; each other would cost a run a second.
                "--write-json" if manifest is None else "--no-write-json",
            ]
            try:
                return dbtRunner(manifest=manifest, callbacks=callbacks).invoke(arguments)
            finally:
                _close_handles(self.engine)


def _to_be_run(manifest: Any) -> Any:
    """The manifest with nodes of its own: running one writes its compiled text and its status into it."""
    # What dbt found while it parsed is left behind: it has to be looked up anew among these nodes.
    run = type(manifest)(
        **{field.name: getattr(manifest, field.name) for field in fields(manifest) if not field.name.startswith("_")}
    )
    run.nodes = {name: copy(node) for name, node in manifest.nodes.items()}
    for node in run.nodes.values():
        node._event_status = {}
    return run


_RUNNERS: dict[tuple[str, str], _Runner] = {}


def _runner(warehouse: Warehouse) -> _Runner:
    key = (str(warehouse.settings.home), _place(warehouse))
    if key not in _RUNNERS:
        _RUNNERS[key] = _Runner(warehouse)
    return _RUNNERS[key]


def _close_handles(engine: str) -> None:
    from dbt.adapters.factory import cleanup_connections, reset_adapters

    cleanup_connections()
    reset_adapters()
    if engine == "duckdb":
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        environment = DuckDBConnectionManager._ENV
        if environment is not None:
            environment.close()
        DuckDBConnectionManager.close_all_connections()
        # DuckDB lets go of its file once the last cursor is collected.
        gc.collect()


def _listener(progress: Progress | None, on_event: RawEvents | None) -> Callable[[Any], None]:
    from dbt_common.events.functions import msg_to_dict

    def listen(event: Any) -> None:
        if event.info.name not in _FINISHED:
            return
        raw = msg_to_dict(event)
        if on_event:
            on_event(raw)
        if progress:
            progress(_event_result(raw["data"]))

    return listen


def _event_result(data: dict[str, Any]) -> NodeResult:
    node = data["node_info"]
    return NodeResult(
        unique_id=node["unique_id"],
        name=node["node_name"],
        resource_type=node["resource_type"],
        status=node.get("node_status") or str(data.get("status", "")).lower(),
        seconds=float(data.get("execution_time") or 0.0),
        failures=int(data["num_failures"]) if data.get("num_failures") is not None else None,
    )


def _node_result(result: Any) -> NodeResult:
    rows = (result.adapter_response or {}).get("rows_affected")
    return NodeResult(
        unique_id=result.node.unique_id,
        name=result.node.name,
        resource_type=str(result.node.resource_type.value),
        status=str(result.status.value),
        seconds=float(result.execution_time or 0.0),
        rows=int(rows) if isinstance(rows, int) and rows >= 0 else None,
        failures=result.failures,
        message=_first_line(result.message),
        sql=getattr(result.node, "compiled_code", None) or "",
    )


def _first_line(message: str | None) -> str:
    """The line of dbt's message that says what is wrong: its first, or the one below a heading without content."""
    lines = [line.strip() for line in (message or "").splitlines() if line.strip()]
    if len(lines) > 1 and re.match(r"\w+ Error\b", lines[0]):
        return lines[1]
    return lines[0] if lines else ""


def _failed(result: NodeResult) -> SkillsmithError:
    if _is_busy(result.message):
        return WarehouseBusyError(_BUSY)
    if result.is_short_of_memory:
        return DbtError(
            f"{result.resource_type} {result.name} failed: SKILLSMITH_MEMORY_LIMIT is too small for it; "
            "raise it and build again, what was built is kept"
        )
    return DbtError(f"{result.resource_type} {result.name} failed: {result.message}")


_BUSY = "the warehouse is in use by another process; wait until that run ends, or stop it, and try again"


def _is_busy(message: str) -> bool:
    return "Could not set lock" in message or "Conflicting lock" in message


def _as_error(error: BaseException | None) -> BaseException:
    """What dbt raised, as an error to show; an interrupt stays one."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return KeyboardInterrupt()
    text = str(error) if error else "dbt gave no reason"
    if _is_busy(text):
        return WarehouseBusyError(_BUSY)
    if isinstance(error, OSError):
        return StorageError(f"dbt cannot write its files: {error.strerror}; free some space and try again")
    failure = DbtError(f"dbt: {_first_line(text)}")
    failure.__cause__ = error
    return failure


def _as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _folder(settings: Settings) -> Path:
    return settings.home / "dbt"


def _place(warehouse: Warehouse) -> str:
    """Which warehouse this is: the engine and a hash of its address."""
    profile = warehouse.dbt_profile()
    address = [str(profile.get(part)) for part in ("path", "host", "port", "dbname")]
    return warehouse.engine + ":" + hashlib.sha256("\0".join(address).encode()).hexdigest()[:16]


@contextmanager
def _set_environment(values: Mapping[str, str]) -> Iterator[None]:
    """dbt reads passwords and its tracking switch from the environment; it is as before afterwards."""
    values = {**values, "DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _older_objects_left_alone() -> Iterator[None]:
    """The collector looks at what a run makes; libraries and the project, 250,000 objects, will stay."""
    if gc.get_freeze_count():
        # A refresh has done so for the whole of its process, and thawing would undo that.
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}; check SKILLSMITH_HOME and the disk") from error


@cache
def _definitions_hash() -> str:
    """By what a model that keeps rows knows that they, or the hours made of them, were made by other code."""
    digest = hashlib.sha256()
    paths = [*(DBT_PROJECT / "models").rglob("*.sql"), *(DBT_PROJECT / "macros").rglob("*.sql")]
    for path in sorted([*paths, Path(analysis.__path__[0]) / "time_saved.py"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _seed_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted((DBT_PROJECT / "seeds").rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
