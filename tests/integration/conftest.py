"""The small published world on each engine, made once for all who only read it."""

from collections.abc import Iterator

import pytest

from tests.conftest import initialised
from tests.integration.published_world import AS_OF, build
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
