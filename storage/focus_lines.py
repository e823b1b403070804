"""Billing lines with what we know of their deployments, and as they came: `analysis.focus_columns`."""

from typing import Any

import polars as pl
from sqlalchemy import BigInteger, ColumnElement, Select, String, cast, select, type_coerce
from sqlmodel import Session, col
from sqlmodel import select as exact

from analysis.focus_columns import KEPT, LINES, Columns
from storage.models import Charge, Deployment, Installation, Offer, Run
from words import Provider


def accounts(session: Session, workspace: str) -> dict[str, str]:
    """Billing accounts by what we know: Modal's workspace; the others go by the installation that holds their key."""
    ours = session.exec(exact(Installation.token)).first()
    known = {Provider.MODAL.value: workspace}
    return known if ours is None else {provider.value: ours for provider in Provider} | known


def _integer(column: Any) -> ColumnElement[Any]:
    return type_coerce(column, BigInteger)


_LINES: dict[str, Any] = {
    "charge_id": Charge.id,
    "provider": Charge.provider,
    "resource_id": Charge.resource_id,
    "resource_name": Charge.resource_name,
    "product": Charge.product,
    "sku": Charge.sku,
    "meter": Charge.meter,
    "description": col(Charge.raw)["line"]["description"].as_string(),
    "tags": cast(col(Charge.raw)["tags"], String),
    "charge_period_start": _integer(Charge.charge_period_start),
    "charge_period_end": _integer(Charge.charge_period_end),
    "billed_nano": _integer(Charge.billed_cost),
    "billing_currency": Charge.billing_currency,
    "flags": cast(Charge.flags, String),
    "counts": Charge.counts,
    "state": type_coerce(Charge.state, String),
    "same_since": _integer(Charge.same_since),
    "earlier": cast(Charge.earlier, String),
    "simulated": Charge.simulated,
    "run_id": Deployment.run_id,
    "workflow_hash": Run.workflow_hash,
    "backend": Deployment.backend,
    "deployment": col(Deployment.key),
    "gpu": Deployment.gpu,
    "region": Offer.region,
    "gpu_unit": Offer.unit,
    "gpu_usd_nano": _integer(Offer.usd_per_unit),
    "storage_usd_per_gb_month": cast(col(Offer.detail)["storage_cost"].as_float(), String),
    "down_usd_per_gb": cast(col(Offer.detail)["inet_down_cost"].as_float(), String),
    "up_usd_per_gb": cast(col(Offer.detail)["inet_up_cost"].as_float(), String),
}


_KEPT: dict[str, Any] = {
    "charge_id": Charge.id,
    "product": Charge.product,
    "meter": Charge.meter,
    "resource_name": Charge.resource_name,
    "billing_currency": Charge.billing_currency,
    "amount_nano": _integer(Charge.billed_cost),
    "flags": cast(Charge.flags, String),
    "first_seen_at": _integer(Charge.first_seen_at),
    "same_since": _integer(Charge.same_since),
    "fetched_at": _integer(Charge.fetched_at),
    "earlier": cast(Charge.earlier, String),
    "raw": cast(Charge.raw, String),
}


def lines(session: Session) -> pl.DataFrame:
    """Every billing line with what is known of its deployment, `LINES`, by period and id."""
    query = (
        select(*_labelled(_LINES))
        .select_from(Charge)
        .outerjoin(Deployment, col(Deployment.id) == Charge.deployment_id)
        .outerjoin(Run, col(Run.id) == Deployment.run_id)
        .outerjoin(Offer, col(Offer.id) == Deployment.offer_id)
        .order_by(col(Charge.charge_period_start), col(Charge.id))
    )
    return _frame(session, query, LINES)


def kept(session: Session) -> pl.DataFrame:
    """What is kept of every billing line beside `frames.charges`: the provider's own words, `KEPT`, by id."""
    return _frame(session, select(*_labelled(_KEPT)).order_by(col(Charge.id)), KEPT)


def _labelled(columns: dict[str, Any]) -> list[ColumnElement[Any]]:
    return [column.label(name) for name, column in columns.items()]


def _frame(session: Session, query: Select[Any], wanted: Columns) -> pl.DataFrame:
    raw = {name: pl.Int64() if isinstance(dtype, pl.Datetime) else dtype for name, dtype in wanted.items()}
    rows = pl.DataFrame([tuple(row) for row in session.execute(query)], schema=raw, orient="row")
    return rows.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())
