"""Column types: instants as integer microseconds UTC, money as integer nano-USD. Both refuse what they cannot keep.

SQLite keeps DateTime(timezone=True) without its offset and Decimal as a float; integers are exact on both databases.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Enum, String
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from clock import from_us, to_us
from storage.foreign import kept_document, kept_text

NANO = Decimal(10) ** 9
NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING  # before the first table, so that migrations can name constraints


class Instant(TypeDecorator[datetime]):
    """A UTC-aware datetime in Python, integer microseconds since 1970 in the database; naive ones raise."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else to_us(value)

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else from_us(value)


class NanoUsd(TypeDecorator[Decimal]):
    """Decimal USD in Python, integer nano-USD in the database, rounded half to even at the ninth place."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:  # noqa: ARG002
        """To the database; floats raise TypeError."""
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise TypeError(f"Money is Decimal, not {type(value).__name__}.")
        return int((value * NANO).to_integral_value())

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else Decimal(value) / NANO


class Said(TypeDecorator[str]):
    """Text that may be a stranger's: harmless and cut at `cap` characters on its way in."""

    impl = String
    cache_ok = True

    def __init__(self, cap: int) -> None:
        super().__init__()
        self.cap = cap

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:  # noqa: ARG002
        """To the database; what is no text is kept as one."""
        return None if value is None else kept_text(str(value), self.cap)


class SaidDocument(TypeDecorator[Any]):
    """JSON that may be a stranger's, within the limits of `storage.foreign`."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:  # noqa: ARG002
        """To the database."""
        return kept_document(value)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """As JSON does it: a name to look up is no document (SQLAlchemy, Working with Core types, 2.0)."""
        return self.impl_instance.coerce_compared_value(op, value)


def document() -> Any:
    """A JSON object of our own making."""
    return Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


def said_document() -> Any:
    """A JSON object that a provider's words are part of."""
    return Field(default_factory=dict, sa_column=Column(SaidDocument, nullable=False))


def listed() -> Any:
    """A JSON list of our own making."""
    return Field(default_factory=list, sa_column=Column(JSON, nullable=False))


def word(enum: type[StrEnum]) -> Any:
    """Column type of a shared word: its value as text (not its Python name), the enum member in Python."""
    return Enum(enum, native_enum=False, length=32, values_callable=_values)


def _values(members: type[StrEnum]) -> list[str]:
    return [member.value for member in members]
