"""PostgreSQL: who reads while others publish sees one whole snapshot after the other, and nobody waits for anybody."""

import threading

import psycopg
import pytest

from tests.integration.published_world import AS_OF, build
from warehouse import open_warehouse
from warehouse.access import Role, Viewer, open_reader
from warehouse.publish import publish
from warehouse.settings import Settings

PUBLISHES = 50
RED = Viewer("red@acme", Role.MEMBER, frozenset({"acme"}), frozenset({"red"}))
# The mark of a build is in the rows of both tables.
BOTH = """
select activity.uses as activity, skills.uses as skills
from metrics.team_activity as activity
join metrics.team_skill_usage as skills on activity.team_id = skills.team_id
"""


@pytest.mark.long
def test_fifty_publishes_show_a_reader_whole_snapshots_only_and_never_make_it_wait(
    postgres_settings: Settings,
) -> None:
    url = postgres_settings.warehouse_url
    assert url is not None
    with psycopg.connect(url.get_secret_value(), autocommit=True) as connection:
        # Whoever has to wait for a lock of somebody else, even shortly, fails.
        connection.execute(f'alter database "{connection.info.dbname}" set lock_timeout = 20')
    done = threading.Event()
    seen: list[int] = []
    wrong: list[BaseException | list[dict[str, int]]] = []

    def read() -> None:
        with open_reader(postgres_settings) as reader:
            while not done.is_set():
                try:
                    rows = reader.query(
                        BOTH, RED, ["metrics.team_activity", "metrics.team_skill_usage"], {}
                    ).to_pylist()
                except BaseException as error:  # noqa: BLE001 - reported by the test's own thread
                    wrong.append(error)
                    return
                marks = {row[name] for row in rows for name in ("activity", "skills")}
                if len(marks) != 1:
                    wrong.append(rows)
                    return
                seen.append(marks.pop())

    with open_warehouse(postgres_settings) as warehouse:
        warehouse.initialise()
        build(warehouse, "b0", mark=100)
        publish(warehouse, build_id="b0", as_of=AS_OF)
        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        try:
            for number in range(1, PUBLISHES + 1):
                build(warehouse, f"b{number}", mark=100 + number)
                publish(warehouse, build_id=f"b{number}", as_of=AS_OF)
        finally:
            done.set()
            for reader in readers:
                reader.join()

    assert wrong == []
    assert len(set(seen)) > PUBLISHES / 2, "the readers kept up with what was published"
    assert len(seen) > PUBLISHES
