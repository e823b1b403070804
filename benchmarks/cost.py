"""A month of a million requests replayed, beside a plain loop over worker objects in the same run.

`python -m benchmarks.cost`: a few seconds of ours, and several times that of the plain one. Exit code 1 if the two
disagree or ours takes more than 2 s of a month.
"""

import math
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from analysis.traffic.profile import Curve, arrivals
from analysis.traffic.replay import Arrivals, Setting, replay
from benchmarks.plain_queue import Asked, Queue
from benchmarks.tables import Measured, ratio, timed

REQUESTS = 1_000_000
MOST_S = 2.0
DAYS = 31
LOAD = 0.5  # of a boot
DAY = (1.0,) * 7 + (4.0,) * 5 + (10.0,) * 12  # a quiet night
SETTINGS = {
    "one worker, window 300 s": Setting(window_s=300, max_workers=1),
    "one request a worker, window 10 s": Setting(window_s=10),
    "one request a worker, window 300 s": Setting(window_s=300),
    "five requests a worker, window 300 s": Setting(window_s=300, concurrency=5),
    "five a worker, 1 to 8 workers, window 60 s": Setting(window_s=60, concurrency=5, min_workers=1, max_workers=8),
    "from a queue, window 10 s": Setting(window_s=10, bound=False),
    "from a queue, five a worker, window 300 s": Setting(window_s=300, concurrency=5, bound=False),
}

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Row:
    """Seconds of either, and the month's paid seconds as each found them."""

    setting: str
    ours_s: float
    plain_s: float
    ours_paid_s: float
    plain_paid_s: float

    @property
    def agrees(self) -> bool:
        return math.isclose(self.ours_paid_s, self.plain_paid_s, rel_tol=1e-9)


@dataclass(eq=False)
class Worker:
    """What anybody would write first."""

    born_s: float
    free_s: float
    finishes: deque[float] = field(default_factory=deque)

    def assigned(self, now: float) -> int:
        while self.finishes and self.finishes[0] <= now:
            self.finishes.popleft()
        return len(self.finishes)


def plain(came: Arrivals, setting: Setting, service_s: Floats, boot_s: Floats) -> float:
    """Paid seconds."""
    if not setting.bound:
        each = zip(came.at_s.tolist(), service_s.tolist(), boot_s.tolist(), strict=True)
        asked = [Asked(at_s=at, work_s=work, boot_s=boot, load_s=LOAD * boot) for at, work, boot in each]
        return Queue(setting=setting, asked=asked).run(came.span_s).paid_s
    alive = [Worker(0.0, 0.0) for _ in range(setting.min_workers)]
    paid_s = 0.0
    for now, service, boot in zip(came.at_s.tolist(), service_s.tolist(), boot_s.tolist(), strict=True):
        paid_s += buried(alive, setting, now)
        worker = chosen(alive, setting, now)
        if worker is None:
            worker = Worker(now, now + boot)
            alive.append(worker)
        worker.free_s = max(worker.free_s, now) + service
        worker.finishes.append(worker.free_s)
    paid_s += buried(alive, setting, math.inf)
    return paid_s + sum(max(came.span_s, worker.free_s) - worker.born_s for worker in alive)


def buried(alive: list[Worker], setting: Setting, now: float) -> float:
    paid_s = 0.0
    for worker in sorted(alive, key=lambda each: each.free_s):
        if worker.free_s + setting.window_s <= now and len(alive) > setting.min_workers:
            alive.remove(worker)
            paid_s += worker.free_s + setting.window_s - worker.born_s
    return paid_s


def chosen(alive: list[Worker], setting: Setting, now: float) -> Worker | None:
    idle = [worker for worker in alive if worker.free_s <= now]
    if idle:
        return max(idle, key=lambda worker: worker.free_s)
    room = [worker for worker in alive if worker.assigned(now) < setting.concurrency]
    if room:
        return min(room, key=lambda worker: worker.free_s)
    if setting.max_workers is None or len(alive) < setting.max_workers:
        return None
    return min(alive, key=lambda worker: worker.free_s)


def rows(requests: int = REQUESTS) -> Iterator[Row]:
    """One month, the same for all: lognormal services of 1.5 s, boots of 45 s."""
    came = arrivals(Curve(per_day=requests / DAYS, weights=DAY), hours=24 * DAYS)
    dice = np.random.default_rng(1)
    service_s, boot_s = dice.lognormal(math.log(1.5), 0.12, came.n), dice.lognormal(math.log(45), 0.3, came.n)
    for name, setting in SETTINGS.items():
        yield row(name, setting, came, (service_s, boot_s))


def row(name: str, setting: Setting, came: Arrivals, seconds: tuple[Floats, Floats]) -> Row:
    """Ours first, then the plain one."""
    service_s, boot_s = seconds
    ours, ours_s = timed(lambda: replay(came, setting, service_s=service_s, boot_s=boot_s, load_s=LOAD * boot_s))
    peers, plain_s = timed(lambda: plain(came, setting, service_s, boot_s))
    return Row(
        setting=f"{name}: {came.n:,} requests, {ours.cold_share:.1%} cold",
        ours_s=ours_s,
        plain_s=plain_s,
        ours_paid_s=ours.paid_s,
        plain_paid_s=peers,
    )


def table(found: list[Row]) -> Measured:
    return Measured(
        title="A month of traffic replayed",
        columns=("setting", "ours", "plain loop", "faster", "paid seconds"),
        rows=[
            (
                each.setting,
                f"{each.ours_s:.2f} s",
                f"{each.plain_s:.2f} s",
                ratio(each.ours_s, each.plain_s),
                f"{each.ours_paid_s:,.0f}" + ("" if each.agrees else f", plain {each.plain_paid_s:,.0f}"),
            )
            for each in found
        ],
        note="The same arrivals, services and boots; ours is one compiled loop, the plain one moves worker objects.",
    )


def measure() -> Measured:
    """For the table of all benchmarks: a tenth of the month's traffic."""
    return table(list(rows(REQUESTS // 10)))


def main(requests: int = REQUESTS) -> int:
    """Print the table of a whole month."""
    found = list(rows(requests))
    measured = table(found)
    shown = Table(*measured.columns, title=measured.title, caption=measured.note, title_justify="left")
    for cells in measured.rows:
        shown.add_row(*cells)
    Console(width=140).print(shown)
    return int(any(each.ours_s > MOST_S or not each.agrees for each in found))


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:2])))
