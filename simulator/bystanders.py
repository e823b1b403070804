"""What else an account pays for: a forgotten volume, and something that is not ours. Both since the world began."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from simulator.engine import US
from simulator.ledger import TrueCharge
from simulator.world import Billing

HOUR_US = 3600 * US


@dataclass(frozen=True, kw_only=True)
class Bystander:
    """One resource that lives for ever at a constant price."""

    id: str
    name: str
    kind: Literal["volume", "other"]
    usd_h: Decimal
    since_us: int

    def usd(self, start_us: int, end_us: int) -> Decimal:
        """What it costs within [start, end)."""
        return self.usd_h * max(0, end_us - max(start_us, self.since_us)) / HOUR_US


def bystanders(billing: Billing, since_us: int) -> list[Bystander]:
    """Those that the world has."""
    found = [
        Bystander(id="volume-1", name="forgotten", kind="volume", usd_h=_usd(billing.volume_usd_h), since_us=since_us),
        Bystander(
            id="other-1", name="somebody-elses", kind="other", usd_h=_usd(billing.other_usd_h), since_us=since_us
        ),
    ]
    return [each for each in found if each.usd_h]


def true_charges(provider: str, each: Sequence[Bystander], now_us: int) -> list[TrueCharge]:
    """What they truly cost, hour by hour."""
    return [
        TrueCharge(
            provider=provider,
            deployment=by.name,
            resource_id=by.id,
            sku="storage" if by.kind == "volume" else "gpu",
            start_us=hour_us,
            end_us=hour_us + HOUR_US,
            usd=by.usd(hour_us, min(hour_us + HOUR_US, now_us)),
        )
        for by in each
        for hour_us in range(by.since_us // HOUR_US * HOUR_US, now_us, HOUR_US)
    ]


def _usd(value: float) -> Decimal:
    return Decimal(str(value))
