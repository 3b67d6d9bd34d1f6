"""Partners who sell skills, and what was sold."""

from ingest.contracts.contract import Column, Contract

PARTNERS = Contract(
    source="partners",
    entity="partners",
    description="One row per partner.",
    key=("partner_id",),
    columns=(
        Column("partner_id", "text", "Id of the partner."),
        Column("name", "text", "Name of the company.", is_free_text=True),
        Column("tier_override", "text", "Tier agreed by hand; NULL is by the rules."),
        Column("trained_at", "timestamp", "When the partner was trained.", is_past=True),
        Column(
            "share_basis",
            "text",
            "What the share is taken of.",
            allowed=("gross", "net_of_refunds", "net_of_refunds_and_fees"),
        ),
        Column("share_rate", "double", "The partner's share, 0 to 1.", minimum=0, maximum=1),
        Column("created_at", "timestamp", "When the row was made at its source.", is_past=True),
        Column("updated_at", "timestamp", "When the row last changed at its source.", is_past=True),
    ),
)

SKILL_SALES = Contract(
    source="partners",
    entity="skill_sales",
    description="One row per sale of a partner's skill.",
    key=("sale_id",),
    day_column="sold_at",
    columns=(
        Column("sale_id", "text", "Id of the sale."),
        Column("partner_id", "text", "The partner."),
        Column("skill_id", "text", "The skill."),
        Column("sold_at", "timestamp", "When.", is_past=True),
        Column("gross_cents", "bigint", "Paid, in US cents.", minimum=0),
        Column("refunded_cents", "bigint", "Paid back, in US cents.", minimum=0),
        Column("fee_cents", "bigint", "Kept by the payment provider, in US cents.", minimum=0),
        Column("chargeback_cents", "bigint", "Taken back by the buyer's bank, in US cents.", minimum=0),
        Column("updated_at", "timestamp", "When the row last changed at its source.", is_past=True),
    ),
)

CONTRACTS: tuple[Contract, ...] = (PARTNERS, SKILL_SALES)
