"""What the simulated providers share: the world, its engine, the ledger, the studio, keys and ports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from simulator.engine import Engine
from simulator.ledger import Ledger
from simulator.odd_bills import OddBills
from simulator.pool import Pool, SimJob
from simulator.studio import Studio, picture_of
from simulator.wire import Request
from simulator.world import World


@dataclass(kw_only=True)
class Site:
    """One simulated internet."""

    world: World
    seed: int
    engine: Engine
    ledger: Ledger
    studio: Studio
    keys: Mapping[str, str] = field(default_factory=dict)  # provider -> the only key it accepts
    ports: list[int] = field(default_factory=list)  # free ports for rented instances, with sockets behind them
    bases: Mapping[str, str] = field(default_factory=dict)  # service -> base URL, where replies must name one
    odd_bills: OddBills = field(default_factory=OddBills)

    def key_accepted(self, provider: str, request: Request) -> bool:
        """A provider without a set key accepts any bearer token but none."""
        token = request.bearer
        return token is not None and token == self.keys.get(provider, token)

    def unpublished(self, provider: str, bucket_us: int) -> bool:
        """Is this a bucket that is never published?"""
        share = self.world.provider(provider).billing.gap_share
        return bool(share) and Random(f"{self.seed}/{provider}/gap/{bucket_us}").random() < share

    def paint_ahead(self, pool: Pool, job: SimJob) -> None:
        """Pool callback: order the picture the moment its job is picked up."""
        self.studio.order(picture_of(job, pool))

    def image(self, pool: Pool, job: SimJob) -> bytes:
        """The finished picture of a completed job."""
        return self.studio.image(picture_of(job, pool))
