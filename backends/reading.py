"""A provider's answer, taken within limits: nothing that it sends is believed to be small, shallow, finite or typed."""

import json
import math
import zlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from backends.base import Observation
from backends.errors import UnexpectedReply
from words import STATUS_OF, Reason

P = ParamSpec("P")
R = TypeVar("R")

MOST_BYTES = 32 * 2**20  # of an unpacked body: an image of 20 MiB in base64, and its JSON
CODINGS: Mapping[
    str, tuple[int, ...]
] = {  # windows of zlib; one coding alone: a body packed twice unpacks a million times
    "": (),
    "identity": (),
    "gzip": (zlib.MAX_WBITS | 16,),
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),  # some servers leave zlib's own frame out
}
DEEPEST = 64  # levels of JSON
MOST_VALUES = 500_000  # values of one JSON document: 10 MB of `[],[],..` would unpack to a gigabyte
MOST_DIGITS = 30
LONGEST_AMOUNT = 100  # characters: Modal bills an hour to some 30 places
MOST_PAGES = 500  # of one list
MOST_HEADERS, LONGEST_HEADER = 100, 4000
LONGEST_SPAN_S = 10 * 366 * 86_400.0
DEAREST_USD = Decimal(10) ** 8  # whatever is dearer is no price, and no longer fits into the tables either
MISREAD = (  # what code that expects another shape of reply raises
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Status, headers (names in lower case) and the whole body of one reply."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """2xx"""
        return 200 <= self.status_code < 300

    @property
    def text(self) -> str:
        """The body as UTF-8. Never by the charset that the reply names: Python's include `zlib` and `bz2`."""
        return self.content.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The body as JSON, None if it is empty. Raises ValueError beyond the limits and on numbers that are none."""
        return loads(self.content.decode("utf-8-sig")) if self.content else None


def unpacked(packed: bytes, coding: str) -> bytes:
    """A body in one of `CODINGS`, cut after the first byte beyond `MOST_BYTES`. Raises ValueError where it is none."""
    if not packed or not CODINGS[coding]:
        return packed
    for window in CODINGS[coding]:
        opener = zlib.decompressobj(window)
        with suppress(zlib.error):
            body = opener.decompress(packed, MOST_BYTES + 1)
            if opener.eof or len(body) > MOST_BYTES:
                return body
    raise ValueError(f"it is no whole {coding}")


def loads(text: str) -> Any:
    """JSON within the limits; raises ValueError beyond them and on numbers that are none."""
    if len(text) > MOST_VALUES and sum(map(text.count, ",[{")) > MOST_VALUES:  # no more than there are characters
        raise ValueError(f"it holds more than {MOST_VALUES:,} values")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if not _shallow(value):
        raise ValueError(_TOO_DEEP)
    return value


_TOO_DEEP = f"it is nested deeper than {DEEPEST} levels"


def readable(provider: str, shown: Callable[[Any], str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Makes a parser total: a shape that it does not expect becomes an UnexpectedReply, `shown(reply)` in its `raw`.

    The reply is the parser's first argument.
    """

    def guard(parse: Callable[P, R]) -> Callable[P, R]:
        @wraps(parse)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return parse(*args, **kwargs)
            except MISREAD as error:
                said = f"{provider}'s reply cannot be read ({type(error).__name__} in {parse.__name__})."
                raise UnexpectedReply(said, raw=shown(args[0])) from error

        return guarded

    return guard


def unreadable(error: UnexpectedReply, worker_id: str | None = None) -> Observation:
    """The end of a job whose result is there and cannot be read: asking again would give the same."""
    reason = Reason.UNEXPECTED_REPLY
    return Observation(
        status=STATUS_OF[reason], reason=reason, error=str(error), worker_id=worker_id, raw={"received": error.raw}
    )


async def pages(fetch: Callable[[str | None], Awaitable[tuple[list[R], str | None]]], what: str) -> list[R]:
    """Every page of a list: `fetch` takes the token of a page, gives its rows and the token of the next."""
    found: list[R] = []
    token: str | None = None
    seen: set[str] = set()
    while len(seen) < MOST_PAGES:
        rows, token = await fetch(token)
        found += rows
        if not token:
            return found
        if token in seen:
            raise UnexpectedReply(f"The list of {what} goes round in a circle: its next page came before.", raw=token)
        seen.add(token)
    raise UnexpectedReply(f"The list of {what} has no end.")


def text_or_none(value: Any) -> str | None:
    """A text that may be missing; anything else there is no text."""
    return value if isinstance(value, str) else None


def span_s(value: Any, per_s: int = 1) -> float | None:
    """A duration in seconds, given in units of which a second has `per_s`.

    None for what is none: no number, negative, or longer than ten years.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_SPAN_S * per_s:
        return None
    return value / per_s


def instant_or_none(epoch_s: Any) -> datetime | None:
    """Seconds since 1970 as an instant; None for what is no number of this and the next century."""
    if isinstance(epoch_s, bool) or not isinstance(epoch_s, int | float) or not 0 <= epoch_s < 4_102_444_800:
        return None
    return datetime.fromtimestamp(epoch_s, UTC)


def number_or_none(value: Any) -> int | None:
    """A whole number, such as an id."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def amount_or_none(value: Any) -> Decimal | None:
    """An amount in USD exactly as written; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if len(str(value)) > LONGEST_AMOUNT:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < DEAREST_USD else None


def _shallow(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [item for node in level if isinstance(node, dict | list) for item in _items(node)]
        if not level:
            return True
    return False


def _items(node: Any) -> Any:
    return node.values() if isinstance(node, dict) else node


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError("it holds an infinite number")
    return value


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"it holds a number of more than {MOST_DIGITS} digits")
    return int(text)


def _no_number(name: str) -> float:
    raise ValueError(f"it holds {name}, which is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite, parse_int=_whole)  # each costs a parse
