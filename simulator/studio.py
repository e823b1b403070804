"""Where the pictures are painted: at once in virtual time, ahead of need in a process of its own on sockets."""

import os
import signal
import threading
import zlib
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from multiprocessing import get_context
from typing import Protocol

from simulator.comfy import Asked
from simulator.picture import Defect, Picture, paint
from simulator.pool import BROKEN_IMAGES, Pool, SimJob

NICE = 5  # below the servers, above nothing else: two busy neighbours must not starve it


class Studio(Protocol):
    """Paints what a job will show."""

    def order(self, picture: Picture) -> None:
        """The picture will be needed; called when a worker picks the job up."""

    def image(self, picture: Picture) -> bytes:
        """The PNG bytes."""


class Nobody:
    """Of a world that sleeps: no picture is asked for."""

    def order(self, picture: Picture) -> None:
        """Nobody would paint it."""

    def image(self, picture: Picture) -> bytes:
        """Raises RuntimeError."""
        raise RuntimeError(f"The world sleeps: nobody paints {picture.prompt!r}.")


class InlineStudio:
    """Paints when asked and remembers the last ones: for virtual time, where waiting costs nothing."""

    def __init__(self, *, remembered: int = 512) -> None:
        self.image = lru_cache(maxsize=remembered)(paint)

    def order(self, picture: Picture) -> None:
        """Nothing to prepare."""


class StillPainting(Exception):
    """The picture is on the easel. The carrier waits for `painted` without stopping anybody else, then asks again."""

    def __init__(self, painted: Future[bytes]) -> None:
        super().__init__("the picture is not ready")
        self.painted = painted


class ProcessStudio:
    """Paints ahead in one process of lower priority, from the moment a worker picks the job up.

    A picture is due seconds later, so that it is ready before its result; should the machine be too busy for that,
    only its own reply waits.
    """

    def __init__(self) -> None:
        # Spawned, not forked: a fork would inherit the listening sockets and the event loop's signal pipe.
        self._pool = ProcessPoolExecutor(
            max_workers=1, mp_context=get_context("spawn"), initializer=_settle, initargs=(os.getpid(),)
        )
        self.ready = self._pool.submit(os.getpid)  # started now; done once the painter takes orders
        self._orders: dict[Picture, Future[bytes]] = {}

    def order(self, picture: Picture) -> None:
        """Start painting; the newest 400 orders are kept."""
        if picture not in self._orders:
            self._orders[picture] = self._pool.submit(paint, picture)
            if len(self._orders) > 400:
                self._orders.pop(next(iter(self._orders)))

    def image(self, picture: Picture) -> bytes:
        """The finished picture. Raises StillPainting while it is not."""
        self.order(picture)
        painted = self._orders[picture]
        if not painted.done():
            raise StillPainting(painted)
        return painted.result()

    def close(self) -> None:
        """End the painting process; waits for the picture on the easel.

        An interpreter that ends while a pool is still closing may write to the pipe that the pool has just closed.
        """
        self._pool.shutdown(wait=True, cancel_futures=True)


def _settle(parent: int) -> None:
    """In the painter: polite, deaf to Ctrl-C, and gone within a second of its parent, however that one died."""
    os.nice(NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        threading.Event().wait(0.5)
    os._exit(0)


def picture_of(job: SimJob, pool: Pool) -> Picture:
    """What the job's image shows, its defect included; known from the moment of pick-up."""
    duplicate = _picture(job.duplicate_of, pool) if job.duplicate_of else None
    plain = _picture(job.asked, pool)
    if job.planned_fate not in BROKEN_IMAGES:
        return plain
    return replace(plain, defect=Defect(job.planned_fate), duplicate_of=duplicate)


def _picture(asked: Asked, pool: Pool) -> Picture:
    """Steps in lowest terms: who converges in 20 of 20 shows the same as who does in 50 of 50, painted once."""
    own, host = pool.laws.own, zlib.crc32(pool.name.encode()) % pool.laws.own.host_kinds
    reference = 4 if asked.lora else 50 if asked.model.startswith("qwen") else 20
    converged = Fraction(max(1, asked.steps), reference)  # a graph without a sampler shows something too
    return Picture(
        prompt=asked.prompt,
        seed=asked.seed,
        width=asked.width,
        height=asked.height,
        steps=converged.numerator,
        reference_steps=converged.denominator,
        variant=f"{own.variant} {host}",
        precision=own.precision,
    )
