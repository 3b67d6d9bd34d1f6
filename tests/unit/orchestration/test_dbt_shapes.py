"""A profile that is none is refused where the project is parsed, and taken as it is where it was parsed before."""

import pytest
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt_common.dataclass_schema import ValidationError

from orchestration.dbt_shapes import shapes_known

GOOD = {"type": "duckdb", "path": "x.duckdb", "schema": "staging", "database": "x"}


def test_within_a_run_nothing_is_asked_of_a_shape_and_after_it_everything() -> None:
    wrong = GOOD | {"settings": 7}
    DuckDBCredentials.validate(GOOD)
    with shapes_known():
        DuckDBCredentials.validate(wrong)
    with pytest.raises(ValidationError):
        DuckDBCredentials.validate(wrong)
