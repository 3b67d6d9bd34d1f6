"""What dbt reads is held against its shape, but for a run over a project that was parsed."""

import pytest
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt_common.dataclass_schema import ValidationError

from orchestration.dbt_shapes import shapes_known

PROFILE = {"type": "duckdb", "path": "x.duckdb", "schema": "staging", "database": "x"}


def test_within_a_run_nothing_is_asked_of_a_shape_and_after_it_everything() -> None:
    wrong = PROFILE | {"settings": 7}
    DuckDBCredentials.validate(PROFILE)
    with shapes_known():
        DuckDBCredentials.validate(wrong)
    with pytest.raises(ValidationError):
        DuckDBCredentials.validate(wrong)
