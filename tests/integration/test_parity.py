"""DuckDB and a plain PostgreSQL publish the same numbers."""

from pathlib import Path

import pytest

from tests.integration.parity import publish_the_same_numbers
from warehouse.settings import Settings


@pytest.mark.long
def test_both_engines_publish_the_same_numbers(settings: Settings, postgres_settings: Settings, tmp_path: Path) -> None:
    homes = [
        one.model_copy(update={"home": tmp_path / engine})
        for engine, one in (("duckdb", settings), ("postgres", postgres_settings))
    ]
    publish_the_same_numbers(homes, tmp_path)
