"""Stripe as a live source: events since the cursor and, at first, what its lists tell of the time before them.

Stripe keeps events for 30 days. What is older is told by the objects alone, so the first run turns subscriptions
and invoices into the events that their own times and states imply (`backfill_...`); docs/sources/stripe.md says what
that can and cannot restore. A window is a file whose listings were read to their end, or there is no window. What
revenue makes of the rows stays in dbt; what must not be kept is taken out by `ingest.privacy` when they land.
"""

import json
import logging
import math
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal

import requests
import stripe

from ingest.contracts import Contract
from ingest.live.window import Window
from ingest.privacy import safe_message
from warehouse.errors import SourceError, TransientError, UsageError
from warehouse.settings import Settings

Row = dict[str, Any]

_DAY = 86_400
_HOUR = 3_600
# Stripe keeps 30; the day between is for the time that listing takes.
_EVENT_DAYS = 29
_KEPT_DAYS = 30
_PAGE = 100
# Held in memory, ten kilobytes each and more.
_OBJECTS_A_WINDOW = 1_000

# Stripe takes twenty names at once, and a group by its star alone.
_TYPES = (
    "checkout.session.completed",
    *(
        f"customer.subscription.{change}"
        for change in (
            *("created", "updated", "deleted", "trial_will_end", "paused", "resumed"),
            *("pending_update_applied", "pending_update_expired"),
        )
    ),
    *(f"customer.discount.{change}" for change in ("created", "updated", "deleted")),
    *(f"coupon.{change}" for change in ("created", "updated", "deleted")),
)
_LISTINGS: tuple[Row, ...] = ({"types": list(_TYPES)}, {"type": "invoice.*"})

_CREATED = "customer.subscription.created"
_UPDATED = "customer.subscription.updated"
_DELETED = "customer.subscription.deleted"

_OVERDUE = ("past_due", "unpaid")
# Beside the object's own keys, from its listing to the states made of it.
_OVERDUE_SINCE = "_overdue_since"

_MOST_AHEAD = 300
_TRIES = 6
_LONGEST_WAIT = 300.0
_TIMEOUT = (10.0, 60.0)

_INVOICE_EVENTS = {
    "draft": ("created", None),
    "open": ("finalized", "finalized_at"),
    "paid": ("paid", "paid_at"),
    "void": ("voided", "voided_at"),
    "uncollectible": ("marked_uncollectible", "marked_uncollectible_at"),
}
_STATE_KEYS = (
    *("id", "object", "created", "status", "metadata", "items", "discounts", "discount", "currency", "customer"),
    *("start_date", "trial_start", "trial_end", "current_period_start", "current_period_end", "pause_collection"),
    *("cancel_at", "cancel_at_period_end", "canceled_at", "ended_at", "plan", "quantity"),
)

_log = logging.getLogger(__name__)


class _PlaceGoneError(Exception):
    """The object that named our place in a listing has been deleted."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    """How far we are: every event before `until` is in, or the backfill as of `until` has come to the invoices.

    Of these all that were created after `before` are in; those that changed before `after` were known already. As text
    `2026-06-01T06:00:00Z` or `2026-06-01T06:00:00Z invoices before 2026-03-02T11:00:00Z after 2026-01-31T00:00:00Z`.
    """

    until: int
    step: Literal["events", "invoices"] = "events"
    before: int | None = None
    after: int | None = None

    @classmethod
    def read(cls, text: str) -> "_Cursor":
        until, *rest = text.split(" ")
        step, bounds = (rest[0], rest[1:]) if rest else ("events", [])
        try:
            if step not in ("events", "invoices"):
                raise ValueError(step)
            named = {name: _seconds(moment) for name, moment in zip(bounds[::2], bounds[1::2], strict=True)}
            return cls(_seconds(until), step, named.get("before"), named.get("after"))
        except ValueError as error:
            raise UsageError(f"{text!r} is no cursor of billing/stripe_events") from error

    def __str__(self) -> str:
        if self.step == "events":
            return _iso(self.until)
        bounds = (("before", self.before), ("after", self.after))
        named = "".join(f" {name} {_iso(moment)}" for name, moment in bounds if moment is not None)
        return f"{_iso(self.until)} {self.step}{named}"


@dataclass(frozen=True, slots=True)
class _Earliest:
    """The earliest event known of a subscription, and the object as it was before; None: there was none.

    Of a deletion, which does not say what was before, it is the object as it ended.
    """

    order: tuple[int, int, str]
    before: str | None
    is_deletion: bool
    api_version: str | None


@dataclass(slots=True)
class _Lookups:
    """Discounts and coupons that events only name: discount id by subscription, coupon ids."""

    discounts: dict[str, set[str]] = field(default_factory=dict)
    coupons: set[str] = field(default_factory=set)


class StripeSource:
    """The account behind `STRIPE_API_KEY`, read only.

    `now` is the clock; `first_wait` is the seconds before the second try of a failed request, doubled at each more.
    Raises UsageError where no key is set. `windows` raises SourceError where Stripe refuses key, right or request, and
    TransientError where it cannot be reached, is busy beyond patience or answers nonsense.
    """

    name = "billing"
    starts_once = True
    entities: tuple[str, ...] = ("billing/stripe_events",)

    def __init__(
        self, settings: Settings, *, now: Callable[[], datetime] | None = None, first_wait: float = 0.5
    ) -> None:
        if settings.stripe_api_key is None:
            raise UsageError("set STRIPE_API_KEY: without a key Stripe tells nothing")
        self._key = settings.stripe_api_key.get_secret_value()
        self._overlap = settings.stripe_overlap_minutes * 60
        self._now = now or (lambda: datetime.now(UTC))
        self._first_wait = first_wait
        self._windows = 0
        stripe.enable_telemetry = False
        # At its debug level the library writes whole answers, and with them persons, into the log.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        session = requests.Session()
        # The API never redirects; whoever does is not it, and gets no key.
        session.max_redirects = 0
        self._http = stripe.RequestsClient(timeout=_TIMEOUT, session=session)
        # Tries are counted here: the library repeats neither a 429, nor an answer that breaks off.
        self._client = stripe.StripeClient(
            self._key,
            base_addresses={"api": settings.stripe_url.rstrip("/")},
            max_network_retries=0,
            http_client=self._http,
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def windows(self, contract: Contract, cursor: str | None, spool: Path) -> Iterator[Window]:
        """Windows of rows since the cursor, each a day of events at most; without a cursor the backfill comes first."""
        now = int(self._now().timestamp())
        place = _Cursor.read(cursor) if cursor else None
        missed_since = None
        if place and now - place.until > _KEPT_DAYS * _DAY:
            _log.warning(
                "Stripe was last read at %s, and keeps events for %d days: what changed between is taken from the "
                "objects as they are",
                _iso(place.until),
                _KEPT_DAYS,
            )
            place, missed_since = None, place.until
        hand = _Hand(contract, spool, cursor, self._next_id)
        if place is None:
            place = _Cursor(now, "invoices", after=missed_since)
            yield from self._subscriptions(hand, place)
        if place.step == "invoices":
            yield from self._invoices(hand, place)
        since = place.until - self._overlap
        if since > now:
            _log.warning(
                "Stripe was last read until %s by a clock that ran ahead: all events that it has are read again",
                _iso(place.until),
            )
            since = now - _EVENT_DAYS * _DAY
            yield from self._events(hand, since, now)
            return
        yield from self._events(hand, since, max(now, place.until))

    def backfill(self, contract: Contract, since: datetime, until: datetime, spool: Path) -> Iterator[Window]:
        """The events of [since, until) again, without cursors; raises UsageError beyond what Stripe keeps."""
        oldest = int(self._now().timestamp()) - _KEPT_DAYS * _DAY
        start, end = (int(_aware(moment).timestamp()) for moment in (since, until))
        if start < oldest:
            raise UsageError(
                f"Stripe keeps events for {_KEPT_DAYS} days: go back to {_iso(oldest)} at most, or deliver older ones "
                "as billing/stripe_events files"
            )
        hand = _Hand(contract, spool, None, self._next_id)
        for day, next_day in _days(start, end):
            yield from hand.write(self._event_rows(day, next_day, None))

    def _next_id(self) -> str:
        """Later windows sort behind earlier ones: of two rows with one key the later name wins."""
        self._windows += 1
        return f"{self._now().astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{self._windows:05d}-{uuid.uuid4().hex[:8]}"

    # --- events -------------------------------------------------------------------------------------------

    def _events(self, hand: "_Hand", start: int, end: int) -> Iterator[Window]:
        for since, until in _days(start, end):
            rows = self._event_rows(since, until, None)
            yield from hand.write(rows, str(_Cursor(until)), is_kept_empty=until == end)

    def _event_rows(self, since: int, until: int, earliest: dict[str, _Earliest] | None) -> Iterator[Row]:
        """Every event of [since, until), and what is looked up because an event only names it."""
        lookups = _Lookups()
        for listing in _LISTINGS:
            for event in self._listed("/v1/events", {**listing, "created": {"gte": since, "lt": until}}):
                _note_names(event, lookups)
                if earliest is not None:
                    _note_earliest(event, earliest)
                # These tell of deliveries, not of the event, and change with every look.
                yield {key: value for key, value in event.items() if key not in ("pending_webhooks", "request")}
        yield from self._looked_up(lookups)

    def _looked_up(self, lookups: _Lookups) -> Iterator[Row]:
        """Discounts and coupons that came as bare ids, as events of their own; one that is gone stays unknown."""
        for subscription, names in sorted(lookups.discounts.items()):
            whole = self._found(f"/v1/subscriptions/{subscription}", {"expand": ["discounts.source.coupon"]})
            for discount in (whole or {}).get("discounts") or []:
                if isinstance(discount, dict) and discount.get("id") in names:
                    yield _told(discount["id"], "customer.discount.created", discount.get("start"), discount)
        for name in sorted(lookups.coupons):
            coupon = self._found(f"/v1/coupons/{name}", {})
            if coupon and not coupon.get("deleted"):
                yield _told(name, "coupon.created", coupon.get("created"), coupon)

    # --- what was before the events -----------------------------------------------------------------------

    def _subscriptions(self, hand: "_Hand", place: _Cursor) -> Iterator[Window]:
        """Events as far back as Stripe has them, then each subscription's states before its earliest event.

        The objects are listed first: a change while listing is then an event that tells the state before it.
        """
        listing = hand.spool / f"{self._next_id()}.listing"
        try:
            _write(listing, self._listed_subscriptions(place.until))
            earliest: dict[str, _Earliest] = {}
            start = place.until - _EVENT_DAYS * _DAY
            for since, until in _days(start, int(self._now().timestamp())):
                yield from hand.write(self._event_rows(since, until, earliest))
            yield from hand.write(
                (row for whole in _read(listing) for row in _states_before(whole, earliest, place)), str(place)
            )
        finally:
            listing.unlink(missing_ok=True)

    def _listed_subscriptions(self, until: int) -> Iterator[Row]:
        # Without a status the canceled ones are left out, and with them all churn.
        params = {"status": "all", "created": {"lt": until}, "expand": ["data.discounts.source.coupon"]}
        for whole in self._listed("/v1/subscriptions", params):
            if (whole.get("items") or {}).get("has_more"):
                items = list(self._listed("/v1/subscription_items", {"subscription": whole["id"]}))
                whole["items"] = whole["items"] | {"data": items, "has_more": False}
            if whole.get("status") in _OVERDUE:
                whole[_OVERDUE_SINCE] = self._overdue_since(whole["id"])
            yield whole

    def _overdue_since(self, subscription: str) -> int | None:
        """When the first invoice was made out that nobody has paid since; None where there is none."""
        since = None
        for invoice in self._listed("/v1/invoices", {"subscription": subscription}):
            if invoice.get("status") == "paid":
                break
            if invoice.get("status") in ("open", "uncollectible"):
                since = (invoice.get("status_transitions") or {}).get("finalized_at") or invoice["created"]
        return since

    def _invoices(self, hand: "_Hand", place: _Cursor) -> Iterator[Window]:
        """The last change of every invoice whose events Stripe no longer has, in windows that can be resumed."""
        start = place.until - _EVENT_DAYS * _DAY
        # An event comes seconds after the change that it tells of: only there can both sides have it.
        edge = {"type": "invoice.*", "created": {"gte": start, "lt": start + _HOUR}}
        told = {(event.get("type"), _object(event).get("id")) for event in self._listed("/v1/events", edge)}
        created: Row = {"lt": place.until} if place.before is None else {"lte": place.before}
        reached = place.before

        def rows(invoices: Iterable[Row]) -> Iterator[Row]:
            nonlocal reached
            for invoice in invoices:
                reached = invoice.get("created", reached)
                row = _invoice_event(invoice, place.until)
                is_new = place.after is None or row["created"] >= place.after
                if is_new and row["created"] < start and (row["type"], invoice["id"]) not in told:
                    yield row

        listed = self._listed("/v1/invoices", {"created": created})
        for chunk in _chunks(listed, _OBJECTS_A_WINDOW):
            yield from hand.write(rows(chunk), lambda: str(replace(place, before=reached)))
        yield from hand.write((), str(_Cursor(place.until)), is_kept_empty=True)

    # --- asking -------------------------------------------------------------------------------------------

    def _listed(self, path: str, params: Row) -> Iterator[Row]:
        """Every object of a listing, newest first, to its end."""
        after: str | None = None
        last_created: int | None = None
        passed: set[str] = set()
        while True:
            try:
                page = self._ask(path, {**params, "limit": _PAGE} | ({"starting_after": after} if after else {}))
            except _PlaceGoneError:
                if last_created is None:
                    raise TransientError(f"{path}: what marked our place is gone; will be tried again") from None
                # From its second on again: a row twice is one row.
                params = {**params, "created": _not_after(params.get("created"), last_created)}
                after, last_created = None, None
                passed.clear()
                continue
            yield from page["data"]
            if not page["has_more"]:
                return
            last = page["data"][-1]
            after, last_created = str(last["id"]), last.get("created")
            if after in passed:
                raise TransientError(f"Stripe gives the same page of {path} again and again; will be tried again")
            passed.add(after)

    def _found(self, path: str, params: Row) -> Row | None:
        """One object, or None where it is gone."""
        try:
            return self._ask(path, params)
        except _PlaceGoneError:
            return None

    def _ask(self, path: str, params: Row) -> Row:
        """One answer, asked for until it is whole; waits as long as Stripe says, within reason."""
        wait, reason = self._first_wait, ""
        for left in range(_TRIES - 1, -1, -1):
            try:
                response = self._client.raw_request("get", path, **params)
                self._require_clock(dict(response.headers or {}))
                answer = response.data
                reason, asked = _why_no_answer(answer, is_list="limit" in params), None
                if not reason and isinstance(answer, dict):
                    return answer
            except stripe.StripeError as error:
                reason, asked = self._why_failed(error, path, params), _retry_after(error)
            if not left:
                break
            pause = wait if asked is None else max(asked, 0.0)
            if pause > _LONGEST_WAIT:
                raise TransientError(f"Stripe asks to wait {pause:.0f} s for {path}; will be tried again later")
            time.sleep(pause)
            wait *= 2
        raise TransientError(f"{path}: {reason}, {_TRIES} times; nothing of this window was kept, try again")

    def _require_clock(self, headers: Row) -> None:
        """Raise SourceError where our clock runs ahead of Stripe's: what is made meanwhile would never be asked for."""
        try:
            theirs = _aware(parsedate_to_datetime(_header(headers, "date")))
            # What a cache gives is as old as it says.
            theirs += timedelta(seconds=float(_header(headers, "age") or 0))
        except (ValueError, TypeError, OverflowError):
            return
        ahead = (self._now() - theirs).total_seconds()
        if ahead > min(_MOST_AHEAD, self._overlap):
            raise SourceError(f"this machine's clock is {ahead / 60:.0f} minutes ahead of Stripe's; set it right")

    def _why_failed(self, error: stripe.StripeError, path: str, params: Row) -> str:
        """Why another try may help; raises where none will, without what may hold the key."""
        status = error.http_status
        if isinstance(error.__cause__, requests.TooManyRedirects):
            raise SourceError(f"{path} is answered with a redirect; check SKILLSMITH_STRIPE_URL") from None
        if isinstance(error.__cause__, requests.exceptions.SSLError):
            raise SourceError(f"{path}: the certificate is not Stripe's; check SKILLSMITH_STRIPE_URL") from None
        if isinstance(error, stripe.APIConnectionError) or status is None:
            return "Stripe could not be reached, or broke off"
        if isinstance(error, stripe.RateLimitError):
            return "Stripe is asked too often (429)"
        if status < 300 or status in (408, 409) or status >= 500:
            return f"Stripe answered {status}" if status >= 300 else "Stripe's answer is no JSON"
        is_place = isinstance(error, stripe.InvalidRequestError) and error.param == "starting_after"
        if is_place or (status == 404 and "limit" not in params):
            raise _PlaceGoneError from None
        if status == 401:
            raise SourceError("Stripe refuses the key (401); check STRIPE_API_KEY") from None
        if status == 403:
            raise SourceError(f"the key may not read {path} (403); give it that right in Stripe's dashboard") from None
        said = safe_message(str(error.user_message or "").replace(self._key, "[key]"))
        raise SourceError(f"Stripe answered {status} for {path}: {said}") from None


class _Hand:
    """Writes windows one after the other: each begins at the cursor that the one before it left."""

    def __init__(self, contract: Contract, spool: Path, cursor: str | None, next_id: Callable[[], str]) -> None:
        self.contract = contract
        self.spool = spool
        self._cursor = cursor
        self._next_id = next_id

    def write(
        self, rows: Iterable[Row], cursor: str | Callable[[], str] | None = None, *, is_kept_empty: bool = False
    ) -> Iterator[Window]:
        """One window, whole on disk, or none where there is no row; `is_kept_empty` moves the cursor all the same.

        A cursor that only the rows tell is asked for after them.
        """
        identity = self._next_id()
        path = self.spool / f"{identity}.ndjson"
        _write(path, rows)
        if not path.stat().st_size and not is_kept_empty:
            path.unlink()
            return
        after = cursor() if callable(cursor) else cursor
        before, self._cursor = self._cursor, after or self._cursor
        yield Window(self.contract, path, f"live/{self.contract.name}/{identity}", before, after)


def _write(path: Path, rows: Iterable[Row]) -> None:
    """Rows as lines, readable by us alone: what must not be stored has not been taken out yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(path, "x", encoding="utf-8", opener=_private) as file:
            for row in rows:
                file.write(json.dumps(row, separators=(",", ":")) + "\n")
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _chunks(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _days(start: int, end: int) -> Iterator[tuple[int, int]]:
    """[start, end) in pieces of a day at most; one piece where it is empty."""
    since = start
    while True:
        until = min(since + _DAY, end)
        yield since, until
        if until >= end:
            return
        since = until


def _not_after(created: Row | None, last: int) -> Row:
    return {key: value for key, value in (created or {}).items() if key not in ("lt", "lte")} | {"lte": last}


def _why_no_answer(answer: object, *, is_list: bool) -> str:
    """What is wrong with an answer; empty where nothing is."""
    if not isinstance(answer, dict):
        return "Stripe's answer is no object"
    if not is_list:
        return ""
    if not isinstance(answer.get("data"), list) or not isinstance(answer.get("has_more"), bool):
        return "Stripe's answer is no page of a list"
    if any(not isinstance(whole, dict) or not whole.get("id") for whole in answer["data"]):
        return "Stripe's page holds what has no id"
    if answer["has_more"] and not answer["data"]:
        return "Stripe's page is empty and yet not the last"
    return ""


def _header(headers: Row, name: str) -> str:
    """A header of an answer, however its name is spelled there; empty where it has none."""
    return next((str(value) for each, value in headers.items() if each.lower() == name), "")


def _retry_after(error: stripe.StripeError) -> float | None:
    """Seconds that Stripe asks us to wait, from a number or a date; None where it does not say."""
    said = _header(dict(error.headers or {}), "retry-after")
    try:
        asked = float(said)
        return asked if math.isfinite(asked) else None
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


# --- from objects to events -------------------------------------------------------------------------------


def _object(event: Row) -> Row:
    whole = (event.get("data") or {}).get("object")
    return whole if isinstance(whole, dict) else {}


def _note_names(event: Row, lookups: _Lookups) -> None:
    """Remember which discounts and coupons a subscription's event names without saying what they are."""
    whole = _object(event)
    if whole.get("object") != "subscription":
        return
    discounts = whole.get("discounts")
    for discount in [*(discounts if isinstance(discounts, list) else []), whole.get("discount")]:
        if isinstance(discount, str) and whole.get("id"):
            lookups.discounts.setdefault(whole["id"], set()).add(discount)
        elif isinstance(discount, dict):
            coupon = discount.get("coupon") or (discount.get("source") or {}).get("coupon")
            if isinstance(coupon, str):
                lookups.coupons.add(coupon)
            elif coupon is None and discount.get("id") and whole.get("id"):
                lookups.discounts.setdefault(whole["id"], set()).add(discount["id"])


def _note_earliest(event: Row, earliest: dict[str, _Earliest]) -> None:
    """Keep of each subscription the earliest event and, where that tells it, the state before."""
    whole = _object(event)
    name = whole.get("id")
    if not name or whole.get("object") != "subscription":
        return
    previous = (event.get("data") or {}).get("previous_attributes") or {}
    is_first = event["type"] == _CREATED
    # Of one second's events the creation comes first, and then the one that says what it changed.
    order = (event["created"], 0 if is_first else 1 if previous else 2, event["id"])
    if name in earliest and earliest[name].order < order:
        return
    before = None
    if not is_first:
        was = _overlaid(whole, previous)
        before = json.dumps({key: was[key] for key in _STATE_KEYS if key in was})
    is_deletion = event["type"] == _DELETED
    earliest[name] = _Earliest(order, before, is_deletion, event.get("api_version"))


def _overlaid(whole: Row, previous: Row) -> Row:
    """An object as it was: `previous` has the old values of what changed, lists whole."""
    was = dict(whole)
    for key, value in previous.items():
        inner = was.get(key)
        was[key] = _overlaid(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return was


def _states_before(whole: Row, earliest: dict[str, _Earliest], place: _Cursor) -> Iterator[Row]:
    """The events that a subscription's own times imply, as far as its real ones do not tell.

    Where events were missed since `place.after`, what was before is known, and the state of the time between counts
    from that moment on.
    """
    if whole.get("deleted"):
        yield _told(whole["id"], _DELETED, place.until, whole, "deleted")
        return
    overdue_since = whole.pop(_OVERDUE_SINCE, None)
    known = earliest.get(whole["id"])
    version: str | None = stripe.api_version
    if known:
        if known.before is None:
            return
        version = known.api_version
        whole = {key: value for key, value in whole.items() if key not in _STATE_KEYS} | json.loads(known.before)
    states = _states(whole, overdue_since)
    if known:
        is_told = known.is_deletion
        states = [state for state in states if state[0] < known.order[0] and not (is_told and state[1] == _DELETED)]
    if place.after is not None:
        since = place.after
        in_force = [state for state in states if state[0] <= since]
        states = [state for state in states if state[0] > since]
        if in_force and in_force[-1][1] != _DELETED:
            states.insert(0, (since, _UPDATED, in_force[-1][2]))
    for moment, kind, state in states:
        label = "created" if kind == _CREATED else f"{state.get('status')}_{moment}"
        yield _told(whole["id"], kind, moment, state, label, version)


def _states(whole: Row, overdue_since: int | None) -> list[tuple[int, str, Row]]:
    """Time, event type and object of each state that a subscription's own times tell of, in their order."""
    created, status = whole["created"], whole.get("status")
    if status in (None, "incomplete", "incomplete_expired"):
        return [(created, _CREATED, whole)]
    untouched: Row = dict.fromkeys(("cancel_at", "canceled_at", "ended_at", "pause_collection"))
    plain = whole | untouched | {"cancel_at_period_end": False}
    trial_start, trial_end = whole.get("trial_start"), whole.get("trial_end")
    # A trial begins with its subscription or is added later, and a second or two is no difference.
    begins_with_trial = trial_start is not None and trial_start <= created + 60
    steps = [(created, plain | {"status": "trialing" if begins_with_trial else "active"})]
    if trial_start is not None and not begins_with_trial:
        steps.append((trial_start, plain | {"status": "trialing"}))
    if trial_end is not None and trial_start is not None and status != "trialing":
        steps.append((trial_end, plain | {"status": "active"}))
    since = _present_since(whole, steps[-1][0], overdue_since)
    steps = [step for step in steps if step[0] < since]
    last = _DELETED if status == "canceled" else _UPDATED if steps else _CREATED
    kinds = [_CREATED, *[_UPDATED] * len(steps)]
    return [(moment, kind, state) for (moment, state), kind in zip(steps, kinds, strict=False)] + [(since, last, whole)]


def _present_since(whole: Row, latest: int, overdue_since: int | None) -> int:
    """Since when a subscription is as it is; `latest` is the last change that its trial tells of."""
    status = whole.get("status")
    if status == "canceled":
        return whole.get("ended_at") or whole.get("canceled_at") or latest
    # Nothing says when collection was paused; the running period is what can be known of it.
    items = (whole.get("items") or {}).get("data") or []
    starts = [whole.get("current_period_start"), *(item.get("current_period_start") for item in items)]
    period_start = max((start for start in starts if start is not None), default=latest)
    since = latest
    if status in _OVERDUE:
        since = max(since, overdue_since or period_start)
    if whole.get("pause_collection"):
        since = max(since, period_start)
    if whole.get("cancel_at_period_end"):
        since = max(since, whole.get("canceled_at") or since)
    return since


def _invoice_event(invoice: Row, until: int) -> Row:
    """The last event that an invoice's state implies."""
    if invoice.get("deleted"):
        return _told(invoice["id"], "invoice.deleted", until, invoice, "deleted")
    status = invoice.get("status") or "draft"
    kind, key = _INVOICE_EVENTS.get(status, ("updated", None))
    moment = (invoice.get("status_transitions") or {}).get(key) if key else None
    return _told(invoice["id"], f"invoice.{kind}", moment or invoice["created"], invoice, status)


def _told(
    name: str, kind: str, moment: int | None, whole: Row, label: str = "", version: str | None = stripe.api_version
) -> Row:
    """An event that Stripe did not send, under a name that is the same at every run."""
    return {
        "id": f"backfill_{name}" + (f"_{label}" if label else ""),
        "object": "event",
        "type": kind,
        "created": moment if moment is not None else whole.get("created", 0),
        "api_version": version,
        "data": {"object": whole},
    }


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _seconds(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
