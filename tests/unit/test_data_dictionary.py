"""The generated data dictionary."""

import importlib.util
from pathlib import Path

PROJECT = Path(__file__).parents[2]
GENERATOR = PROJECT / "docs" / "generate_dictionary.py"


def _generator():
    spec = importlib.util.spec_from_file_location("generate_dictionary", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_dictionary_is_what_contracts_and_yaml_say():
    generator = _generator()
    assert generator.DICTIONARY.read_text(encoding="utf-8") == generator.dictionary(), "run `make docs`"


def test_every_published_column_of_a_metrics_table_says_what_it_holds():
    described = _generator()._described()
    silent = [
        f"{table}.{column['name']}"
        for table in ("team_activity", "mrr_by_account", "availability_daily", "slo_status", "table_health")
        for column in described[table]["columns"]
        if not column.get("description")
    ]
    assert silent == []
