"""Vast.ai's filter language, shared by searches and listings: {field: {operator: value}}."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_LISTS = ("in", "notin")  # codespell:ignore notin
_KNOWN = frozenset((*_OPERATORS, *_LISTS))


def matches(row: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]]) -> bool:
    """Does the row pass every test? Raises ValueError in the API's own words for a field or operator it has not."""
    return all(
        _passes(_value(row, field), name, limit) for field, tests in wanted.items() for name, limit in tests.items()
    )


def sort_key(field: str) -> Callable[[Mapping[str, Any]], tuple[bool, Any]]:
    """Sorts rows by a field, nulls last."""
    return lambda row: (row.get(field) is None, row.get(field))


def _value(row: Mapping[str, Any], field: str) -> Any:
    if field == "verified":  # a filter of its own; rows say `verification`
        return row["verification"] == "verified"
    if field == "external":  # null in replies, compared as false (the client's default filter is external = false)
        return bool(row["external"])
    if field not in row:
        raise ValueError(f"Error in query parameters: {field} is not a valid search key")
    return row[field]


def _passes(value: Any, name: str, limit: Any) -> bool:
    if name not in _KNOWN:
        raise ValueError(f"Error in query parameters: {name} is not a valid operator")
    if name in _LISTS:
        # A geolocation ends in ", CC" and may be filtered by its country alone.
        listed = value in limit or str(value).rpartition(", ")[2] in limit
        return listed if name == "in" else not listed
    if value is None:
        return False
    # The official client sends the numbers of a string query as strings ("1").
    same_kind = float(limit) if isinstance(value, int | float) and isinstance(limit, str) else limit
    return _OPERATORS[name](value, same_kind)
