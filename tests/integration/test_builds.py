"""Which build may be checked and published, and what a check leaves of the results that the build has written."""

from datetime import UTC, datetime

import pytest

from orchestration.builds import checkable_build, finish_build, start_build
from orchestration.pipeline import check
from warehouse import Warehouse
from warehouse.errors import SkillsmithError

AS_OF = datetime(2026, 7, 1, 6, tzinfo=UTC)


def test_a_build_is_for_checking_and_publishing_once_it_has_come_to_its_end(warehouse: Warehouse) -> None:
    with warehouse.write() as writer:
        with pytest.raises(SkillsmithError, match="nothing is built yet"):
            checkable_build(writer)
        whole = start_build(writer, AS_OF)
        finish_build(writer, whole.build_id, "published")
        assert checkable_build(writer).build_id == whole.build_id
        # What the tables hold now is of the build that was stopped, whatever was whole before it.
        stopped = start_build(writer, AS_OF)
        with pytest.raises(SkillsmithError, match=f"{stopped.build_id} did not come to its end"):
            checkable_build(writer)
        finish_build(writer, stopped.build_id, "failed")
        with pytest.raises(SkillsmithError, match=f"{stopped.build_id} did not come to its end"):
            checkable_build(writer)


def test_checking_a_build_again_leaves_what_its_own_tests_have_found(warehouse: Warehouse) -> None:
    with warehouse.write() as writer:
        build = start_build(writer, AS_OF)
        finish_build(writer, build.build_id, "built")
        found = {
            "build_id": build.build_id,
            "check_name": "grain_of_teams",
            "border": "dbt",
            "table_name": "metrics.teams",
            "column_name": "",
            "severity": "blocking",
            "status": "failed",
            "checked_at": AS_OF,
        }
        writer.append("ops.check_results", [found])
    for _ in range(2):
        assert [row["status"] for row in check(warehouse).blocking if row["border"] == "dbt"] == ["failed"]
