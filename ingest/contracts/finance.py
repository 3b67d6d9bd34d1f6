"""What finance keeps by hand."""

from ingest.contracts.contract import Column, Contract

COSTS = Contract(
    source="finance",
    entity="costs",
    description="One row per month and cost category.",
    key=("month", "category"),
    day_column="month",
    columns=(
        Column("month", "date", "First day of the month."),
        Column(
            "category",
            "text",
            "What the money was spent on.",
            allowed=("salaries", "infrastructure", "tools", "marketing", "legal"),
        ),
        Column("amount_cents", "bigint", "US cents."),
    ),
)

CONTRACTS: tuple[Contract, ...] = (COSTS,)
