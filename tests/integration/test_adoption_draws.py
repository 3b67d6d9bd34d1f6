"""The draw u(name, d) in SQL is the kernel's, on both engines."""

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from analysis.time_saved import DRAWS, uniform_draws
from warehouse import Warehouse
from warehouse.settings import DBT_PROJECT


def draw_in_sql(engine: str) -> str:
    """The dispatched macro of one engine, rendered for the columns `name` and `draw`."""
    text = Path(DBT_PROJECT / "macros" / "statistics.sql").read_text()
    environment = Environment(loader=DictLoader({"statistics": text}), autoescape=False)
    module = environment.get_template("statistics").module
    return str(getattr(module, f"{engine}__uniform_draw")("name", "draw"))


@pytest.mark.parametrize("name", ["*", "#kept", "ann/release-notes", "naïve/ü"])
def test_a_draw_in_sql_is_the_kernels_to_the_ninth_digit(warehouse: Warehouse, name: str) -> None:
    numbers = f"(select ? as name, draw from generate_series(1, {DRAWS}) as numbers (draw)) as draws"
    with warehouse.write() as writer:
        rows = writer.fetch(f"select draw, {draw_in_sql(warehouse.engine)} as u from {numbers} order by draw", [name])

    assert [row["u"] for row in rows] == pytest.approx(uniform_draws(name).tolist(), abs=1e-9)
