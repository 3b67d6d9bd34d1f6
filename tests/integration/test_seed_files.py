"""Which seed files a warehouse holds is known to the warehouse itself, so a restored one is brought up to date."""

import pytest

from orchestration import dbt_runner
from orchestration.dbt_runner import changed_seeds, remember_seeds
from orchestration.pipeline import install
from warehouse import Warehouse


def test_a_warehouse_that_is_put_back_has_the_seeds_of_its_own_day(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(warehouse)
    with warehouse.write() as writer:
        assert changed_seeds(writer), "none has been loaded yet"
        remember_seeds(writer)
        assert not changed_seeds(writer)
        backup = writer.fetch("select * from ops.seed_files")

        monkeypatch.setattr(dbt_runner, "_seed_hash", lambda: "of newer files")
        assert changed_seeds(writer)
        remember_seeds(writer)
        assert not changed_seeds(writer)

        writer.execute("delete from ops.seed_files")
        writer.append("ops.seed_files", backup)
        assert changed_seeds(writer), "and whatever lies beside the warehouse does not say otherwise"
