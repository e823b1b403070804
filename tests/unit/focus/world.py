"""A small bake-off on all three providers, to its last final bill, and odd lines beside: what exports are made of."""

import atexit
import json
import shutil
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from analysis import focus
from analysis.focus_columns import LINES
from storage import focus_lines
from storage.list_prices import listed
from tests.simulation.bakeoff import Bakeoff, bakeoff, plan

ACCOUNTS = {"modal": "ryla", "runpod": "user_2abc", "vast": "184650"}
LATE = datetime(2026, 12, 2, 9, tzinfo=UTC)  # after November's bills closed
SOON = datetime(2026, 11, 4, 9, tzinfo=UTC)


@cache
def world() -> Bakeoff:
    """The simulated providers' bills in our tables; made once."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return bakeoff(folder, plan(warm=2, cold=1))


@cache
def billed() -> pl.DataFrame:
    """The world's billing lines."""
    with world().reading() as session:
        return focus_lines.lines(session)


@cache
def lines() -> pl.DataFrame:
    """The same, and what a quiet world does not bill; one of them counts in no sum."""
    known = {(row["provider"], row["sku"]): row for row in billed().iter_rows(named=True)}
    return pl.concat([billed(), pl.DataFrame(list(_odd(known)), schema=LINES, orient="row")])


def _odd(known: dict[tuple[str, str], dict[str, Any]]) -> list[dict[str, Any]]:
    runpod, disk, modal, vast = (
        known["runpod", "gpu"], known["runpod", "disk"], known["modal", "gpu"], known["vast", "gpu"],
    )  # fmt: skip
    nobodys = dict.fromkeys(("run_id", "workflow_hash", "backend", "deployment", "gpu", "region", "gpu_unit"))
    nobodys |= dict.fromkeys(("gpu_usd_nano", "storage_usd_per_gb_month", "down_usd_per_gb", "up_usd_per_gb"))
    return [
        runpod | {"charge_id": "runpod/x/fee", "sku": "fee", "billed_nano": 1_234_567},
        runpod | {"charge_id": "runpod/x/other", "sku": "other", "billed_nano": -17},
        runpod | {"charge_id": "runpod/x/negative", "billed_nano": -5_300_001, "flags": '["negative"]'},
        disk | {"charge_id": "runpod/v", "product": "volume", "sku": "storage", "resource_id": "v1"} | nobodys,
        modal | {"charge_id": "modal/y/B300", "resource_id": "ap-9", "resource_name": "web", "meter": "B300"} | nobodys,
        modal | {"charge_id": "modal/y/new", "sku": "tensor", "tags": "null"},
        vast | {"charge_id": "vast/y/gpu", "resource_id": "7", "resource_name": None, "product": "cluster"} | nobodys,
        vast | {"charge_id": "vast/late/gpu"} | _changed("0.030000001", LATE),
        vast | {"charge_id": "vast/soon/gpu"} | _changed("0.030000001", SOON),
        vast | {"charge_id": "vast/euro", "billing_currency": "EUR", "counts": False, "flags": '["foreign_currency"]'},
    ]  # fmt: skip


def _changed(before: str, at: datetime) -> dict[str, Any]:
    said = {"billed_cost": before, "state": "provisional", "same_since": "2026-11-03T08:00:00+00:00"}
    return {"same_since": at, "earlier": json.dumps([said])}


@cache
def exported() -> pl.DataFrame:
    """All lines as FOCUS."""
    return focus.of(lines(), ACCOUNTS, listed())
