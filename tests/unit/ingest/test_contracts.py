"""The contracts hold together, and what is made from them is what is committed."""

import pytest

from ingest.contracts import CONTRACTS, META_COLUMNS, Contract
from ingest.contracts.dbt_sources import SOURCES_FILE, sources_yaml


def test_dbts_sources_file_is_what_the_contracts_make() -> None:
    assert SOURCES_FILE.read_text(encoding="utf-8") == sources_yaml(), "run python -m ingest.contracts.dbt_sources"


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda contract: contract.name)
def test_a_contracts_key_and_day_are_columns_of_its_own(contract: Contract) -> None:
    names = [column.name for column in contract.columns]

    assert len(set(names)) == len(names)
    assert not set(names) & {column.name for column in META_COLUMNS}
    assert set(contract.key) <= set(names)
    assert contract.day_column in (None, *names)
    assert set(contract.table.key) | set(contract.table.version_by) <= set(contract.table.column_names)
    assert all(column.name.endswith("_key") for column in contract.columns if column.is_person)


def test_required_is_what_the_sources_page_says() -> None:
    required = {
        name: {column.delivered_as[0] for column in contract.required} - set(contract.key)
        for name, contract in CONTRACTS.items()
    }

    assert required["registry/events"] == {"created_at", "event_type"}
    assert required["registry/team_members"] == {"actor", "is_bot"}
    assert required["registry/subscriptions"] == {"tier", "status"}
    assert required["status/checks"] == {"status"}
    assert required["billing/stripe_events"] == {"type", "created", "data"}
