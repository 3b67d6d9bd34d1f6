"""A person who is erased is nowhere, and does not come back; the figures are those of a world without the person."""

import fcntl
import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ingest import erasure
from ingest.contracts import CONTRACTS
from ingest.erasure import Request, certificates, erase, plan
from ingest.privacy import pseudonym
from ingest.simulator import simulate
from orchestration.cli import run
from orchestration.pipeline import import_sources, initialise, replay_quarantine
from orchestration.progress import Silence
from orchestration.refresh import refresh
from tests.integration.published_numbers import COMPARED, assert_same_numbers, published_numbers
from tests.integration.published_world import build
from warehouse import Warehouse, open_warehouse, snapshots
from warehouse.duckdb import connect
from warehouse.publish import publish
from warehouse.published import PEOPLE
from warehouse.settings import Settings

AS_OF = datetime(2026, 7, 1, 6, tzinfo=UTC)
KEY = b"a key for tests only"
WHO, OTHER = "usr_17", "usr_18"
PERSON, NEIGHBOUR = pseudonym(KEY, WHO), pseudonym(KEY, OTHER)


class Killed(BaseException):
    """What a kill is to the code that it hits."""


def put(drop: Path, name: str, *rows: dict[str, Any]) -> None:
    path = drop / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def event(number: int, actor: str, day: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "created_at": f"2026-06-{day:02d}T10:00:00Z",
        "event_type": "telemetry:skill_invoke",
        "actor": actor,
        "metadata": {"skill_name": "acme/docs", "success": True},
    } | changes


def member(actor: str) -> dict[str, Any]:
    return {"team_id": "t1", "actor": actor, "is_bot": False, "joined_at": "2026-01-01T00:00:00Z"}


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """The person in every kind of place: whole rows, facts of something else, texts, the quarantine."""
    folder = tmp_path / "drop"
    put(
        folder,
        "registry/events/one.ndjson",
        event(1, WHO, 1),
        event(2, WHO, 1),
        event(3, OTHER, 1),
        event(4, WHO, 2),
        event(5, OTHER, 2, metadata={"skill_name": "acme/docs", "actor": WHO}),
        event(6, OTHER, 3, owner=WHO, note="kept"),
        event(7, WHO, 3, event_type="telemetry:skill_teleport"),
        event(8, OTHER, 3, event_type="telemetry:skill_teleport"),
    )
    put(folder, "registry/team_members/one.ndjson", member(WHO), member(OTHER))
    put(
        folder,
        "github/commits/one.ndjson",
        {"repository_id": "r", "sha": "a", "author": WHO, "committed_at": "2026-06-01T00:00:00Z"},
        {"repository_id": "r", "sha": "b", "author": OTHER, "committed_at": "2026-06-01T00:00:00Z"},
    )
    put(
        folder,
        "github/stargazers/one.ndjson",
        {"repository_id": "r", "actor": WHO, "starred_at": "2026-06-01T00:00:00Z"},
    )
    put(
        folder,
        "status/maintenance/one.ndjson",
        {"window_id": "w", "starts_at": "2026-06-01T00:00:00Z", "approved_by": WHO},
    )
    return folder


@pytest.fixture
def loaded(engine_settings: Settings, drop: Path) -> Iterator[Warehouse]:
    with open_warehouse(engine_settings.model_copy(update={"drop": drop})) as warehouse:
        import_sources(warehouse, as_of=AS_OF)
        yield warehouse


def fetch(warehouse: Warehouse, statement: str) -> list[dict[str, Any]]:
    with warehouse.write(None) as writer:
        return writer.fetch(statement)


def places(warehouse: Warehouse, *needles: str) -> set[str]:
    """Every table, published file and other file of the home in which one of these texts stands."""
    found = set()
    as_text = "cast(to_json(t) as text)" if warehouse.engine == "duckdb" else "cast(to_jsonb(t) as text)"
    with warehouse.write(None) as writer:
        tables = writer.fetch(
            "select table_schema || '.' || table_name as name from information_schema.tables "
            "where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')"
        )
        assert len(tables) > 20
        for table in tables:
            for needle in needles:
                where = f"strpos({as_text}, ?) > 0"
                if writer.fetch(f"select 1 as there from {table['name']} as t where {where} limit 1", [needle]):
                    found.add(table["name"])
    home = warehouse.settings.home
    for path in (home / "published").glob("*.duckdb"):
        connection = connect(path, warehouse.settings, read_only=True)
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal"
        ).fetchall():
            for needle in needles:
                [count] = connection.execute(
                    f"select count(*) from {schema}.{name} as t where contains(to_json(t)::varchar, ?)", [needle]
                ).fetchone() or (0,)
                if count:
                    found.add(f"{path.name} {schema}.{name}")
        connection.close()
    for path in home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found |= {str(path.relative_to(home)) for needle in needles if needle.encode() in content}
    return found


STEPS = {
    ("raw.registry_events", "rows deleted", 3),
    ("raw.registry_events", "texts without the person", 2),
    ("raw.registry_team_members", "rows deleted", 1),
    ("raw.github_commits", "rows kept without the person", 1),
    ("raw.github_stargazers", "rows deleted", 1),
    ("raw.status_maintenance", "rows kept without the person", 1),
    ("raw.quarantine", "rows deleted", 1),
}


def test_a_person_goes_from_every_table_and_everybody_else_stays(loaded: Warehouse) -> None:
    assert "raw.quarantine" in places(loaded, PERSON)
    [certificate] = erase(loaded, [Request(PERSON, WHO)])
    assert set(certificate.steps) == STEPS
    assert certificate.completed_at is not None
    assert places(loaded, PERSON, WHO) == set()
    assert [row["event_id"] for row in fetch(loaded, "select event_id from raw.registry_events order by 1")] == [
        "e3",
        "e5",
        "e6",
    ]
    texts = {
        row["event_id"]: (row["metadata"], row["extra"])
        for row in fetch(loaded, "select event_id, metadata, extra from raw.registry_events")
    }
    assert json.loads(texts["e5"][0]) == {"skill_name": "acme/docs", "actor": "erased"}
    assert json.loads(texts["e6"][1]) == {"owner": "erased", "note": "kept"}
    assert fetch(loaded, "select author_key from raw.github_commits order by sha") == [
        {"author_key": None},
        {"author_key": NEIGHBOUR},
    ]
    assert fetch(loaded, "select approved_by_key from raw.status_maintenance") == [{"approved_by_key": "erased"}]
    assert fetch(loaded, "select count(*) as n from raw.quarantine") == [{"n": 1}]


def test_what_is_delivered_again_stays_out_also_in_later_versions_and_from_the_quarantine(
    loaded: Warehouse, drop: Path
) -> None:
    erase(loaded, [Request(PERSON, WHO)])
    before = fetch(loaded, "select event_id from raw.registry_events order by 1")
    for path in list(drop.rglob("one.ndjson")):
        shutil.copy(path, path.with_name("two.ndjson"))
    put(drop, "registry/team_members/three.ndjson", member(WHO) | {"updated_at": "2026-06-20T00:00:00Z"})
    put(drop, "status/maintenance/three.ndjson", {"window_id": "w2", "approved_by": WHO})
    report = import_sources(loaded, as_of=AS_OF)
    assert report.refused == []
    events = next(load for load in report.loads if load.file_name == "registry/events/two.ndjson")
    # Four rows of the person, three that were there already, one that cannot be taken.
    assert (events.rows_seen, events.rows_loaded, events.rows_merged, events.rows_quarantined) == (8, 0, 7, 1)
    [ledger] = fetch(loaded, "select removed from raw.import_ledger where file_name = 'registry/events/two.ndjson'")
    assert json.loads(ledger["removed"])["erased person"] == 4
    replay_quarantine(loaded, as_of=AS_OF)
    assert places(loaded, PERSON, WHO) == set()
    assert fetch(loaded, "select event_id from raw.registry_events order by 1") == before
    windows = fetch(loaded, "select approved_by_key from raw.status_maintenance")
    assert [row["approved_by_key"] for row in windows] == ["erased", "erased"]


def test_a_text_that_is_nothing_but_the_id_goes_too_also_when_it_comes_again(loaded: Warehouse, drop: Path) -> None:
    entries = [
        {
            "id": f"l{n}",
            "timestamp": "2026-06-01T00:00:00Z",
            "event_type": "team.remove",
            "actor": OTHER,
            "resource": what,
        }
        for n, what in enumerate((WHO, "acme/docs"))
    ]
    put(drop, "registry/audit_logs/one.ndjson", *entries)
    import_sources(loaded, as_of=AS_OF)
    [certificate] = erase(loaded, [Request(PERSON, WHO)])
    assert ("raw.registry_audit_logs", "texts without the person", 1) in certificate.steps
    put(drop, "registry/audit_logs/two.ndjson", *entries)
    import_sources(loaded, as_of=AS_OF)
    assert places(loaded, PERSON, WHO) == set()
    found = fetch(loaded, "select resource from raw.registry_audit_logs order by id")
    assert [row["resource"] for row in found] == ["erased", "acme/docs"]


def test_an_id_of_any_letters_is_found_where_it_stands_in_json(engine_settings: Settings, tmp_path: Path) -> None:
    who = 'zoë "z" \\ 日本'
    events = [
        event(1, OTHER, metadata={"skill_name": "acme/docs", "note": who, "by": [OTHER, who]}),
        event(2, OTHER, note={"of": who}),
        event(3, who),
    ]
    put(tmp_path / "drop", "registry/events/escaped.ndjson", *events)
    plain = tmp_path / "drop" / "registry" / "events" / "plain.ndjson"
    plain.write_text(json.dumps(event(4, OTHER, note=who), ensure_ascii=False) + "\n", encoding="utf-8")
    with open_warehouse(engine_settings.model_copy(update={"drop": tmp_path / "drop"})) as warehouse:
        import_sources(warehouse, as_of=AS_OF)
        erase(warehouse, [Request(pseudonym(KEY, who), who)])
        rows = fetch(warehouse, "select event_id, metadata, extra from raw.registry_events order by event_id")
    said = {row["event_id"]: (json.loads(row["metadata"]), json.loads(row["extra"] or "null")) for row in rows}
    plain_metadata = {"skill_name": "acme/docs", "success": True}
    assert said == {
        "e1": ({"skill_name": "acme/docs", "note": "erased", "by": [OTHER, "erased"]}, None),
        "e2": (plain_metadata, {"note": {"of": "erased"}}),
        "e4": (plain_metadata, {"note": "erased"}),
    }


def test_requests_of_the_privacy_entity_are_done_by_the_import_and_forget_whom_they_named(
    loaded: Warehouse, drop: Path
) -> None:
    put(
        drop,
        "privacy/erasures/one.ndjson",
        {"erasure_id": "q1", "actor": WHO, "requested_at": "2026-06-30T00:00:00Z"},
        {"erasure_id": "q2", "actor": WHO, "requested_at": "2026-06-30T01:00:00Z"},
        {"erasure_id": "q3", "actor": "nobody-here", "requested_at": "2026-06-30T02:00:00Z"},
    )
    import_sources(loaded, as_of=AS_OF)
    assert places(loaded, PERSON) == set()
    found = {certificate.request: certificate for certificate in certificates(loaded)}
    assert {name: bool(one.completed_at) for name, one in found.items()} == dict.fromkeys(("q1", "q2", "q3"), True)
    # The bare id under a key that nobody knows is found by who has the id; this request had only the pseudonym.
    assert set(found["q1"].steps) == (STEPS - {("raw.registry_events", "texts without the person", 2)}) | {
        ("raw.registry_events", "texts without the person", 1)
    }
    assert found["q1"].requested_at == datetime(2026, 6, 30)
    assert (found["q2"].rows, found["q3"].rows) == (0, 0)
    assert fetch(loaded, "select distinct actor_key from raw.privacy_erasures") == [{"actor_key": None}]
    put(drop, "privacy/erasures/two.ndjson", {"erasure_id": "q1", "actor": WHO})
    import_sources(loaded, as_of=AS_OF)
    assert len(certificates(loaded)) == 3
    assert places(loaded, PERSON) == set()


def test_a_request_that_names_nobody_is_put_aside_and_its_correction_is_done(loaded: Warehouse, drop: Path) -> None:
    asked = {"erasure_id": "q1", "requested_at": "2026-06-30T00:00:00Z"}
    other = {"erasure_id": "q2", "actor": "somebody-else", "requested_at": "2026-06-30T00:00:00Z"}
    put(drop, "privacy/erasures/one.ndjson", asked | {"actor_id": WHO}, other)
    import_sources(loaded, as_of=AS_OF)
    assert [certificate.request for certificate in certificates(loaded)] == ["q2"]
    assert [row["reason"] for row in fetch(loaded, "select reason from raw.quarantine where entity = 'erasures'")] == [
        "actor is missing"
    ]
    assert places(loaded, PERSON) != set()

    put(drop, "privacy/erasures/two.ndjson", asked | {"actor": WHO})
    import_sources(loaded, as_of=AS_OF)
    assert places(loaded, PERSON) == set()
    # An id that is used again, for somebody else, is another request.
    put(
        drop, "privacy/erasures/two_more.ndjson", {"erasure_id": "q1", "actor": "another", "requested_at": "2026-07-01"}
    )
    import_sources(loaded, as_of=AS_OF)
    done = [certificate for certificate in certificates(loaded) if certificate.request == "q1"]
    assert len({certificate.person_mark for certificate in done if certificate.completed_at}) == 2


def test_a_dry_run_says_what_would_go_and_changes_nothing(loaded: Warehouse) -> None:
    before = places(loaded, PERSON, WHO)
    assert set(plan(loaded, Request(PERSON, WHO))) == STEPS
    assert places(loaded, PERSON, WHO) == before
    assert certificates(loaded) == []


def test_somebody_who_was_never_here_gets_a_certificate_too(loaded: Warehouse) -> None:
    [certificate] = erase(loaded, [Request(pseudonym(KEY, "never"), "never")])
    assert (certificate.steps, certificate.completed_at is not None) == ((), True)
    assert "nothing of the person was found" in erasure.certificate_text(certificate)


@pytest.mark.parametrize(
    ("engine_settings", "place"),
    [
        *product(["duckdb"], ["raw.registry_events", "raw.status_maintenance", "raw.quarantine", "the end"]),
        ("postgres", "raw.quarantine"),
    ],
    indirect=["engine_settings"],
)
def test_an_erasure_that_is_killed_is_run_again_and_counts_once(
    loaded: Warehouse, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    def tell(here: str, _action: str, _rows: int) -> None:
        if here == place:
            raise Killed

    with monkeypatch.context() as patch:
        if place == "the end":
            patch.setattr(erasure, "_complete", die)
        with pytest.raises(Killed):
            erase(loaded, [Request(PERSON, WHO)], tell=tell)
    [begun] = certificates(loaded)
    assert begun.completed_at is None
    [done] = erase(loaded, [Request(PERSON, WHO)])
    assert done.certificate_id == begun.certificate_id
    assert set(done.steps) == STEPS
    assert places(loaded, PERSON, WHO) == set()


def test_what_comes_while_an_erasure_is_begun_and_not_done_stays_out(loaded: Warehouse, drop: Path) -> None:
    def tell(*_: object) -> None:
        raise Killed

    with pytest.raises(Killed):
        erase(loaded, [Request(PERSON, WHO)], tell=tell)
    put(drop, "registry/events/later.ndjson", event(9, WHO))
    import_sources(loaded, as_of=AS_OF)
    assert fetch(loaded, "select 1 from raw.registry_events where event_id = 'e9'") == []


def test_a_request_that_was_killed_at_its_end_comes_to_it(
    loaded: Warehouse, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    put(drop, "privacy/erasures/one.ndjson", {"erasure_id": "q1", "actor": WHO, "requested_at": "2026-06-30T00:00:00Z"})
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "_complete", die)
        with pytest.raises(Killed):
            import_sources(loaded, as_of=AS_OF)
    assert [one.completed_at for one in certificates(loaded)] == [None]
    import_sources(loaded, as_of=AS_OF)
    assert [one.completed_at is not None for one in certificates(loaded)] == [True]


def test_closed_rows_of_the_quarantine_and_such_as_end_within_the_pseudonym_go_too(
    loaded: Warehouse, drop: Path
) -> None:
    row = event(10, WHO, event_type="telemetry:skill_teleport", note="x")
    actor = row.pop("actor")
    # A text is kept up to its 4000th character: here the first twenty of the pseudonym.
    begun = json.dumps(row, separators=(",", ":"))[:-1] + ',"actor":"'
    put(drop, "registry/events/long.ndjson", row | {"note": "x" * (4000 - 20 - len(begun) + 1), "actor": actor})
    import_sources(loaded, as_of=AS_OF)
    assert len(fetch(loaded, f"select 1 from raw.quarantine where row_text like '%:\"{PERSON[:20]}'")) == 1
    with loaded.write(None) as writer:
        writer.execute("update raw.quarantine set resolved_at = first_seen_at, resolution = 'replayed'")
    erase(loaded, [Request(PERSON, WHO)])
    [other] = fetch(loaded, "select row_text from raw.quarantine")
    assert NEIGHBOUR in other["row_text"]


def test_what_is_made_on_the_way_to_figures_loses_the_person_and_what_usage_was_compared_with(
    loaded: Warehouse,
) -> None:
    with loaded.write(None) as writer:
        writer.execute("create schema if not exists intermediate")
        writer.execute("create table intermediate.int_usage_changes as select 't1' as team_id, 7 as uses")
        for number, person in enumerate((PERSON, NEIGHBOUR)):
            made = f"select cast('t1' as text) as team_id, cast('{person}' as text) as who"
            writer.execute(f"create table intermediate.int_made_{number} as {made}")
    erase(loaded, [Request(PERSON, WHO)])
    assert fetch(loaded, "select * from intermediate.int_usage_changes") == []
    assert places(loaded, PERSON) == set()
    assert fetch(loaded, "select who from intermediate.int_made_1") == [{"who": NEIGHBOUR}]


@pytest.mark.parametrize("engine_settings", ["duckdb"], indirect=True)
def test_a_certificate_is_complete_once_the_file_has_no_free_page_of_the_person(
    loaded: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr("warehouse.duckdb_files.rewrite_warehouse", die)
    with pytest.raises(Killed):
        erase(loaded, [Request(PERSON, WHO)])
    assert [one.completed_at for one in certificates(loaded)] == [None]


@pytest.mark.parametrize("engine_settings", ["duckdb"], indirect=True)
def test_the_windows_of_a_pull_that_is_at_work_stay(loaded: Warehouse) -> None:
    spool = loaded.settings.home / "spool"
    for name in ("registry", "status"):
        (spool / name).mkdir(parents=True)
        (spool / name / "w1.csv").write_text("event_id\n")
    with (spool / "registry.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        erase(loaded, [Request(PERSON, WHO)])
        assert sorted(path.name for path in spool.iterdir() if path.is_dir()) == ["registry"]
        assert (spool / "registry" / "w1.csv").exists()


def test_the_days_that_a_server_keeps_and_its_rollups_are_kept_in_step(postgres_settings: Settings, drop: Path) -> None:
    with open_warehouse(postgres_settings.model_copy(update={"drop": drop})) as warehouse:
        import_sources(warehouse, as_of=AS_OF)
        before = fetch(warehouse, "select day, last_loaded_at from raw.days where table_name = 'registry_events'")
        erase(warehouse, [Request(PERSON, WHO)])
        days = fetch(warehouse, "select day, row_count from raw.days where table_name = 'registry_events' order by day")
        assert [(row["day"].day, row["row_count"]) for row in days] == [(1, 1), (2, 1), (3, 1)]
        later = fetch(
            warehouse,
            "select day from raw.days where last_loaded_at > (select max(loaded_at) from raw.registry_events)",
        )
        assert sorted(row["day"].day for row in later) == [1, 2]
        assert len(before) == 3
        assert fetch(warehouse, "select cast(sum(events) as bigint) as n from rollups.usage_by_hour") == [{"n": 3}]


def test_published_snapshots_lose_the_person_the_kept_ones_too(engine_settings: Settings) -> None:
    with open_warehouse(engine_settings) as warehouse:
        initialise(warehouse)
        for number in (1, 2):
            build(warehouse, f"b{number}", mark=number)
            with warehouse.write() as writer:
                # Who is not erased stays also where another text of the row says nothing.
                writer.execute("update marts.fct_skill_days set account_id = null where actor_key = 'k2'")
            publish(warehouse, build_id=f"b{number}", as_of=AS_OF + timedelta(hours=number))
        # Of a publisher that was killed: no pointer names it.
        left = snapshots.people_file(engine_settings.published_folder, "20260101-x")
        if warehouse.engine == "duckdb":
            shutil.copy(next(engine_settings.published_folder.glob("*.people.duckdb")), left)
        [certificate] = erase(warehouse, [Request("k1")])
        table = "metrics.marts__fct_skill_days" if warehouse.engine == "postgres" else "marts.fct_skill_days"
        assert (table, "rows deleted", 1) in certificate.steps
        if warehouse.engine == "duckdb":
            folder = engine_settings.published_folder
            pointer = snapshots.read_pointer(folder)
            assert pointer is not None
            assert len(pointer.kept) == 1
            for snapshot_id in (pointer.snapshot_id, *pointer.kept):
                path = snapshots.people_file(folder, snapshot_id)
                # One row in each of its three tables.
                assert (f"published/{path.name}", "file written anew without the rows", 3) in certificate.steps
                assert b"k1" not in path.read_bytes()
                people = connect(path, engine_settings, read_only=True)
                for one in PEOPLE:
                    rows = people.execute(f"select actor_key from {one.qualified}").fetchall()
                    assert rows == [("k2",)]
                people.close()
            assert not left.exists()
            assert not list(folder.glob(".*"))
        assert "published" not in "".join(place for place in places(warehouse, '"k1"') if not place.startswith("ops."))


def test_nothing_of_a_killed_import_stays(loaded: Warehouse) -> None:
    home = loaded.settings.home
    for name in ("tmp/copy-x/0.csv", "tmp/reading.txt", "spool/registry/w1.csv"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(WHO)
    erase(loaded, [Request(PERSON, WHO)])
    assert places(loaded, WHO) == set()


def test_the_contract_decides_and_a_key_can_only_lose_its_row() -> None:
    for contract in CONTRACTS.values():
        for column in contract.columns:
            # A request that is done stays, and names nobody any more.
            is_needed = column.is_required and contract.name != "privacy/erasures"
            if column.is_person and (column.name in contract.key or is_needed):
                assert column.on_erasure == "delete_row", f"{contract.name}.{column.name}"


@pytest.fixture
def command(
    settings: Settings, drop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv("SKILLSMITH_SECRET", KEY.decode())
    monkeypatch.setenv("SKILLSMITH_HOME", str(settings.home))
    with open_warehouse(settings.model_copy(update={"drop": drop})) as warehouse:
        import_sources(warehouse, as_of=AS_OF)

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["erase", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_the_command_shows_asks_erases_and_prints_a_certificate(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = command("--actor", WHO, "--dry-run")
    assert code == 0
    assert "3  raw.registry_events: rows deleted" in out
    monkeypatch.setattr("click.confirm", lambda *_args, **_options: (_ for _ in ()).throw(KeyboardInterrupt))
    assert command("--actor", WHO)[0] == 130
    assert json.loads(command("list", "--json")[1]) == []
    paper = tmp_path / "certificate.md"
    code, out, err = command("--actor", WHO, "--yes", "--certificate", paper)
    assert code == 0, err
    text = paper.read_text()
    assert "| raw.registry_events | rows deleted | 3 |" in text
    assert "completed" in text
    assert not any(name in text + out + err for name in (WHO, PERSON))
    [listed] = json.loads(command("list", "--json")[1])
    assert command("show", listed["certificate_id"][:12])[1].strip() == text.strip()


def test_nobody_is_erased_where_the_certificate_cannot_be_written_or_the_person_cannot_be_known(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = command("--actor", WHO, "--yes", "--certificate", tmp_path / "nowhere" / "certificate.md")
    assert (code, "cannot be written; choose another place" in err) == (2, True)
    with monkeypatch.context() as other:
        other.setenv("SKILLSMITH_SECRET", "another key")
        for how in ("--dry-run", "--yes"):
            code, out, err = command("--actor", WHO, how)
            assert (code, out, "pseudonyms under another key" in err) == (2, "", True)
    with monkeypatch.context() as other:
        other.setenv("SKILLSMITH_HOME", str(tmp_path / "mistyped"))
        code, _, err = command("--actor", WHO, "--yes")
        assert (code, "there is no warehouse in" in err) == (2, True)
        assert not (tmp_path / "mistyped").exists()
    assert json.loads(command("list", "--json")[1]) == []
    assert "3  raw.registry_events: rows deleted" in command("--actor", WHO, "--dry-run")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say who"),
        (["--actor", "a", "--requested"], "say who"),
        (["--pseudonym", "abc"], "64 hexadecimal digits"),
        (["show", "nothing"], "no certificate's id begins with nothing"),
    ],
)
def test_a_wrong_call_says_so_in_one_line(
    command: Callable[..., tuple[int, str, str]], arguments: list[str], words: str
) -> None:
    code, _, err = command(*arguments)
    assert code == 2
    assert words in err
    assert len(err.splitlines()) == 1


def without(drop: Path, person: str, to: Path) -> None:
    """The same drop folder, delivered by a world in which the person never was."""
    for path in drop.rglob("*.ndjson.gz"):
        lines = []
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            if f'"{person}"' in line:
                row = json.loads(line)
                if row.get("approved_by") == person:
                    lines.append(json.dumps(row | {"approved_by": "somebody"}))
                continue
            lines.append(line)
        place = to / path.relative_to(drop)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))


def busiest(drop: Path) -> str:
    """The member of a team with the most invocations."""
    members = {
        json.loads(line)["actor"]
        for path in (drop / "registry" / "team_members").glob("*.gz")
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()
        if '"is_bot":false' in line
    }
    counts: dict[str, int] = {}
    for path in (drop / "registry" / "events").glob("*.gz"):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            if '"telemetry:skill_invoke"' in line:
                actor = json.loads(line)["actor"]
                counts[actor] = counts.get(actor, 0) + (actor in members)
    return max(counts, key=lambda actor: (counts[actor], actor))


@pytest.mark.long
def test_figures_after_an_erasure_are_those_of_a_world_without_the_person(settings: Settings, tmp_path: Path) -> None:
    """Two snapshots with the person, then the erasure, then everything delivered once more.

    That a server says the same after an erasure is a part of `test_parity`.
    """
    drop = tmp_path / "drop"
    simulate(drop, days=12, accounts=4, seed=7, events=1500, until=date(2026, 6, 30))
    (drop / "answers.json").unlink()
    person = busiest(drop)
    window = {"window_id": "w-x", "components": ["search-api"], "approved_by": person, "reason": "x"}
    window |= {"starts_at": "2026-06-22T00:00:00Z", "ends_at": "2026-06-27T00:00:00Z"}
    (drop / "status" / "maintenance" / "x.ndjson.gz").write_bytes(gzip.compress(json.dumps(window).encode() + b"\n"))
    with_person = settings.model_copy(update={"drop": drop, "home": tmp_path / "with"})
    hours = iter(range(6, 12))

    def refresh_at(one: Settings, hour: int) -> None:
        refresh(one, as_of=datetime(2026, 7, 1, hour, tzinfo=UTC), allow_older=False, progress=Silence())

    for _ in range(2):
        refresh_at(with_person, next(hours))
    hidden = pseudonym(KEY, person)
    with open_warehouse(with_person) as warehouse:
        assert {"raw.registry_events", "intermediate.int_skill_use_days"} <= places(warehouse, hidden)
        [certificate] = erase(warehouse, [Request(hidden, person)])
        assert certificate.rows > 100
        assert places(warehouse, hidden, person) == set()
    for path in list(drop.rglob("*.ndjson.gz")):
        if path.parent.parent.name != "reference":
            shutil.copy(path, path.with_name(f"again-{path.name}"))
    last = next(hours)
    refresh_at(with_person, last)
    with open_warehouse(with_person) as warehouse:
        assert places(warehouse, hidden, person) == set()
    never = tmp_path / "never-drop"
    without(drop, person, never)
    nobody = settings.model_copy(update={"drop": never, "home": tmp_path / "never"})
    refresh_at(nobody, last)
    tables = (*COMPARED, *PEOPLE)
    left, right = (published_numbers(home, tables) for home in (with_person, nobody))
    assert_same_numbers(left, right, least=5_000)
