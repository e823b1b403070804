"""The tables about money, effort and traffic; `storage.models` has all tables."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from storage.foreign import ID, SENTENCE
from storage.types import Instant, NanoUsd, Said, listed, said_document, word
from words import BillOutcome, ChargeFlag, CostState, EffortKind, LayerKind, TrafficKind


class Charge(SQLModel, table=True):
    """One billing line; FOCUS names. `same_since` and `fetched_at` decide when it is final."""

    id: str = Field(primary_key=True)
    provider: str = Field(index=True)
    resource_id: str = Field(sa_type=Said(ID))
    resource_name: str | None = Field(default=None, sa_type=Said(ID))
    deployment_id: int | None = Field(default=None, foreign_key="deployment.id", index=True)
    product: str = Field(default="", sa_type=Said(ID))  # what the resource is: app, serverless, pod, volume, instance
    sku: str = Field(sa_type=Said(ID))
    meter: str = Field(default="", sa_type=Said(ID))  # the provider's own name of what is billed
    charge_period_start: datetime = Field(sa_type=Instant, index=True)
    charge_period_end: datetime = Field(sa_type=Instant)
    billed_cost: Decimal | None = Field(default=None, sa_type=NanoUsd)  # in its currency; None: flag `unreadable`
    billing_currency: str = Field(default="USD", sa_type=Said(ID))
    state: CostState = Field(sa_type=word(CostState))
    flags: list[str] = listed()  # words of `ChargeFlag`, sorted
    counts: bool = True  # False: a flag keeps it out of every sum
    simulated: bool
    first_seen_at: datetime = Field(sa_type=Instant)
    same_since: datetime = Field(sa_type=Instant)
    fetched_at: datetime = Field(sa_type=Instant)
    raw: dict[str, Any] = said_document()
    earlier: list[dict[str, Any]] = listed()  # old amounts

    @property
    def sum_usd(self) -> Decimal:
        """What it brings to a sum: nothing where a flag keeps it out."""
        return self.billed_cost if self.counts and self.billed_cost is not None else Decimal()

    def flag(self, flags: Iterable[str]) -> None:
        """Set what is odd about it (words of `ChargeFlag`), and with that whether it counts."""
        names = sorted({ChargeFlag(name) for name in flags})
        if self.flags != names:
            self.flags = [name.value for name in names]
            self.counts = all(name.sums for name in names)


class BillRead(SQLModel, table=True):
    """One reading of one backend's bills: the newest says how fresh they are."""

    id: int | None = Field(default=None, primary_key=True)
    backend: str = Field(index=True)
    read_at: datetime = Field(sa_type=Instant, index=True)
    since: datetime = Field(sa_type=Instant)  # the window that was asked for
    until: datetime = Field(sa_type=Instant)
    outcome: BillOutcome = Field(sa_type=word(BillOutcome))
    unread: list[str] = listed()  # starts of the days that could not be read
    lines: int  # that came
    new: int
    changed: int
    text: str = Field(default="", sa_type=Said(SENTENCE))  # one sentence: what is wrong and the way out
    simulated: bool


class Payment(SQLModel, table=True):
    """Money that went to a provider, or back: a top-up, a transfer. No cost of anything; charges are."""

    id: str = Field(primary_key=True)
    provider: str = Field(index=True)
    at: datetime = Field(sa_type=Instant)
    amount: Decimal | None = Field(default=None, sa_type=NanoUsd)  # in its currency; None where it is no number
    currency: str = Field(default="USD", sa_type=Said(ID))
    service: str = Field(default="", sa_type=Said(ID))
    text: str = Field(default="", sa_type=Said(SENTENCE))
    simulated: bool
    fetched_at: datetime = Field(sa_type=Instant)
    raw: dict[str, Any] = said_document()


class Statement(SQLModel, table=True):
    """A provider's own total of a period, to hold the sum of its lines against."""

    id: str = Field(primary_key=True)
    provider: str = Field(index=True)
    kind: str = Field(sa_type=Said(ID))  # whose total: of the account, of a product
    period_start: datetime = Field(sa_type=Instant)
    period_end: datetime = Field(sa_type=Instant)
    metered_usd: Decimal | None = Field(default=None, sa_type=NanoUsd)  # before credits
    billed_usd: Decimal | None = Field(default=None, sa_type=NanoUsd)  # after credits; None where it is not told
    parts: dict[str, Any] = said_document()  # the total's parts by the provider's names
    simulated: bool
    fetched_at: datetime = Field(sa_type=Instant)


class PriceLayer(SQLModel, table=True):
    """What a person laid over a backend's prices; revoked, never deleted."""

    id: int | None = Field(default=None, primary_key=True)
    name: str
    kind: LayerKind = Field(sa_type=word(LayerKind))
    backend: str = Field(index=True)
    gpu: str | None = None  # None: every GPU
    value: Decimal | None = Field(default=None, sa_type=NanoUsd)  # USD per second
    percent: float | None = None
    monthly_usd: Decimal | None = Field(default=None, sa_type=NanoUsd)
    valid_from: datetime = Field(sa_type=Instant)
    valid_to: datetime | None = Field(default=None, sa_type=Instant)
    reason: str = ""
    made_by: str = ""
    created_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_by: str | None = None


class Effort(SQLModel, table=True):
    """Minutes of operations on one backend, entered by a person or measured."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Instant, index=True)
    backend: str = Field(index=True)
    kind: EffortKind = Field(sa_type=word(EffortKind))
    minutes: float
    measured: bool
    by: str = ""
    text: str = Field(default="", sa_type=Said(SENTENCE))
    note: str = Field(default="", sa_type=Said(SENTENCE))
    simulated: bool
    created_at: datetime = Field(sa_type=Instant)


class TrafficProfile(SQLModel, table=True):
    """When requests come: a daily volume along a curve, a trace, or the product's known volumes."""

    id: int | None = Field(default=None, primary_key=True)
    name: str
    kind: TrafficKind = Field(sa_type=word(TrafficKind))
    per_day: float | None = None
    curve: list[float] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))  # 24 shares, by UTC hour
    instants_sha256: str | None = None  # a trace's instants are a blob
    requests: int | None = None
    note: str = ""
    made_by: str = ""
    simulated: bool
    created_at: datetime = Field(sa_type=Instant)
