"""What Stripe tells: its events, less people and payment details."""

from ingest.contracts.contract import Column, Contract

STRIPE_EVENTS = Contract(
    source="billing",
    entity="stripe_events",
    description="One row per Stripe event; `data.object` is the object as it was then.",
    key=("id",),
    shape="stripe",
    columns=(
        Column("id", "text", "Stripe's id of the event."),
        Column("type", "text", "What happened, in Stripe's words.", is_required=True),
        # 2100-01-01: a later one is milliseconds, not seconds.
        Column("created", "bigint", "When, in Unix seconds.", is_required=True, minimum=0, maximum=4_102_444_800),
        Column("api_version", "text", "Stripe's version of the object's shape."),
        Column("data", "json", "`{object: ...}`, only the keys that revenue needs.", is_required=True),
    ),
)

CONTRACTS: tuple[Contract, ...] = (STRIPE_EVENTS,)
