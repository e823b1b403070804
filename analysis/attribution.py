"""Whose dollars they were: waterfalls summed by run, backend or provider, what nothing explains, and how far off our
estimates were.

Sums are integer nano-USD and close as their parts do: billed = good + failed + cold + idle + storage + network + fee +
rounding + unexplained.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import polars as pl

from analysis import cost, lines, schema
from words import CostState, Mark, called

UNEXPLAINED_LIMIT = 0.05  # of a bill; beyond it no verdict rests on that bill
ESTIMATES = pl.Schema(  # one run on one backend
    {
        "run_id": pl.Int64,
        "backend": pl.String,
        "deployments": pl.Int64,  # that have a bill and an estimate
        "estimated_nano": pl.Int64,
        "billed_nano": pl.Int64,
        "error": pl.Float64,  # estimated / billed - 1
        "unexplained_nano": pl.Int64,
        "cost_state": pl.String,
        "simulated": pl.Boolean,
    }
    | {"at": pl.Datetime("us", "UTC")}  # end of the last period that was billed
)
_SUMS = [*(f"{part}_nano" for part in (*cost.PARTS, "billed")), "unknown_jobs"]
_STRAY = {lines.STORAGE: "storage_nano", lines.FEE: "fee_nano", lines.ROUNDING: "rounding_nano"}


def summed(falls: pl.DataFrame, *keys: str, more: Sequence[str] = ()) -> pl.DataFrame:
    """`schema.WATERFALL` rows summed by its key columns, ordered: parts, billed, unknown_jobs, the weakest state."""
    return (
        falls.group_by(*keys)
        .agg(pl.col(*_SUMS, *more).sum(), lines.weakest_state(pl.col("cost_state")), pl.col("simulated").any())
        .sort(*keys)
    )


def of_providers(
    falls: pl.DataFrame, deployments: pl.DataFrame, charges: pl.DataFrame, *, volumes: Collection[str] = ()
) -> pl.DataFrame:
    """By provider, with the account's lines of no deployment: a fee is a fee, a volume of ours that nothing used is
    storage at rest; not_ours_nano has the rest, which is no business of any run and is in billed_nano too.

    `falls`: `cost.waterfall` of the same frames and volumes.
    """
    ours = falls.select(
        *_SUMS,
        "cost_state",
        "simulated",
        provider=pl.col("backend").str.split("-").list.first(),
        not_ours_nano=pl.lit(0, pl.Int64),
    )
    stray = lines.of_nobody(lines.allocated(charges, deployments, volumes), volumes)
    into = pl.col("purpose").replace_strict(_STRAY, default="not_ours_nano")
    names = [*(f"{part}_nano" for part in cost.PARTS), "not_ours_nano"]
    parts = [pl.when(into == name).then("billed_nano").otherwise(0).alias(name) for name in names]
    theirs = stray.select(
        *parts,
        "billed_nano",
        "simulated",
        "provider",
        cost_state="state",
        unknown_jobs=pl.lit(0, pl.Int64),
    ).select(ours.columns)
    return summed(pl.concat([ours, theirs]), "provider", more=["not_ours_nano"])


def marks(falls: pl.DataFrame) -> pl.DataFrame:
    """`schema.MARKS`, by run and backend: of whose bill more than 5 % is explained by nothing that we measured.

    value: the share of the bill, signed, infinite of a bill of nothing. Such a run is blocked: no verdict rests on it.
    A bill that is still open is not judged, one that is too small only once it is final.
    """
    rows = [
        {
            **{name: row[name] for name in ("run_id", "backend", "simulated")},
            "mark": Mark.UNEXPLAINED.value,
            "reason": _sentence(row),
            "value": share(row),
            "limit": UNEXPLAINED_LIMIT,
            "excludes": Mark.UNEXPLAINED.excludes,
        }
        for row in _beyond(summed(falls, "run_id", "backend"))
    ]
    return pl.DataFrame(rows, schema=schema.MARKS)


def blocked(falls: pl.DataFrame) -> dict[str, str]:
    """Backend -> why its bill over all these deployments blocks a verdict; a backend that is not there has none."""
    return {row["backend"]: _sentence(row) for row in _beyond(summed(falls, "backend"))}


def unknown_work(fall: Mapping[str, Any]) -> str | None:
    """Whose work is in idle because nobody says how long it took; None where all of it is known."""
    n = fall["unknown_jobs"]
    if not n:
        return None
    return f"How long {'1 job' if n == 1 else f'{n} jobs'} worked is not known: it is in idle, or unexplained."


def share(fall: Mapping[str, Any]) -> float:
    """Unexplained / billed, signed; 0 where both are nothing."""
    unexplained, billed = fall["unexplained_nano"], fall["billed_nano"]
    if billed:
        return float(unexplained / billed)
    return float("inf") * (1 if unexplained > 0 else -1) if unexplained else 0.0


def beyond_limit(fall: Mapping[str, Any]) -> bool:
    """More of it is unexplained than a verdict bears. An open bill says nothing yet, and one that may still grow is not
    too small."""
    state = CostState(fall["cost_state"])
    if state is CostState.OPEN:
        return False
    return share(fall) > UNEXPLAINED_LIMIT or (state is CostState.FINAL and share(fall) < -UNEXPLAINED_LIMIT)


def estimates(costs: pl.DataFrame, falls: pl.DataFrame, charges: pl.DataFrame) -> pl.DataFrame:
    """`ESTIMATES`: estimated against billed, of a run's deployments that have both, ordered by backend and at.

    `costs`: `cost.of_deployments`; `falls`: `cost.waterfall`. error: estimated / billed - 1, null of a bill of nothing.
    at: the end of the last period that the run was billed for: a backend's rows are its history.
    """
    ended = charges.group_by("deployment_id").agg(at=pl.col("charge_period_end").max())
    strange = falls.select("deployment_id", "unexplained_nano")
    return (
        costs.filter(pl.col("billed_nano").is_not_null(), pl.col("estimated_nano").is_not_null())
        .join(ended, on="deployment_id", how="left")
        .join(strange, on="deployment_id", how="left")
        .group_by("run_id", "backend")
        .agg(
            pl.len().cast(pl.Int64).alias("deployments"),
            pl.col("estimated_nano", "billed_nano", "unexplained_nano").sum(),
            lines.weakest_state(pl.col("cost_state")),
            pl.col("at").max(),
            pl.col("simulated").any(),
        )
        .with_columns(
            error=pl.when(pl.col("billed_nano") != 0).then(pl.col("estimated_nano") / pl.col("billed_nano") - 1)
        )
        .sort("backend", "at", "run_id")
        .select(ESTIMATES.names())
    )


def _beyond(sums: pl.DataFrame) -> list[dict[str, Any]]:
    return [row for row in sums.iter_rows(named=True) if beyond_limit(row)]


def _sentence(row: Mapping[str, Any]) -> str:
    unexplained, billed = row["unexplained_nano"] / 1e9, row["billed_nano"] / 1e9
    bill, odd = f"{called(row['backend'])}'s bill of {cost.dollars(billed, 4)}", cost.dollars(abs(unexplained), 4)
    if unexplained > 0:
        return f"Nothing that we measured explains {odd} of {bill}, {_percent(row)}; the limit is 5 %."
    return f"What we measured costs {odd} more than {bill}, {_percent(row)} of it; the limit is 5 %."


def _percent(row: Mapping[str, Any]) -> str:
    return "all of it" if not row["billed_nano"] else f"{abs(share(row)) * 100:.1f} %"
