"""Why nothing may be decided now: what was measured may not be believed, or a person has to answer first."""

from collections.abc import Iterator

import polars as pl

from analysis import attribution, blocks, cost, validity
from analysis.looks import alphas
from analysis.verdict.card import Card
from analysis.verdict.evidence import Compared, pinned
from words import called


def blocked(compared: Compared) -> list[str]:
    """Sentences, each with its numbers; none where the rule may speak."""
    return [sentence for check in _CHECKS for sentence in check(compared)]


def _off_the_card(compared: Compared) -> Iterator[str]:
    strange = compared.mine.jobs.filter(~pinned(compared.pin))
    for (backend,), rows in sorted(strange.partition_by("backend", as_dict=True).items()):
        yield (
            f"{rows.height} jobs of {compared.workflow} on {called(str(backend))} had another workflow, other settings "
            "or another GPU than the card names."
        )


def _marked(compared: Compared) -> Iterator[str]:
    """Late generators, caches, impossible speed and failures of our own, in any run of the blocks."""
    found = validity.marks(compared.mine.jobs, late_share=compared.card.late_share).filter("excludes")
    for row in found.iter_rows(named=True):
        yield f"Run {row['run_id']} on {called(row['backend'])}: {row['reason']}"


def _unexplained(compared: Compared) -> Iterator[str]:
    """Of an arm's whole bill: a block's may be too small to tell."""
    frames = compared.mine
    falls = cost.waterfall(frames.deployments, frames.jobs, frames.charges)
    yield from attribution.blocked(falls).values()


def _against_itself(compared: Compared) -> Iterator[str]:
    """The A/A check at the latest look; before the first there is none."""
    if not compared.reached:
        return
    frames = compared.frames.of(compared.reached[-1], [compared.card.baseline])
    kept = compared.timed.filter(pl.col("block_id").is_in(compared.reached[-1]))
    for row in blocks.aa(kept, frames.blocks, family=_family(compared)).iter_rows(named=True):
        if row["passes"] is False:
            limits = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
            yield (
                f"The harness tells {called(compared.card.baseline)} from itself by {row['metric']}: {limits} over "
                f"{row['blocks']} blocks, where {row['neutral']:g} is no difference."
            )


def _family(compared: Compared) -> float:
    """The look's share of the error that the A/A check has over all of them."""
    return 2 * alphas(compared.planned, alpha=blocks.FAMILY / 2)[len(compared.reached) - 1]


def _running(compared: Compared) -> Iterator[str]:
    for backend in (compared.card.baseline, compared.candidate):
        if left := compared.beside.left_running.get(backend, 0):
            yield f"{left} of our resources are still running on {called(backend)}."


def _answers(compared: Compared) -> Iterator[str]:
    card: Card = compared.card
    if card.licence_needed and compared.workflow not in compared.beside.licensed:
        yield f"No person has answered that {compared.workflow} may be used so commercially."
    if card.licence_needed and (why := compared.beside.content_open.get(compared.candidate)):
        yield why
    if compared.beside.post_hoc:
        yield compared.beside.post_hoc


_CHECKS = (_off_the_card, _marked, _unexplained, _against_itself, _running, _answers)
