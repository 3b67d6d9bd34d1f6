"""The checks of what came in, on ledgers written by hand, on both engines."""

from datetime import UTC, datetime

from expectations.frames import FrameCheck, evaluate
from expectations.raw_border import raw_checks
from orchestration.pipeline import initialise
from warehouse import Warehouse, Writer

AS_OF = datetime(2026, 7, 1, 20, tzinfo=UTC)


def at(hour: int) -> datetime:
    return datetime(2026, 7, 1, hour, tzinfo=UTC)


def load(writer: Writer, hour: int, seen: int, quarantined: int) -> None:
    row = {"load_id": f"l{hour}", "source": "registry", "entity": "events", "outcome": "loaded"}
    counts = {"rows_seen": seen, "rows_quarantined": quarantined}
    writer.append("raw.import_ledger", [row | counts | {"file_name": f"f{hour}", "started_at": at(hour)}])


def publish(writer: Writer, hour: int) -> None:
    times = {"as_of": at(hour), "started_at": at(hour), "finished_at": at(hour)}
    writer.append("ops.builds", [{"build_id": f"b{hour}", "outcome": "published"} | times])


def verdict(writer: Writer) -> tuple[str, str]:
    checks: dict[str, FrameCheck] = {check.name: check for check in raw_checks(writer, as_of=AS_OF, since=None)}
    (row,) = evaluate(checks["quarantine_share"])
    return row["status"], row["observed"]


def test_a_quarantined_share_stays_a_warning_until_a_better_load_comes(warehouse: Warehouse) -> None:
    initialise(warehouse)
    with warehouse.write() as writer:
        load(writer, 1, seen=1_000, quarantined=10)
        publish(writer, 2)
        # 10 of 100 is ten times the share so far and five times the floor of 2%; 1% so far allows 3%.
        load(writer, 3, seen=100, quarantined=10)
        warned = ("failed", "times_allowed = 3.333 (rows_quarantined 10, rows_seen 100)")
        assert verdict(writer) == warned

        publish(writer, 4)
        publish(writer, 5)
        assert verdict(writer) == warned, "nothing has come since, so nothing is better"

        # 20 of 1,100 rows so far are 1.8%, which allows 5.45%; 27 of 1,000 are about half of that.
        load(writer, 6, seen=1_000, quarantined=27)
        assert verdict(writer) == ("passed", "times_allowed = 0.495")


def test_one_or_two_bad_rows_of_a_small_load_are_no_changed_format(warehouse: Warehouse) -> None:
    initialise(warehouse)
    with warehouse.write() as writer:
        load(writer, 1, seen=49, quarantined=1)
        # 1/49 is 2.04%, over the floor; two rows of 49 are allowed: half of that.
        assert verdict(writer) == ("passed", "times_allowed = 0.5")
        publish(writer, 2)
        # 1/49 so far allows 6.12%, more than two rows of 49 do (4.08%); 4/49 are a third more than that.
        load(writer, 3, seen=49, quarantined=4)
        assert verdict(writer)[0] == "failed"
