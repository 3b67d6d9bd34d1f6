from datetime import UTC, datetime

from orchestration.check_rows import dbt_check_rows, public_name
from orchestration.dbt_runner import NodeResult
from orchestration.metric_texts import metric_definitions

NOW = datetime(2026, 7, 1, tzinfo=UTC)

MODEL = {
    "resource_type": "model",
    "schema": "build",
    "name": "mrr_bridge",
    "description": "One row per month.",
    "config": {
        "meta": {
            "metric": {"label": "MRR bridge", "unit": "cents", "definition": "From month\nto month.", "version": 2}
        }
    },
    "columns": {
        "new_cents": {"name": "new_cents", "description": "MRR of new accounts."},
        "silent": {"name": "silent", "description": ""},
    },
}
TEST = {
    "resource_type": "test",
    "config": {"severity": "ERROR"},
    "attached_node": "model.skillsmith.mrr_bridge",
    "column_name": "month",
    "description": "",
    "depends_on": {"nodes": ["model.skillsmith.mrr_bridge"]},
}
MANIFEST = {"nodes": {"model.skillsmith.mrr_bridge": MODEL, "test.a": TEST}, "sources": {}}


def test_a_table_and_its_described_columns_have_a_definition_each() -> None:
    rows = metric_definitions(MANIFEST, NOW).to_pylist()
    assert [(row["table_name"], row["column_name"]) for row in rows] == [
        ("mrr_bridge", ""),
        ("mrr_bridge", "new_cents"),
    ]
    assert rows[0]["definition"] == "From month to month."
    assert rows[0]["definition_version"] == "2"
    assert rows[1]["definition"] == "MRR of new accounts."
    assert rows[1]["label"] == "new cents"


def _result(status: str, failures: int | None = None) -> NodeResult:
    return NodeResult("test.a", "grain_of_x", "test", status, 0.1, failures=failures, message="broken", sql="select 1")


def _asked_for_nothing(statement: str) -> list[dict[str, object]]:
    raise AssertionError(f"asked {statement}")


def test_a_failed_test_of_severity_error_is_a_blocking_failure_that_shows_its_first_rows() -> None:
    rows = [{"what_is_broken": "month is NULL", "how_often": 3}]
    row = dbt_check_rows([_result("fail", 1)], MANIFEST, "b1", NOW, lambda _: rows)[0]
    assert (row["severity"], row["status"]) == ("blocking", "failed")
    assert row["observed"] == "1 failing rows, such as what_is_broken = month is NULL; how_often = 3"
    assert (row["table_name"], row["column_name"]) == ("metrics.mrr_bridge", "month")


def test_a_test_whose_sql_broke_is_an_error_and_not_a_failure() -> None:
    row = dbt_check_rows([_result("error")], MANIFEST, "b1", NOW, _asked_for_nothing)[0]
    assert (row["status"], row["observed"]) == ("error", "broken")


def test_a_skipped_test_says_nothing() -> None:
    assert dbt_check_rows([_result("skipped")], MANIFEST, "b1", NOW, _asked_for_nothing) == []


def test_the_build_place_is_known_by_the_name_it_is_published_under() -> None:
    assert public_name("build", "teams") == "metrics.teams"
    assert public_name("raw", "registry_events") == "raw.registry_events"
