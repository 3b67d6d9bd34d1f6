"""What an hour is worth, delivered twice: published figures follow the newest setting, and no hour is drawn again."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from analysis.time_saved import value_cents
from ingest.simulator import simulate
from orchestration.progress import Silence
from orchestration.refresh import refresh
from tests.conftest import postgres_takes_long
from warehouse import Warehouse
from warehouse.access import OPERATOR, open_reader

LAST_DAY = date(2026, 10, 31)
ENDS = ("p10", "p50", "p90")


def _published(warehouse: Warehouse) -> list[dict[str, Any]]:
    with open_reader(warehouse.settings) as reader:
        found = reader.query("select * from metrics.team_time_saved", OPERATOR, ["metrics.team_time_saved"]).to_pylist()
    return sorted(found, key=lambda row: (row["team_id"], row["period_end"], row["period_days"]))


def _drawn(warehouse: Warehouse) -> dict[tuple[Any, ...], datetime]:
    key = ("team_id", "period_end", "period_days", "assumption_set")
    with warehouse.write() as writer:
        rows = writer.fetch(f"select {', '.join(key)}, computed_at from intermediate.int_time_saved_hours")
    return {tuple(row[name] for name in key): row["computed_at"] for row in rows}


@postgres_takes_long
def test_a_setting_is_worth_from_its_day_on_and_a_later_one_is_published_without_a_new_draw(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    drop = tmp_path / "given"
    simulate(drop, days=30, accounts=6, seed=11, events=6_000, until=LAST_DAY)
    settings = warehouse.settings.model_copy(update={"drop": drop})

    def refresh_at(hour: int) -> None:
        refresh(settings, as_of=datetime(2026, 11, 1, hour, tzinfo=UTC), allow_older=False, progress=Silence())

    refresh_at(6)
    first = _published(warehouse)
    accounts = sorted({row["account_id"] for row in first})
    assert {row["account_id"] for row in first if row["value_cents_p50"] is not None} < set(accounts)
    drawn = _drawn(warehouse)
    assert len(drawn) == len(first)

    # Everybody's from the middle of the range, at a rate of their own; those before are taken back.
    rates = {account: 4_321 + 100 * number for number, account in enumerate(accounts)}
    given = [f"{account},2026-10-17,{rate},0.37" for account, rate in rates.items()]
    (drop / "reference" / "time_value" / "later.csv").write_text(
        "\n".join(["account_id,valid_from,hourly_rate_cents,recapture_share", *given]) + "\n"
    )
    refresh_at(7)
    second = _published(warehouse)
    assert _drawn(warehouse) == drawn
    assert [row["hours_p50"] for row in second] == [row["hours_p50"] for row in first]
    told = 0
    for row in second:
        if row["period_end"] < date(2026, 10, 17):
            assert [row[f"value_cents_{end}"] for end in ENDS] == [None] * 3
            assert row["hourly_rate_cents"] is row["recapture_share"] is row["value_valid_from"] is None
        else:
            rate = rates[row["account_id"]]
            assert (row["hourly_rate_cents"], row["recapture_share"]) == (rate, 0.37)
            assert row["value_valid_from"] == date(2026, 10, 17)
            for end in ENDS:
                assert row[f"value_cents_{end}"] == value_cents(row[f"hours_{end}"], rate, 0.37)
            told += 1
    assert told > 50
    assert len(second) > told
