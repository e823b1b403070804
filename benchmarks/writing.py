"""What a durable intent costs: the writer's group commit against a session and a commit for each, in the same loop."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from sqlalchemy import Engine
from sqlmodel import Session

from benchmarks.tables import Measured, ratio
from clock import from_us
from storage.db import open_engine
from storage.migrate import upgrade
from storage.models import Request
from storage.writer import Writer

ROWS, AT_ONCE = 1200, 40
TICK_S = 0.001
_AT = from_us(0)
Write = Callable[[Session], None]


@dataclass(frozen=True)
class Cost:
    """Rows per second, and how late a timer of the same loop fires in its slowest hundredth; ms."""

    rows_s: float
    late_p99_ms: float


def measure() -> Measured:
    """Throughput, and what it does to the loop that has to dispatch jobs on time."""
    with tempfile.TemporaryDirectory() as folder:
        grouped = asyncio.run(_grouped(_fresh(Path(folder) / "grouped.db")))
        single = asyncio.run(_single(_fresh(Path(folder) / "single.db")))
    return Measured(
        title="Durable rows (synchronous=FULL)",
        columns=("", "group commit (ours)", "a session each", "ratio"),
        rows=[
            ["rows/s", f"{grouped.rows_s:,.0f}", f"{single.rows_s:,.0f}", f"{grouped.rows_s / single.rows_s:.1f}x"],
            [
                "a timer is late by, p99",
                f"{grouped.late_p99_ms:.1f} ms",
                f"{single.late_p99_ms:.1f} ms",
                ratio(grouped.late_p99_ms, single.late_p99_ms),
            ],
        ],
        note=f"{ROWS} rows, {AT_ONCE} asked for at one time.",
    )


def _fresh(path: Path) -> Engine:
    upgrade(path)
    return open_engine(path)


def _row(session: Session) -> None:
    session.add(Request(kind="bench", asked_at=_AT))


async def _grouped(engine: Engine) -> Cost:
    writer = Writer(engine)
    cost = await _cost(lambda: writer.run(_row))
    await writer.close()
    engine.dispose()
    return cost


async def _single(engine: Engine) -> Cost:
    async def write() -> None:
        with Session(engine) as session:
            _row(session)
            session.commit()
        await asyncio.sleep(0)

    cost = await _cost(write)
    engine.dispose()
    return cost


async def _cost(write: Callable[[], Awaitable[None]]) -> Cost:
    late_ms: list[float] = []
    ticking = asyncio.create_task(_tick(late_ms))
    started = time.perf_counter()
    for _ in range(ROWS // AT_ONCE):
        await asyncio.gather(*(write() for _ in range(AT_ONCE)))
    took_s = time.perf_counter() - started
    ticking.cancel()
    await asyncio.wait([ticking])
    return Cost(ROWS / took_s, quantiles(late_ms, n=100)[-1])


async def _tick(late_ms: list[float]) -> None:
    while True:
        due = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        late_ms.append((time.perf_counter() - due) * 1e3)
