"""What a row says of things that nobody told it: nothing."""

from typing import Any

import pytest
from sqlmodel import SQLModel

from storage import models

TABLES = [
    each
    for each in vars(models).values()
    if isinstance(each, type) and issubclass(each, SQLModel) and hasattr(each, "__table__")
]
NULLABLE = [
    pytest.param(each, column.name, id=f"{each.__name__}.{column.name}")
    for each in TABLES
    for column in each.__table__.columns  # type: ignore[attr-defined]
    if column.nullable and not column.primary_key
]


@pytest.mark.parametrize(("model", "name"), NULLABLE)
def test_what_may_be_unknown_is_unknown_until_it_is_told(model: Any, name: str) -> None:
    assert getattr(model(), name) is None


def test_no_two_rows_share_the_objects_they_start_with() -> None:
    one, other = models.Job(), models.Job()
    one.evidence["worker_id"] = "w1"
    assert other.evidence == {}
