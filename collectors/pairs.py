"""Comparing images once they exist: a few at a time, in a thread, so that no job waits for it."""

import asyncio
from functools import lru_cache, partial

from analysis.parity import Luma, dissimilarity, luma
from analysis.pictures import NoPicture
from collectors.context import Context
from storage import pairs
from storage.blobs import Blobs
from storage.pairs import ToCompare

PORTION = 10  # pairs, about 50 ms of one core each at 1024 px
MOST_KEPT = 64  # images, a quarter of a megabyte each: the baseline's come with each candidate's


async def compare(ctx: Context) -> int:
    """Compare the next few pairs that are missing and keep what was found. Gives how many they were; 0: none is left.

    Once none was left, nothing is looked for until there is another image.
    """
    newest = await ctx.load(pairs.newest_image)
    if newest == ctx.paired_to:
        return 0
    found = (await ctx.load(pairs.missing))[:PORTION]
    if not found:
        ctx.paired_to = newest
        return 0
    compared = [(each.pair, await _compared(ctx.blobs, each)) for each in found if not ctx.draining]
    await ctx.writer.run(partial(pairs.keep, compared=compared, at=ctx.clock.now()))
    return len(compared)


async def compare_all(ctx: Context) -> None:
    """Until none is missing, or this process is to end."""
    while not ctx.draining and await compare(ctx):
        pass


async def _compared(blobs: Blobs, each: ToCompare) -> float | None:
    return await asyncio.get_running_loop().run_in_executor(None, _dissimilarity, blobs, each)


def _dissimilarity(blobs: Blobs, each: ToCompare) -> float | None:
    """None where a file is lost or is no picture any more."""
    base, other = each.sha256
    try:
        return dissimilarity(_luma(blobs, base), _luma(blobs, other))
    except (OSError, NoPicture):
        return None


@lru_cache(MOST_KEPT)
def _luma(blobs: Blobs, sha256: str) -> Luma:
    return luma(blobs.get(sha256))
