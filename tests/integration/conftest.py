"""The small published world on each engine, made once for all who only read it, and what dbt asks for a build."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import initialised, made_once
from tests.integration.published_world import AS_OF, build
from tests.integration.replayed_dbt import RECORDED, Recording, record
from warehouse import open_warehouse
from warehouse.access import Reader, open_reader
from warehouse.publish import publish
from warehouse.settings import Settings, load_settings


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def published_settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of each engine in turn, over the small world, published."""
    home = tmp_path_factory.mktemp("published")
    with initialised(request, load_settings(home=home, secret="a key for tests only")) as settings:
        with open_warehouse(settings) as warehouse, warehouse.held():
            build(warehouse, "b1", mark=5)
            publish(warehouse, build_id="b1", as_of=AS_OF)
        yield settings


@pytest.fixture(scope="module")
def reader(published_settings: Settings) -> Iterator[Reader]:
    """Who reads the small world on each engine in turn."""
    with open_reader(published_settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def recorded_dbt(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """What dbt asks to build the tables whose properties are tested, from nothing and upon that."""

    def make(folder: Path) -> None:
        with open_warehouse(load_settings(home=folder / "home", secret="a key for tests only")) as opened:
            (folder / "recording").write_bytes(pickle.dumps(record(opened, RECORDED)))

    return pickle.loads((made_once(tmp_path_factory, "recorded dbt", make) / "recording").read_bytes())
