"""A small bake-off on all three providers, to its last final bill: the rows that exports are made of."""

import tempfile
from functools import cache
from pathlib import Path

import polars as pl

from analysis import focus
from storage import focus_lines
from tests.simulation.bakeoff import Bakeoff, bakeoff, plan

ACCOUNTS = {"modal": "ryla", "runpod": "user_2abc", "vast": "184650"}


@cache
def world() -> Bakeoff:
    """The simulated providers' bills in our tables; made once."""
    return bakeoff(Path(tempfile.mkdtemp()), plan(warm=2, cold=1))


@cache
def lines() -> pl.DataFrame:
    """Its billing lines."""
    with world().reading() as session:
        return focus_lines.lines(session)


@cache
def exported() -> pl.DataFrame:
    """The same as FOCUS."""
    return focus.of(lines(), ACCOUNTS)
