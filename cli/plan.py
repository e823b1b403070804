"""`bakeoff plan`: what blocks of a schedule would show, before any dollar is spent."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import typer
from sqlmodel import Session, select

from analysis.arrivals import LoadError
from analysis.traffic.blended import Blended
from analysis.traffic.equal import Terms
from analysis.traffic.measured import Unmeasured, subjects
from analysis.traffic.profile import KNOWN, Traffic, share_of
from analysis.traffic.replay import ReplayError
from analysis.verdict.card import Card
from analysis.verdict.outlook import WANTED, Outlook, basis, default_card, one_block, outlook, planned_blocks
from analysis.verdict.planner import CAMPAIGNS, MOST_BLOCKS, enough, power
from cli import plans
from cli.output import AsJson, Refused, data_folder, give, reading, say, world_clock
from cli.plans import Asked, Found
from cli.replays import BASELINE, Ended, blend, ended
from storage import cards, verdicts
from storage.blobs import Blobs
from storage.layers import layers
from storage.models import Backend
from storage.plans import LEAST_REPEATS, RunPlan
from storage.profiles import profiles, traffic_of
from words import Feature, Provider, called
from workflows import load

MOST_CAMPAIGNS = 10_000
CANDIDATES = tuple(each.value for each in Provider if each is not Provider.MODAL)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("plan")(plan)


def plan(
    workflow: Annotated[str, typer.Argument(help="flux-dev, qwen-image-2512 or qwen-image-2512-fast.")],
    blocks: Annotated[int | None, typer.Option(help="Blocks; default: what the card's last look takes.")] = None,
    warm: Annotated[int, typer.Option(help="Warm jobs per backend and block.")] = 60,
    cold: Annotated[int, typer.Option(help="Cold jobs per backend and block.")] = 4,
    gpu: Annotated[str | None, typer.Option(help="GPU; default: the card's, else production's.")] = None,
    backend: Annotated[list[str] | None, typer.Option(help="Candidates; default: the card's. Repeat it.")] = None,
    saving: Annotated[float | None, typer.Option(help="The true saving, a share; default: the card's target.")] = None,
    campaigns: Annotated[int, typer.Option(help="Drawn for each candidate; 0: formulas alone.")] = CAMPAIGNS,
    seed: Annotated[int, typer.Option(help="The same seed draws the same campaigns.")] = 1,
    find: Annotated[bool, typer.Option("--enough", help="Add blocks until the rule has 80 % power.")] = False,
    json: AsJson = False,
) -> None:
    """What blocks would show before they are paid for: those each gate needs, the power of the whole rule, what to
    raise, the cost, and the pilot that it rests on. Rents nothing and writes nothing.
    """
    with reading() as session:
        version = cards.current(session)
        card = version.card if version else default_card(workflow, CANDIDATES)
        pin = card.pins.get(workflow)
        names = _candidates(session, card, backend)
        run = RunPlan(
            workflow=workflow, gpu=gpu or (pin.gpu if pin else load(workflow).default_gpu), warm=warm, cold=cold,
            repeats=LEAST_REPEATS if warm else 0, cap_usd=Decimal(1), backends=[card.baseline, *names],
        )  # fmt: skip
        asked = Asked(run, pin.settings if pin else "{}", blocks, saving, campaigns, seed, find)
        _check(asked)
        found = _found(session, card, asked)
        told = plans.document(session, card, asked, found) | {"card": version.number if version else None}
    if json:
        give(told)
    else:
        plans.draw(told, found)


def _candidates(session: Session, card: Card, named: Sequence[str] | None) -> list[str]:
    known = sorted({*session.exec(select(Backend.name))} | {card.baseline, *card.candidates})
    wanted = [name for name in dict.fromkeys(named or card.candidates) if name != card.baseline]
    if unknown := [name for name in wanted if name not in known]:
        raise Refused(f"There is no backend '{unknown[0]}'. Known here: {', '.join(known)}.")
    if not wanted:
        raise Refused(f"A plan is about a candidate beside {called(card.baseline)}: name one with --backend.")
    return wanted


def _check(asked: Asked) -> None:
    if asked.blocks is not None and not 2 <= asked.blocks <= MOST_BLOCKS:
        raise Refused(f"A plan takes 2 to {MOST_BLOCKS} blocks, not {asked.blocks}.")
    if not 0 <= asked.campaigns <= MOST_CAMPAIGNS:
        raise Refused(f"0 to {MOST_CAMPAIGNS:,} campaigns can be drawn, not {asked.campaigns:,}.")
    if asked.saving is not None and not 0 <= asked.saving < 1:
        raise Refused(f"A saving is a share from 0 to below 1, such as 0.2, not {asked.saving:g}.")
    if asked.seed < 0:
        raise Refused(f"The seed must be 0 or more, not {asked.seed}.")
    if asked.enough and not asked.campaigns:
        raise Refused("Without campaigns nothing tells when there are enough blocks: leave --campaigns 0 away.")


# ---------------------------------------------------------------- what it would show


def _found(session: Session, card: Card, asked: Asked) -> list[Found]:
    outlooks = _outlooks(session, card, asked)
    if asked.campaigns and any(each.drawable for each in outlooks):
        many = "" if len(outlooks) == 1 else f" for each of {len(outlooks)} candidates"
        say(f"Drawing {asked.campaigns:,} campaigns{many} and judging each by the whole rule. 500 take about 6 s.")
    return [_judged(card, each, asked, len(outlooks)) for each in outlooks]


def _judged(card: Card, of: Outlook, asked: Asked, many: int) -> Found:
    terms: dict[str, Any] = {
        "saving": asked.saving,
        "candidates": many,
        "campaigns": asked.campaigns,
        "seed": asked.seed,
    }
    if not asked.campaigns or not of.drawable:
        return Found(of, None)
    if not asked.enough:
        return Found(of, power(card, of.plan, of.basis.pilot, **terms))
    last = enough(card, of.plan, of.basis.pilot, wanted=WANTED, **terms)[-1]
    grown = outlook(
        card, of.candidate, of.plan, blocks=last.plan.blocks, basis=of.basis, candidates=many, saving=asked.saving
    )
    return Found(grown, last.power)


def _outlooks(session: Session, card: Card, asked: Asked) -> list[Outlook]:
    run, names = asked.run, asked.run.backends[1:]
    measured = ended(session, run.gpu)
    replay, costs = _replay(session, card, asked, measured), verdicts.move_costs(session, card, names)
    rows = session.exec(select(Backend)).all()
    rented = {row.name for row in rows if Feature.FRESH_HOST_IS_COLD.value in row.features}
    likes = {name: one_block(run.warm, run.cold, rents=name in rented) for name in names}
    blocks = asked.blocks or planned_blocks(card, list(likes.values()))
    jobs = measured.jobs.filter(workflow=run.workflow, settings=asked.settings)
    found = []
    for name, like in likes.items():
        known = basis(replay, jobs, name, baseline=card.baseline, parts=like.parts, cost=costs[name])
        found.append(outlook(card, name, like, blocks=blocks, basis=known, candidates=len(names), saving=asked.saving))
    return found


def _replay(session: Session, card: Card, asked: Asked, measured: Ended) -> Blended | Unmeasured:
    """The workflow's share of the card's traffic on what was measured of it."""
    run = asked.run
    mine = [
        each for each in subjects(measured.jobs) if (each.workflow, each.settings) == (run.workflow, asked.settings)
    ]
    if not mine:
        return Unmeasured(name=BASELINE, gpu=run.gpu, reason=f"No run of {run.workflow} on {run.gpu} has ended yet.")
    folder = data_folder()
    kept = profiles(session)
    row = next((each for each in kept if each.name == card.traffic), kept[0] if kept else None)
    whole: Traffic = traffic_of(row, Blobs(folder.blobs)) if row else next(iter(KNOWN.values()))
    share = share_of(whole, card.weight(run.workflow) if run.workflow in card.workflows else 1.0)
    now = world_clock(folder).now()
    try:
        return blend(measured, mine[0], share, layers=layers(session), requests=Terms.requests, now=now)
    except (LoadError, ReplayError) as error:
        return Unmeasured(name=BASELINE, gpu=run.gpu, reason=str(error))
