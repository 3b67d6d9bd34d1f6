"""Stripe subscription events as Stripe writes them, only as much of them as a case needs."""

from datetime import UTC, datetime
from typing import Any

Event = dict[str, Any]


def seconds(moment: str) -> int:
    """Unix seconds of a UTC time such as `2026-02-01` or `2026-02-01 12:00:00`."""
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())


def item(cents: int | None, quantity: int = 1, interval: str = "month", *, count: int = 1, **more: Any) -> Event:
    """One subscription item; `kind` goes to the price's metadata, `usage_type` to its recurring part."""
    recurring = {"interval": interval, "interval_count": count, "usage_type": more.pop("usage_type", "licensed")}
    price = {"id": "price", "unit_amount": cents, "recurring": recurring, "metadata": {}}
    if kind := more.pop("kind", None):
        price["metadata"] = {"kind": kind}
    return {"id": "si", "object": "subscription_item", "quantity": quantity, "price": price, **more}


class Billing:
    """Collects events; each account has one subscription unless it is given another."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, account: str, moment: str, *items: Event, status: str = "active", **more: Any) -> str:
        """One event; its id. `kind` is updated unless given; other keywords are keys of the subscription."""
        metadata = {"account_id": account, "tier": more.pop("tier", "team")}
        if app := more.pop("app", None):
            metadata["app"] = app
        event_id = f"evt_{len(self.events):03d}"
        self.events.append(
            {
                "id": event_id,
                "object": "event",
                "type": f"customer.subscription.{more.pop('kind', 'updated')}",
                "created": seconds(moment),
                "api_version": "2025-03-31.basil",
                "data": {
                    "object": {
                        "id": more.pop("subscription", f"sub_{account}"),
                        "object": "subscription",
                        "status": status,
                        "metadata": metadata,
                        "items": {"object": "list", "data": list(items)},
                        **more,
                    }
                },
            }
        )
        return event_id
