"""DuckDB and TimescaleDB publish the same numbers: rows in chunks and columns are rows all the same."""

import os
from pathlib import Path

import pytest

from tests.integration.parity import publish_the_same_numbers
from tests.timescale.conftest import URL_VARIABLE
from warehouse.settings import Settings, load_settings

pytestmark = [pytest.mark.timescale, pytest.mark.long]


@pytest.mark.skipif(
    URL_VARIABLE not in os.environ,
    reason="not on this platform: the npm build's server falls over in a whole build (a null function of its WASM)",
)
def test_duckdb_and_timescaledb_publish_the_same_numbers(
    settings: Settings, timescale_database: str, tmp_path: Path
) -> None:
    homes = [
        settings.model_copy(update={"home": tmp_path / "duckdb"}),
        load_settings(home=tmp_path / "timescale", secret=settings.secret, warehouse_url=timescale_database, threads=1),
    ]
    publish_the_same_numbers(homes, tmp_path)
