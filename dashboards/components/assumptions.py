"""What hours saved are drawn from, as pages name it and as the kernel takes it: uses by assumption, and two shares."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from analysis.time_saved import OUTPUT
from dashboards.components import formats

FACTORS = {"kept": "Share of the results kept", "incremental": "Share that is incremental"}
ENDS = {"low": "Low", "mode": "Most likely", "high": "High"}
_USES = pa.schema(
    [
        *(OUTPUT.field(name) for name in ("account_id", "team_id", "period_end", "period_days", "assumption_set")),
        ("assumption_name", pa.string()),
        *((end, pa.float64()) for end in ENDS),
        ("grade", pa.string()),
        ("successes", pa.int64()),
    ]
)
_SHARES = pa.schema([("assumption_set", pa.string()), ("factor", pa.string()), *((end, pa.float64()) for end in ENDS)])


def called(assumption: str) -> str:
    """What a page calls an assumption, or a share (`#kept`)."""
    if assumption.startswith("#"):
        return FACTORS[assumption.removeprefix("#")]
    return "Every other skill" if assumption == "*" else assumption


def minutes(value: Any) -> str:
    """Minutes that are assumed of a use; `Hidden` where they stand in a row that is."""
    return formats.HIDDEN if formats.is_missing(value) else formats.exact(value)


def as_tables(uses: Sequence[Mapping[str, Any]], shares: Sequence[Mapping[str, Any]]) -> tuple[pa.Table, pa.Table]:
    """The published rows as the kernel takes them."""
    return pa.Table.from_pylist([dict(row) for row in uses], _USES), pa.Table.from_pylist(
        [dict(row) for row in shares], _SHARES
    )
