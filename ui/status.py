"""What the frame around every page says: whose data this is, and whether the collector is alive."""

from dataclasses import dataclass
from datetime import timedelta

from storage.models import Collector, Installation
from ui.formats import ago
from ui.source import WALL, Source

SILENT_AFTER = timedelta(seconds=30)


@dataclass(frozen=True)
class Heartbeat:
    """How long the collector has been silent, on the wall's time, and what it said it was doing."""

    silent: timedelta
    doing: str

    @property
    def lost(self) -> bool:
        """True when it should have been heard of."""
        return self.silent > SILENT_AFTER


def heartbeat(source: Source) -> Heartbeat | None:
    """The collector's last sign of life; None if none ever ran here, or all of it was taken away."""
    if not source.exists:
        return None
    with source.reading() as session:
        row = session.get(Collector, 1)
    return Heartbeat(silent=WALL.now() - row.seen_at, doing=row.doing) if row else None


def installation(source: Source) -> Installation | None:
    """Who we are; None before the first collector."""
    with source.reading() as session:
        return session.get(Installation, 1)


def silence(beat: Heartbeat | None) -> str | None:
    """The band's sentence when numbers may be old, else None."""
    if beat is None:
        return "No collector has run here yet: nothing is measured. Start it with `bakeoff collect`."
    if beat.lost:
        return f"Collector last seen {ago(beat.silent)}: numbers may be old. Start it with `bakeoff collect`."
    return None


def world_line(row: Installation | None) -> str:
    """seed 42 · 10× speed; empty on real providers"""
    if row is None or not row.simulated:
        return ""
    seed = f"seed {row.seed}" if row.seed is not None else "seed unknown"
    return f"{seed} · {row.speed:g}× speed"
