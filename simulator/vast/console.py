"""Vast.ai's console API as it is on the wire: search, rent, look, label, destroy, logs, bills.

Ground: Vast.ai's published OpenAPI and guides (github.com/vast-ai/docs, 2026-08-07), its client vastai 1.9.1 and its
own QA code (github.com/vast-ai/base-image, 2026-08-21). Where the OpenAPI contradicts them, they win.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from simulator.engine import US, us
from simulator.vast.bills import Shape, tree
from simulator.vast.filters import matches, sort_key
from simulator.vast.limits import Limits
from simulator.vast.rental import Rental
from simulator.wire import Reply, Request

if TYPE_CHECKING:
    from simulator.vast.cloud import VastCloud

MAX_LISTED, MAX_CHARGES = 25, 500
# Computed fields cannot be filtered by (OpenAPI, show instances).
_COMPUTED = frozenset({"dph_total", "num_gpus", "duration", "search", "instance"})
_Handler = Callable[[Request, int], Reply]


class Console:
    """The account's API. One handler per endpoint, found by method and path."""

    def __init__(self, cloud: "VastCloud") -> None:
        self._cloud, self._site = cloud, cloud.site
        self._limits = Limits()
        self._logs: dict[str, int] = {}  # path of a log file -> how often it was asked for
        self._routes: Sequence[tuple[str, str, str, _Handler]] = (
            ("POST", r"/api/v0/bundles", "search", self._search),
            ("PUT", r"/api/v0/search/asks", "search_new", self._search_new),
            ("PUT", r"/api/v0/asks/(\d+)", "create", self._create),
            ("GET", r"/api/v1/instances", "list", self._list),
            ("GET", r"/api/v0/instances", "retired", self._retired),
            ("GET", r"/api/v0/instances/(\d+)", "one", self._one),
            ("PUT", r"/api/v0/instances/(\d+)", "manage", self._manage),
            ("DELETE", r"/api/v0/instances/(\d+)", "destroy", self._destroy),
            ("PUT", r"/api/v0/instances/request_logs/(\d+)", "logs", self._request_logs),
            ("GET", r"/api/v0/charges", "charges", self._charges),
            ("GET", r"/api/v1/invoices", "invoices", self._invoices),
            ("GET", r"/api/v0/users/current", "account", self._account),
        )

    def handle(self, request: Request) -> Reply:
        """Find the endpoint, check the key and the rate, answer."""
        path = request.path.rstrip("/")
        if path.startswith("/instance_logs/"):
            return self._log_file(path)
        for method, pattern, endpoint, handler in self._routes:
            found = re.fullmatch(pattern, path)
            if found and request.method == method:
                if refusal := self._refusal(request, endpoint):
                    return refusal
                return handler(request, int(found[1]) if found.groups() else 0)
        return _error(404, "not_found", f"No such endpoint: {request.method} {request.path}")

    def _refusal(self, request: Request, endpoint: str) -> Reply | None:
        if request.bearer is None:
            return _error(403, "auth_error", "This action requires login.")
        if not self._site.key_accepted("vast", request):
            return _error(404, "auth_error", "Invalid user key")  # 404, not 401
        return self._limits.refusal(endpoint, request.bearer, self._site.engine.now_us)

    # -- the market ---------------------------------------------------------------------------------------

    def _search(self, request: Request, _: int) -> Reply:
        return self._found(_body(request))

    def _search_new(self, request: Request, _: int) -> Reply:
        body = _body(request)
        return self._found(body.get("q") or {})

    def _found(self, query: Mapping[str, Any]) -> Reply:
        try:
            return Reply(body={"offers": self._cloud.market.search(query, self._now_s)})
        except (ValueError, TypeError) as error:
            return _error(400, "invalid_request", str(error))

    def _create(self, request: Request, ask_id: int) -> Reply:
        body = _body(request)
        host = self._cloud.market.hosts.get(ask_id)
        if host is None or (host.rented and not body.get("cancel_unavail")):
            text = f"error 404/3603: no_such_ask Instance type by id {ask_id} is not available."
            return _error(404, "invalid_args", text, ask_id=ask_id)
        if host.rented:
            text = f"error 410/3907: no_such_ask Instance type {ask_id} is no longer available."
            return _error(410, "no_such_ask", text, ask_id=ask_id)
        if not body.get("image"):
            return _error(400, "invalid_args", "error 400/3467: Invalid args: 'image' is required", ask_id=ask_id)
        price = body.get("price")  # null asks for on-demand, also after a bid search
        if price is not None and price < host.min_bid:
            return _error(400, "invalid_price", f"error 400/3471: price must be at least {host.min_bid}", ask_id=ask_id)
        rental = self._cloud.rent(host, body)
        if rental is None:
            text = f"error 410/3907: no_such_ask Instance type {ask_id} is no longer available."
            return _error(410, "no_such_ask", text, ask_id=ask_id)
        # The restricted key is in the guide's example and missing from the OpenAPI.
        return Reply(body={"success": True, "new_contract": rental.id, "instance_api_key": f"{rental.id:064x}"})

    # -- instances ----------------------------------------------------------------------------------------

    def _list(self, request: Request, _: int) -> Reply:
        try:
            wanted = _json(request, "select_filters", {})
            order = _json(request, "order_by", [])
            cols = _json(request, "select_cols", ["*"])
            after = _decoded(request.query.get("after_token"))
            rows = [rental.listed(self._site.engine.now_us) for rental in self._cloud.listed_rentals()]
            found = _ordered([row for row in rows if matches(row, _stored(wanted))], order)
        except ValueError as error:
            kind = "invalid_token" if str(error) == "Invalid pagination token" else "invalid_request"
            return _error(400, kind, str(error))
        page, token = _page(found, after, _listed_limit(request))
        return Reply(
            body={
                "success": True,
                "instances_found": len(page),
                "total_instances": len(found),
                "label_counts": _label_counts(found),
                "next_token": token,
                "instances": [_selected(row, cols) for row in page],
            }
        )

    def _retired(self, _: Request, __: int) -> Reply:
        # Rolled out June to August 2026; an empty list made running machines invisible (skypilot#10517).
        return _error(410, "deprecated_endpoint", "This endpoint is retired; use GET /api/v1/instances/.")

    def _one(self, _: Request, id: int) -> Reply:
        rental = self._cloud.open_rental(id)
        # A destroyed instance is 200 with null, not 404 (easy-server#125).
        return Reply(body={"instances": rental.row(self._site.engine.now_us) if rental else None})

    def _manage(self, request: Request, id: int) -> Reply:
        rental, body = self._cloud.open_rental(id), _body(request)
        if rental is None:
            return _gone()
        if "label" in body:
            rental.label = body["label"]
        if body.get("state") == "stopped":
            rental.stop()
        elif body.get("state") == "running" and rental.stopped:
            # A stopped instance may never start again: its GPU may be rented by someone else.
            return Reply(body={"success": False, "msg": "Required resources are currently unavailable"})
        return Reply(body={"success": True})

    def _destroy(self, _: Request, id: int) -> Reply:
        rental = self._cloud.open_rental(id)
        if rental is None:
            return _gone()
        self._cloud.destroy(rental)
        return Reply(body={"success": True})

    def _request_logs(self, _: Request, id: int) -> Reply:
        rental = self._cloud.open_rental(id)
        if rental is None:
            return Reply(status=404, body={"error": "invalid_id", "msg": "Invalid instance id."})
        path = f"/instance_logs/{id}-{len(self._logs)}.log"
        self._logs[path] = 0
        base = self._site.bases.get("vast_console", "https://console.vast.ai")
        return Reply(body={"success": True, "result_url": base + path, "msg": ""})

    def _log_file(self, path: str) -> Reply:
        """The file appears a moment after it was asked for: clients poll it until 200."""
        if path not in self._logs:
            return Reply(status=403, body="AccessDenied")
        self._logs[path] += 1
        if self._logs[path] == 1:
            return Reply(status=404, body="NoSuchKey")
        rental = self._cloud.rentals[int(path.split("/")[2].partition("-")[0])]
        return Reply(body="\n".join(_log_of(rental, self._site.engine.now_us)) + "\n")

    # -- money --------------------------------------------------------------------------------------------

    def _charges(self, request: Request, _: int) -> Reply:
        try:
            wanted = _json(request, "select_filters", {})
            after = _decoded(request.query.get("after_token"))
            limit = max(1, min(MAX_CHARGES, int(request.query.get("limit", 100))))
        except ValueError as error:
            return _error(400, "invalid_token", str(error))
        day = wanted.get("day") or {}
        if "gte" not in day or "lte" not in day:
            text = "Must provide both 'day' gte and lte filters for instance charges"
            return Reply(status=400, body={"success": False, "msg": text})
        odd = self._site.odd_bills
        if odd.has("vast", "no_rights"):
            return _error(403, "auth_error", "This key may not read billing.")
        rows = self._cloud.bills.published(us(day["gte"]), us(day["lte"]), self._site.engine.now_us)
        rows = odd.bent("vast", rows, Shape())
        rows = tree(rows) if request.query.get("format") == "tree" else rows
        rows = [row for row in rows if row["type"] in wanted.get("type", {}).get("in", [row["type"]])]
        rows.sort(key=lambda row: (row["start"], row["source"]), reverse=request.query.get("latest_first") != "false")
        body = _billed(rows, after, limit)
        if odd.has("vast", "loop"):
            body["next_token"] = _token(0)
        return Reply(body=body)

    def _invoices(self, request: Request, _: int) -> Reply:
        when = _json(request, "select_filters", {}).get("when") or {}
        low, high = when.get("gte", when.get("gt")), when.get("lte", when.get("lt"))
        if low is None or high is None:
            nothing = {"count": 0, "total": 0, "results": [], "next_token": None}
            return Reply(body={"success": False, "error": "Invalid date range", **nothing})
        paid_at = self._cloud.opened_us / US
        payment = {
            "start": paid_at,
            "end": paid_at,
            "type": "credit",
            "source": "stripe",
            "description": "Manual Billing",
            "amount": -float(self._cloud.deposit_usd),
            "metadata": {"invoice_id": 1, "service": "stripe_payments"},
            "items": [],
        }
        return Reply(body=_billed([payment] if low <= paid_at <= high else [], 0, MAX_CHARGES))

    def _account(self, _: Request, __: int) -> Reply:
        balance = float(self._cloud.deposit_usd - sum(charge.usd for charge in self._cloud.true_charges()))
        who = {"id": 1, "key_id": 1, "email": "simulated@example.com", "ssh_key": "", "sid": "simulated"}
        return Reply(body={**who, "username": "simulated", "balance": balance})

    @property
    def _now_s(self) -> float:
        return self._site.engine.now_us / US


def _body(request: Request) -> dict[str, Any]:
    body = request.json() if request.body else {}
    return body if isinstance(body, dict) else {}


def _json(request: Request, name: str, default: Any) -> Any:
    return json.loads(request.query[name]) if request.query.get(name) else default


def _error(status: int, error: str, msg: str, **more: Any) -> Reply:
    return Reply(status=status, body={"success": False, "error": error, "msg": msg, **more})


def _gone() -> Reply:
    return _error(404, "not_found", "Instance not found")


def _stored(wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    for field in wanted:
        if field in _COMPUTED:
            raise ValueError(f"Error in query parameters: {field} is not a valid search key")
    return wanted


def _ordered(rows: list[dict[str, Any]], order: list[dict[str, str]]) -> list[dict[str, Any]]:
    rows.sort(key=sort_key("id"))
    for step in reversed(order):
        rows.sort(key=sort_key(step["col"]), reverse=step.get("dir") == "desc")
    return rows


def _listed_limit(request: Request) -> int:
    limit = int(request.query.get("limit", MAX_LISTED))
    return min(MAX_LISTED, limit) if limit > 0 else 5


def _page(rows: list[dict[str, Any]], after: int, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """Rows from `after` on, and the token of the next page."""
    last = after + limit
    return rows[after:last], _token(last) if last < len(rows) else None


def _token(after: int) -> str:
    return base64.b64encode(json.dumps({"values": {"id": after}}).encode()).decode()


def _decoded(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(json.loads(base64.b64decode(token, validate=True))["values"]["id"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise ValueError("Invalid pagination token") from None


def _selected(row: Mapping[str, Any], cols: Sequence[str]) -> Mapping[str, Any]:
    return row if "*" in cols else {name: row.get(name) for name in cols}


def _label_counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    labels = [row["label"] or "" for row in rows]
    return {label: labels.count(label) for label in dict.fromkeys(labels)}


def _billed(rows: list[dict[str, Any]], after: int, limit: int) -> dict[str, Any]:
    page, token = _page(rows, after, limit)
    return {"success": True, "count": len(page), "total": len(rows), "next_token": token, "results": page}


def _log_of(rental: Rental, now_us: int) -> list[str]:
    lines = [f"container {rental.id} of {rental.image}: {rental.status(now_us) or 'provisioning'}"]
    if rental.worker and rental.worker.ready_us is not None:
        lines.append("Starting server. To see the GUI go to: http://127.0.0.1:18188")
    return lines
