"""Subscriptions as Stripe reports them, the registry's copy of them, and the monthly revenue they amount to.

A subscription is a list of states, one per Stripe event. Revenue is counted from these states by M1 and M2 of the
metric definitions, in exact fractions, without any warehouse.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from ingest.simulator.streams import stable_uuid, stream, token
from ingest.simulator.world import DAY_SECONDS, Account, World

# Cents a seat; a year costs ten months. Source: the roadmap's price list and the bundled price_book.
MONTHLY_SEAT_CENTS = {"individual": 999, "team": 2_500, "enterprise": 6_900}
MONTHS_PAID_A_YEAR = 10
OEM_YEAR_CENTS = 5_000_000
SLA_UPLIFT = {"standard": 0, "professional": 20, "premium": 50}
# Unpaid invoices count as revenue this long after the subscription was last active.
GRACE_SECONDS = 90 * DAY_SECONDS
_OLD_API, _NEW_API = "2024-06-20", "2025-03-31.basil"


@dataclass(frozen=True)
class State:
    """A subscription as one event shows it. Times are Unix seconds; `kind` is the event's last word."""

    at: int
    kind: str
    status: str
    tier: str
    seats: int
    unit_cents: int
    uplift_cents: int
    interval: str
    percent_off: int
    period_start: int
    period_end: int
    cancel_at_period_end: bool = False
    is_paused: bool = False
    ended_at: int | None = None


@dataclass
class Subscription:
    """One subscription and everything that happened to it, in order of time."""

    subscription_id: str
    account: Account
    app: str | None
    started_at: int
    states: list[State]


def _month_later(moment: int, months: int) -> int:
    at = datetime.fromtimestamp(moment, UTC)
    number = at.year * 12 + at.month - 1 + months
    # Stripe bills a subscription of the 31st on the last day of shorter months; the 28th spares us the case.
    return int(at.replace(year=number // 12, month=number % 12 + 1, day=min(at.day, 28)).timestamp())


def _seat_counts(world: World, account: Account) -> list[tuple[int, int]]:
    """People seated in the account as (seconds, count) steps."""
    changes: list[tuple[int, int]] = []
    for seat in world.memberships:
        if world.teams[seat.team].account == account.index and not seat.is_bot:
            changes.append((seat.joined, 1))
            if seat.left is not None:
                changes.append((seat.left, -1))
    changes.sort()
    total, steps = 0, [(-(10**10), 0)]
    for at, change in changes:
        total += change
        steps.append((at, total))
    return steps


class _Builder:
    """Writes one subscription's states forward in time."""

    def __init__(self, world: World, account: Account, number: int) -> None:
        self.world, self.account = world, account
        part = account.part
        self.random = stream(world.seed, "billing", account.index, number)
        self.steps = _seat_counts(world, account)
        self.annual = part.annual or part.tier == "oem"
        self.spare = int(self.random.integers(0, 3))
        self.end = world.unix(world.days * DAY_SECONDS)
        self.states: list[State] = []
        self.now: State | None = None

    def seats(self, moment: int) -> int:
        if self.account.part.tier in ("individual", "oem"):
            return 1
        seconds = moment - self.world.unix(0)
        at = bisect_left(self.steps, (seconds, 10**9)) - 1
        return max(self.steps[max(at, 0)][1], 3) + self.spare

    def prices(self, tier: str) -> tuple[int, int]:
        """Unit price and SLA uplift a seat and interval, in cents."""
        if tier == "oem":
            return OEM_YEAR_CENTS, 0
        unit = MONTHLY_SEAT_CENTS[tier] * (MONTHS_PAID_A_YEAR if self.annual else 1)
        return unit, unit * SLA_UPLIFT.get(self.account.part.sla or "standard", 0) // 100

    def start(self, moment: int, status: str = "active") -> None:
        part = self.account.part
        tier = "team" if part.story == "migrate" else part.tier
        unit, uplift = self.prices(tier)
        end = moment + 14 * DAY_SECONDS if status == "trialing" else _month_later(moment, 12 if self.annual else 1)
        self.put(
            State(
                moment, "created", status, tier, self.seats(moment), unit, uplift, "year" if self.annual else "month",
                part.coupon, moment, end,
            )
        )  # fmt: skip

    def put(self, state: State) -> None:
        if self.now is not None and state.at <= self.now.at:
            state = replace(state, at=self.now.at + 1)
        self.now = state
        if state.at < self.end:
            self.states.append(state)

    def change(self, moment: int, **values: Any) -> None:
        assert self.now is not None  # noqa: S101 - `start` comes first
        self.put(replace(self.now, at=moment, kind=values.pop("kind", "updated"), **values))

    def run(self, until: int, *, with_seats: bool = True) -> None:
        """Renew every period and follow the number of people, up to `until`."""
        assert self.now is not None  # noqa: S101 - `start` comes first
        check = self.now.at + int(self.random.integers(10, 20)) * DAY_SECONDS
        while True:
            renewal = self.now.period_end
            moment = min(renewal, check)
            if moment >= min(until, self.end):
                return
            if moment == check:
                check += int(self.random.integers(12, 22)) * DAY_SECONDS
                seats = self.seats(moment)
                if with_seats and seats != self.now.seats and self.now.tier != "oem":
                    self.change(moment, seats=seats)
            else:
                following = _month_later(renewal, 12 if self.annual else 1)
                self.change(renewal, period_start=renewal, period_end=following)

    def cancel(self, moment: int) -> None:
        """Cancel at the period's end, then end."""
        self.run(moment, with_seats=False)
        assert self.now is not None  # noqa: S101 - `start` comes first
        end = self.now.period_end
        self.change(moment, cancel_at_period_end=True)
        self.change(end, kind="deleted", status="canceled", ended_at=end)


def _subscription(
    world: World, account: Account, number: int, builder: _Builder, app: str | None = "skillsmith"
) -> Subscription:
    identity = f"sub_{token(world.seed, 'subscription', account.index, number, app, length=20)}"
    return Subscription(identity, account, app, builder.states[0].at, builder.states)


def build_subscriptions(world: World) -> list[Subscription]:
    """Play every account's story; subscriptions that would begin after the range are left out."""
    found = []
    for account in world.accounts:
        if account.paid_day is None:
            continue
        builder = _Builder(world, account, 0)
        second = 9 * 3600 + int(builder.random.integers(0, 30_000))

        def at(day: int, offset: int = second) -> int:
            return world.unix(day * DAY_SECONDS + offset)

        story, turn, back = account.part.story, account.turn_day, account.back_day
        if story in ("trial", "trial_lost"):
            builder.start(at(account.signup_day), "trialing")
            if story == "trial_lost":
                ends = at(account.signup_day + 14)
                builder.change(ends, kind="deleted", status="canceled", ended_at=ends)
        else:
            builder.start(at(account.paid_day), "active")
            if story in ("churn", "return"):
                builder.cancel(at(turn))
            elif story == "paused" and back is not None:
                builder.run(at(turn))
                builder.change(at(turn), is_paused=True)
                builder.run(at(back))
                builder.change(at(back), is_paused=False)
                builder.run(builder.end)
            elif story in ("unpaid", "recovered"):
                builder.run(at(turn))
                builder.change(at(turn), status="past_due")
                if story == "recovered":
                    builder.change(at(turn + 9), status="active")
                    builder.run(builder.end)
                else:
                    builder.change(at(turn + 21), status="unpaid")
            elif story == "migrate":
                builder.run(at(turn))
                unit, uplift = builder.prices("enterprise")
                builder.change(at(turn), tier="enterprise", unit_cents=unit, uplift_cents=uplift)
                builder.run(builder.end)
            else:
                builder.run(builder.end)
        if builder.states:
            found.append(_subscription(world, account, 0, builder))
        if story == "return" and back is not None and back < world.days:
            again = _Builder(world, account, 1)
            again.start(at(back + 1), "active")
            again.run(again.end)
            if again.states:
                found.append(_subscription(world, account, 1, again))
        if account.index % 8 == 0:
            # The same Stripe account also sells something else; it is not ours to count.
            foreign = _Builder(world, account, 2)
            foreign.start(at(account.paid_day + 1))
            foreign.run(foreign.end, with_seats=False)
            if foreign.states:
                found.append(_subscription(world, account, 2, foreign, app="docs-portal"))
    return found


def _object(subscription: Subscription, state: State, version: str) -> dict[str, Any]:
    def item(name: str, cents: int, metadata: dict[str, str]) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "id": f"si_{subscription.subscription_id[4:16]}_{name}",
            "object": "subscription_item",
            "quantity": state.seats,
            "price": {
                "id": f"price_{state.tier}_{state.interval}_{name}",
                "object": "price",
                "currency": "usd",
                "unit_amount": cents,
                "recurring": {"interval": state.interval, "interval_count": 1, "usage_type": "licensed"},
                "metadata": metadata,
            },
        }
        if version == _NEW_API:
            entry |= {"current_period_start": state.period_start, "current_period_end": state.period_end}
        return entry

    items = [item("seat", state.unit_cents, {"kind": "seat"} if subscription.account.index % 2 else {})]
    if state.uplift_cents:
        items.append(item("sla", state.uplift_cents, {"kind": "sla_uplift"}))
    metadata = {"account_id": subscription.account.account_id, "tier": state.tier}
    if subscription.app is not None and (subscription.app != "skillsmith" or subscription.account.index % 3):
        metadata["app"] = subscription.app
    discounts = []
    if state.percent_off:
        coupon = {
            "id": f"FRIENDS{state.percent_off}",
            "object": "coupon",
            "percent_off": state.percent_off,
            "amount_off": None,
            "duration": "forever",
        }
        holder = {"coupon": coupon} if version == _OLD_API else {"source": {"type": "coupon", "coupon": coupon}}
        discounts.append({"id": f"di_{subscription.subscription_id[4:16]}", "object": "discount", **holder})
    whole: dict[str, Any] = {
        "id": subscription.subscription_id,
        "object": "subscription",
        "status": state.status,
        "customer": _customer(subscription.account),
        "currency": "usd",
        "created": subscription.started_at,
        "start_date": subscription.started_at,
        "metadata": metadata,
        "items": {"object": "list", "data": items},
        "discounts": discounts,
        "cancel_at_period_end": state.cancel_at_period_end,
        "canceled_at": state.at if state.cancel_at_period_end or state.status == "canceled" else None,
        "ended_at": state.ended_at,
        "pause_collection": {"behavior": "void", "resumes_at": None} if state.is_paused else None,
        "trial_end": state.period_end if state.status == "trialing" else None,
    }
    if version == _OLD_API:
        whole |= {"current_period_start": state.period_start, "current_period_end": state.period_end}
    return whole


def _customer(account: Account) -> str:
    return f"cus_{account.account_id[4:]}"


def stripe_events(world: World, subscriptions: list[Subscription]) -> list[dict[str, Any]]:
    """Every event of the range and before, by time: subscriptions, check-outs and invoices, in both object shapes."""
    switch = world.unix(world.days // 2 * DAY_SECONDS)
    end = world.unix(world.days * DAY_SECONDS)
    events = []

    def add(moment: int, kind: str, whole: dict[str, Any], version: str, *names: object) -> None:
        if moment < end:
            events.append(
                {
                    "id": f"evt_{moment}{token(world.seed, kind, *names, length=14)}",
                    "object": "event",
                    "type": kind,
                    "created": moment,
                    "api_version": version,
                    "livemode": True,
                    "data": {"object": whole},
                }
            )

    for subscription in subscriptions:
        identity = subscription.subscription_id
        previous_end = None
        for number, state in enumerate(subscription.states):
            version = _OLD_API if state.at < switch else _NEW_API
            whole = _object(subscription, state, version)
            add(state.at, f"customer.subscription.{state.kind}", whole, version, identity, number)
            if state.kind == "created":
                session = {
                    "id": f"cs_{identity[4:]}",
                    "object": "checkout.session",
                    "mode": "subscription",
                    "subscription": identity,
                    "customer": _customer(subscription.account),
                    "customer_email": f"billing@{subscription.account.account_id}.example",
                    "metadata": whole["metadata"],
                    "payment_status": "paid",
                }
                add(state.at + 2, "checkout.session.completed", session, version, identity)
            if state.status == "trialing":
                add(
                    state.period_end - 3 * DAY_SECONDS, "customer.subscription.trial_will_end", whole, version, identity
                )
            is_bill = state.period_start != previous_end and state.status in ("active", "past_due")
            previous_end = state.period_start
            if is_bill or state.status == "past_due":
                invoice = _invoice(subscription, state, version, number)
                result = "payment_failed" if state.status == "past_due" else "paid"
                add(state.at + 5, "invoice.finalized", invoice | {"status": "open"}, version, identity, number)
                add(state.at + 60, f"invoice.{result}", invoice, version, identity, number)
    return sorted(events, key=lambda event: (event["created"], event["id"]))


def _invoice(subscription: Subscription, state: State, version: str, number: int) -> dict[str, Any]:
    amount = (state.unit_cents + state.uplift_cents) * state.seats * (100 - state.percent_off) // 100
    is_paid = state.status != "past_due"
    whole: dict[str, Any] = {
        "id": f"in_{subscription.subscription_id[4:]}{number:04d}",
        "object": "invoice",
        "customer": _customer(subscription.account),
        "customer_email": f"billing@{subscription.account.account_id}.example",
        "currency": "usd",
        "status": "paid" if is_paid else "open",
        "amount_due": amount,
        "amount_paid": amount if is_paid else 0,
        "subtotal": amount,
        "total": amount,
        "created": state.at,
        "period_start": state.period_start,
        "period_end": state.period_end,
        "billing_reason": "subscription_create" if state.kind == "created" else "subscription_cycle",
    }
    if version == _OLD_API:
        whole["subscription"] = subscription.subscription_id
    else:
        whole["parent"] = {
            "type": "subscription_details",
            "subscription_details": {"subscription": subscription.subscription_id, "metadata": {}},
        }
    return whole


def registry_subscriptions(world: World, subscriptions: list[Subscription]) -> list[tuple[int, dict[str, Any]]]:
    """The registry's own rows, one per change, as (Unix time, row); complimentary and free ones have no Stripe id."""
    rows = []

    def iso(moment: int) -> str:
        return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"

    for subscription in subscriptions:
        if subscription.app != "skillsmith":
            continue
        for state in subscription.states:
            row = {
                "id": stable_uuid(world.seed, "registry subscription", subscription.subscription_id),
                "account_id": subscription.account.account_id,
                "tier": state.tier,
                "status": "paused" if state.is_paused else state.status,
                "billing_period": "annual" if state.interval == "year" else "monthly",
                "seat_count": state.seats,
                "stripe_customer_id": _customer(subscription.account),
                "stripe_subscription_id": subscription.subscription_id,
                "current_period_start": iso(state.period_start),
                "current_period_end": iso(state.period_end),
                "cancel_at_period_end": state.cancel_at_period_end,
                "canceled_at": iso(state.at) if state.status == "canceled" else None,
                "updated_at": iso(state.at),
            }
            rows.append((state.at, row))
    for account in world.accounts:
        if account.paid_day is None and account.signup_day < world.days:
            at = world.unix(account.signup_day * DAY_SECONDS + 36_000)
            tier = "team" if account.part.story == "complimentary" else "community"
            row = {
                "id": stable_uuid(world.seed, "registry subscription", account.account_id),
                "account_id": account.account_id,
                "tier": tier,
                "status": "active",
                "billing_period": "monthly",
                "seat_count": account.part.people[1],
                "stripe_customer_id": None,
                "stripe_subscription_id": None,
                "current_period_start": None,
                "current_period_end": None,
                "cancel_at_period_end": False,
                "canceled_at": None,
                "updated_at": iso(at),
            }
            rows.append((at, row))
    return sorted(rows, key=lambda entry: (entry[0], entry[1]["id"]))


def monthly_amount(state: State) -> Fraction:
    """MRR of one state in cents, exact: items less the lasting coupon."""
    months = 12 if state.interval == "year" else 1
    whole = Fraction((state.unit_cents + state.uplift_cents) * state.seats, months)
    return whole * (100 - state.percent_off) / 100


def _amount_at(subscription: Subscription, end: int) -> Fraction:
    """What counts at the last instant before `end` (M1)."""
    known = [state for state in subscription.states if state.at < end]
    if not known:
        return Fraction(0)
    state = known[-1]
    if state.is_paused or state.status == "trialing":
        return Fraction(0)
    if state.kind == "deleted":
        # Only what had been revenue can end; a lost trial never was.
        is_over = state.ended_at is None or state.ended_at < end
        return Fraction(0) if is_over else monthly_amount(state)
    if state.cancel_at_period_end and state.period_end < end:
        return Fraction(0)
    if state.status in ("past_due", "unpaid"):
        since = state.at
        for earlier in reversed(known):
            if earlier.status == "active":
                break
            since = earlier.at
        if since + GRACE_SECONDS < end:
            return Fraction(0)
    return monthly_amount(state)


def month_starts(first: date, last: date) -> Iterator[date]:
    """First days of the months from `first`'s to `last`'s."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)


def _unix_day(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def revenue_truth(world: World, subscriptions: list[Subscription]) -> dict[str, Any]:
    """MRR and movements in cents per complete month, in total and per account (M1, M2)."""
    counted = [s for s in subscriptions if s.app == "skillsmith" and not s.account.is_internal]
    months: dict[str, dict[str, int]] = {}
    accounts: dict[str, dict[str, int]] = {}
    if not counted:
        return {"months": months, "accounts": accounts}
    first = date.fromtimestamp(min(s.started_at for s in counted) - DAY_SECONDS)
    earlier: set[str] = set()
    previous: dict[str, int] = {}
    after_until = world.until + timedelta(days=1)
    for month in month_starts(first, world.until):
        following = (month + timedelta(days=32)).replace(day=1)
        if following > after_until:
            break
        exact: dict[str, Fraction] = {}
        for subscription in counted:
            amount = _amount_at(subscription, _unix_day(following))
            identity = subscription.account.account_id
            exact[identity] = exact.get(identity, Fraction(0)) + amount
        # round() of a Fraction is half-even.
        now = {identity: round(amount) for identity, amount in exact.items() if amount > 0}
        line: dict[str, int] = dict.fromkeys(
            ("opening", "new", "expansion", "reactivation", "contraction", "churn", "closing"), 0
        )
        line["opening"], line["closing"] = sum(previous.values()), sum(now.values())
        for identity in now.keys() | previous.keys():
            before, after = previous.get(identity, 0), now.get(identity, 0)
            if before == 0 and after > 0:
                line["reactivation" if identity in earlier else "new"] += after
            elif after == 0:
                line["churn"] += before
            elif after > before:
                line["expansion"] += after - before
            else:
                line["contraction"] += before - after
        earlier |= now.keys()
        if earlier:
            line["accounts"] = len(now)
            months[f"{month:%Y-%m}"] = line
            accounts[f"{month:%Y-%m}"] = dict(sorted(now.items()))
        previous = now
    return {"months": months, "accounts": accounts}
