"""What a move comes to: dollars of the saving, what is beside the bill, and the words for it."""

import polars as pl
import pytest

from analysis import moves
from analysis.effort import EFFORT
from analysis.moves import Assumed
from analysis.traffic.blended import Blended, blended
from analysis.traffic.equal import Terms
from analysis.traffic.profile import Curve
from analysis.traffic.replay import Setting
from tests.unit.analysis.samples import after
from tests.unit.analysis.traffic_samples import MODAL_NANO, RUNPOD_NANO, measured
from words import EffortKind, Provider


def minutes(*rows: tuple[str, float]) -> pl.DataFrame:
    told = [
        {"at": after(0), "backend": name, "kind": "deploy", "minutes": took, "measured": False, "simulated": True}
        for name, took in rows
    ]
    return pl.DataFrame([{name: row.get(name) for name in EFFORT} for row in told], schema=EFFORT)


@pytest.fixture(scope="module")
def found() -> Blended:
    """Runpod as Modal, at four fifths of its price."""
    services = [
        measured("Modal", MODAL_NANO, Setting(window_s=60), blocks=12),
        measured("Runpod", RUNPOD_NANO, Setting(window_s=60), blocks=12),
    ]
    told = blended(services, Terms(traffic=Curve(per_day=1000), requests=400, requests_per_block=100), baseline="Modal")
    assert isinstance(told, Blended)
    return told


def test_the_saving_of_a_move_is_the_share_of_the_baselines_best_month_and_all_of_it_is_held_to_the_rest(
    found: Blended,
) -> None:
    assumed = Assumed(per_month={EffortKind.DEPLOY: 6.0}, plan_usd={"modal": 250.0}, storage_usd={"runpod": 20.0})
    log = minutes(("modal", 20.0), ("runpod", 50.0))
    (move,) = moves.moves(found, log, assumed, baseline=Provider.MODAL)
    base, offered = found.providers
    assert base.best is not None
    assert base.best.month is not None
    assert offered.saving is not None
    assert move.saving is not None
    assert move.saving.point == pytest.approx(offered.saving.point * base.best.month.nano / 1e9)
    assert (move.candidate.usd, move.baseline.usd) == (520.0, 450.0)
    assert move.owned is not None
    assert move.owned.more_usd == 70.0
    assert move.owned.net.point == pytest.approx(move.saving.point - 70.0)
    assert move.owned.one_off_usd == 1600.0
    assert move.said == moves.outcome_words(move.owned, least_usd=50.0)


def test_a_task_nobody_timed_is_named_by_provider(found: Blended) -> None:
    assumed = Assumed(per_month={EffortKind.DEPLOY: 1.0, EffortKind.LOGS: 1.0})
    (move,) = moves.moves(found, minutes(("runpod", 50.0)), assumed, baseline=Provider.MODAL)
    assert move.owned is None
    assert move.said == "nobody has timed logs on Runpod and deploy and logs on Modal yet"
