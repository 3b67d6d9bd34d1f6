"""A Stripe account behind a real socket: lists as Stripe pages them, and misbehaves where a test asks for it.

Objects are Stripe's own examples (data/stripe_object_shapes.json.gz) with only what a case needs changed.
"""

import copy
import gzip
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.integration.billing_world import seconds

Row = dict[str, Any]

SHAPES: Row = json.loads(
    gzip.decompress((Path(__file__).parent / "data" / "stripe_object_shapes.json.gz").read_bytes())
)["resources"]
KEY = "sk_test_51" + "Qk8vN2aXz7" * 3
EVENT_VERSION = "2025-03-31.basil"
KEPT_DAYS = 30


def shape(name: str, **changes: Any) -> Row:
    return copy.deepcopy(SHAPES[name]) | changes


def price_item(cents: int, quantity: int = 1, interval: str = "month") -> Row:
    """The example's subscription item at a price of its own; its `plan` says the same, as Stripe's does."""
    item = copy.deepcopy(SHAPES["subscription"]["items"]["data"][0])
    item["quantity"] = quantity
    item["price"] |= {
        "unit_amount": cents,
        "unit_amount_decimal": str(cents),
        "recurring": {"interval": interval, "interval_count": 1, "usage_type": "licensed", "meter": None},
    }
    item["plan"] |= {"amount": cents, "interval": interval, "interval_count": 1, "metadata": {}}
    return item


def subscription(
    account: str,
    created: str,
    *items: Row,
    is_old_shape: bool = False,
    period: tuple[str, str] = ("2026-06-05", "2026-07-05"),
    **changes: Any,
) -> Row:
    """An active subscription of an account, its period on the items or, in the old shape, on itself."""
    start, end = map(seconds, period)
    bounds = {"current_period_start": start, "current_period_end": end}
    data = [copy.deepcopy(item) for item in items]
    for item in data:
        for key in bounds:
            item.pop(key, None)
        item |= {} if is_old_shape else bounds
    quiet = dict.fromkeys(("cancel_at", "canceled_at", "ended_at", "trial_start", "trial_end", "pause_collection"))
    whole = shape("subscription", **quiet, status="active", cancel_at_period_end=False)
    whole |= {
        "id": f"sub_{account}",
        "created": seconds(created),
        "start_date": seconds(created),
        "customer": f"cus_{account}",
        "metadata": {"account_id": account, "tier": "team"},
        "items": {"object": "list", "has_more": False, "data": data, "url": "/v1/subscription_items"},
        **(bounds if is_old_shape else {}),
    }
    return whole | changes


def invoice(name: str, created: str, status: str = "paid", *, is_old_shape: bool = False, **changes: Any) -> Row:
    """An invoice of a subscription, which it names at its top or, newer, under `parent`."""
    moment = seconds(created)
    key = {"open": "finalized_at", "paid": "paid_at", "void": "voided_at"}.get(status)
    whole = shape("invoice", id=f"in_{name}", created=moment, status=status)
    whole["status_transitions"] = dict.fromkeys(whole["status_transitions"]) | ({key: moment + 60} if key else {})
    if is_old_shape:
        whole |= {"subscription": f"sub_{name}", "parent": None}
    else:
        whole.pop("subscription")
        details = {"subscription": f"sub_{name}", "metadata": {}}
        whole["parent"] = {"type": "subscription_details", "subscription_details": details}
    return whole | {"customer_email": f"billing@{name}.example"} | changes


def event(name: str, kind: str, created: str, whole: Row, previous: Row | None = None, **changes: Any) -> Row:
    data: Row = {"object": copy.deepcopy(whole)}
    # An event names its discounts by id alone.
    if discounts := whole.get("discounts"):
        data["object"]["discounts"] = [one["id"] if isinstance(one, dict) else one for one in discounts]
    if previous:
        data["previous_attributes"] = previous
    told = shape("event", id=f"evt_{name}", type=kind, created=seconds(created), data=data, api_version=EVENT_VERSION)
    return told | changes


def discount(name: str, **coupon: Any) -> Row:
    whole = shape("coupon", id=f"coupon_{name}", created=seconds("2026-01-01"), **coupon)
    return shape(
        "discount",
        id=f"di_{name}",
        start=seconds("2026-01-01"),
        end=None,
        source={"type": "coupon", "coupon": whole},
    )


Fault = Callable[["_Handler"], None]


class StripeServer:
    """What the account holds, what it was asked, and what goes wrong.

    `page` objects fill a page whatever is asked for. `faults` are (pattern of the path with its query, fault): each
    spoils the next request that matches, once. `hooks` are (pattern, function): called once before the request that
    matches is answered.
    """

    def __init__(self, now: str, page: int = 3) -> None:
        self.now = seconds(now)
        self.page = page
        self.events: list[Row] = []
        self.subscriptions: list[Row] = []
        self.invoices: list[Row] = []
        self.lists: dict[str, list[Row]] = {
            "/v1/events": self.events,
            "/v1/subscriptions": self.subscriptions,
            "/v1/invoices": self.invoices,
            "/v1/coupons": [],
        }
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[tuple[str, Fault]] = []
        self.hooks: list[tuple[str, Callable[[], None]]] = []
        self.url = ""

    def answer(self, path: str, query: list[tuple[str, str]]) -> tuple[int, Row]:
        if path in self.lists:
            return self._list(path, query)
        folder, _, name = path.rpartition("/")
        for whole in self.lists.get(folder, []):
            if whole["id"] == name:
                return 200, _shown(whole, query)
        return 404, _error("resource_missing", f"No such object: {name}", "id")

    def _list(self, path: str, query: list[tuple[str, str]]) -> tuple[int, Row]:
        asked = dict(query)
        rows = sorted(self.lists[path], key=lambda row: -row["created"])
        if path == "/v1/events":
            rows = [row for row in rows if row["created"] >= self.now - KEPT_DAYS * 86_400]
            types = {value for key, value in query if key.startswith("types")}
            if "type" in asked:
                rows = [row for row in rows if row["type"].startswith(asked["type"].removesuffix("*"))]
            elif types:
                rows = [row for row in rows if row["type"] in types]
        if path == "/v1/subscriptions" and asked.get("status") != "all":
            rows = [row for row in rows if row["status"] != "canceled"]
        if name := asked.get("subscription"):
            rows = [row for row in rows if name in (row.get("subscription"), _subscription_of(row))]
        for name, holds in _BOUNDS.items():
            if bound := asked.get(f"created[{name}]"):
                rows = [row for row in rows if holds(row["created"], int(bound))]
        if after := asked.get("starting_after"):
            names = [row["id"] for row in rows]
            if after not in names:
                return 400, _error("resource_missing", f"No such object: '{after}'", "starting_after")
            # The last of several with one id: an object that comes twice does not hold up the list.
            rows = rows[len(names) - names[::-1].index(after) :]
        shown = [_shown(row, query) for row in rows[: self.page]]
        return 200, {"object": "list", "url": path, "has_more": len(rows) > self.page, "data": shown}


_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda created, bound: created > bound,
    "gte": lambda created, bound: created >= bound,
    "lt": lambda created, bound: created < bound,
    "lte": lambda created, bound: created <= bound,
}


def _shown(whole: Row, query: list[tuple[str, str]]) -> Row:
    """An object with its discounts as ids, and their coupons too, unless they are asked for."""
    if whole.get("object") != "subscription":
        return whole
    expanded = {value.removeprefix("data.") for key, value in query if key.startswith("expand")}
    if "discounts.source.coupon" in expanded:
        return whole
    return whole | {"discounts": [one["id"] for one in whole["discounts"]]}


def _subscription_of(whole: Row) -> str | None:
    return ((whole.get("parent") or {}).get("subscription_details") or {}).get("subscription")


def _error(code: str, message: str, param: str | None = None) -> Row:
    return {"error": {"type": "invalid_request_error", "code": code, "message": message, "param": param}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: apart, the second waits for the first one's delayed acknowledgement.
    wbufsize = -1
    server: "_Server"

    def do_GET(self) -> None:
        stripe = self.server.stripe
        stripe.asked.append(self.path)
        stripe.headers.append(dict(self.headers))
        for waiting in (stripe.hooks, stripe.faults):
            for entry in list(waiting):
                if re.search(entry[0], self.path):
                    waiting.remove(entry)
                    if waiting is stripe.faults:
                        entry[1](self)  # pyright: ignore[reportCallIssue]
                        return
                    entry[1]()  # pyright: ignore[reportCallIssue]
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            self.send(401, _error("", f"Invalid API Key provided: {self.headers.get('Authorization', '')[7:]}"))
            return
        parts = urlsplit(self.path)
        self.send(*stripe.answer(parts.path, parse_qsl(parts.query)))

    def send(self, status: int, body: Row | bytes, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content_length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def right_answer(self) -> bytes:
        parts = urlsplit(self.path)
        return json.dumps(self.server.stripe.answer(parts.path, parse_qsl(parts.query))[1]).encode()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    stripe: StripeServer
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def answers(status: int, **headers: str) -> Fault:
    return lambda handler: handler.send(status, _error("", "busy"), **headers)


def answers_bytes(status: int, body: bytes) -> Fault:
    return lambda handler: handler.send(status, body)


def resets_in_the_middle(handler: _Handler) -> None:
    """Half the answer, then a reset."""
    body = handler.right_answer()
    handler.send_response(200)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def ends_in_the_middle(handler: _Handler) -> None:
    """Half the answer as if it were whole."""
    body = handler.right_answer()
    handler.send(200, body[: len(body) // 2])


@contextmanager
def serving(stripe: StripeServer) -> Iterator[StripeServer]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.stripe = stripe
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    stripe.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield stripe
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
