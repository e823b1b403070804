"""Price layers are kept with who made them and why, and can be taken off again."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import Session, select

from analysis.layers import Layer, RefusedLayer
from storage.layers import LONGEST_NAME, add_layer, all_layers, layer_of, layers, revoke_layer
from storage.models import Backend, PriceLayer
from tests.unit.storage.rows import AT, after, copied
from words import LayerKind

OURS = Layer(
    name="our price",
    kind=LayerKind.OVERRIDE,
    backend="runpod",
    gpu="L40S",
    usd_per_s=Decimal("0.0004"),
    valid_from=AT,
    valid_to=AT + timedelta(days=30),
)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    with Session(copied(tmp_path / "x.db")) as session:
        for name in ("modal", "runpod"):
            session.add(Backend(name=name, provider=name, simulated=True))
        session.flush()
        yield session


def test_a_layer_comes_back_as_it_was_made_with_who_and_why(session: Session) -> None:
    row = add_layer(session, OURS, made_by="ada", now=after(5), reason="letter of 3 Nov")
    session.expire_all()
    assert layers(session) == [OURS]
    assert (row.made_by, row.reason, row.created_at) == ("ada", "letter of 3 Nov", after(5))


@pytest.mark.parametrize(
    "layer",
    [
        Layer(name="less", kind=LayerKind.DISCOUNT, backend="modal", percent=12.5, valid_from=AT),
        Layer(name="gift", kind=LayerKind.CREDIT, backend="modal", monthly_usd=Decimal(30), valid_from=AT),
        Layer(
            name="year",
            kind=LayerKind.COMMITTED,
            backend="runpod",
            usd_per_s=Decimal("0.000000001"),
            monthly_usd=Decimal(90),
            valid_from=AT,
        ),
    ],
    ids=lambda layer: layer.kind.value,
)
def test_each_kind_is_kept_whole(session: Session, layer: Layer) -> None:
    add_layer(session, layer, made_by="ada", now=AT)
    session.expire_all()
    assert layers(session) == [layer]


def test_a_revoked_layer_is_in_force_no_more_and_stays_on_record(session: Session) -> None:
    number = add_layer(session, OURS, made_by="ada", now=AT).id
    row = revoke_layer(session, number, revoked_by="bo", now=after(60))
    assert layers(session) == []
    assert [(each.id, each.revoked_at, each.revoked_by) for each in all_layers(session)] == [(number, after(60), "bo")]
    assert not layer_of(row).holds("runpod", "L40S", after(1))


def test_a_name_is_free_again_once_its_layer_is_revoked(session: Session) -> None:
    revoke_layer(session, add_layer(session, OURS, made_by="ada", now=AT).id, revoked_by="ada", now=after(1))
    add_layer(session, OURS, made_by="ada", now=after(2))
    assert [row.revoked_at is None for row in all_layers(session)] == [True, False]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": LayerKind.DISCOUNT, "usd_per_s": None, "percent": 120.0}, "120.0 per cent off .* nothing, or less"),
        ({"usd_per_s": Decimal("-0.0004")}, "above zero"),
        ({"usd_per_s": Decimal("NaN")}, "no number"),
        ({"backend": "fal"}, "'fal'. Known: modal, runpod"),
        ({"valid_to": AT}, "not after it begins"),
        ({"name": "  "}, "needs a name"),
        ({"name": "x" * (LONGEST_NAME + 1)}, "at most 80 characters, not 81"),
        ({"name": "taken"}, "'taken' is in force already"),
        ({"kind": LayerKind.CREDIT, "usd_per_s": None, "monthly_usd": Decimal(5)}, "cannot be for one GPU"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_a_price_is_refused_and_leaves_no_row(
    session: Session, changes: dict[str, object], words: str
) -> None:
    add_layer(session, replace(OURS, name="taken"), made_by="ada", now=AT)
    with pytest.raises(RefusedLayer, match=words):
        add_layer(session, replace(OURS, **changes), made_by="ada", now=AT)
    assert [row.name for row in session.exec(select(PriceLayer))] == ["taken"]


def test_only_a_layer_in_force_can_be_revoked(session: Session) -> None:
    number = add_layer(session, OURS, made_by="ada", now=AT).id
    revoke_layer(session, number, revoked_by="bo", now=after(1))
    with pytest.raises(RefusedLayer, match="revoked on 23 Nov 2026 by bo"):
        revoke_layer(session, number, revoked_by="cy", now=after(2))
    with pytest.raises(RefusedLayer, match="no price layer 99"):
        revoke_layer(session, 99, revoked_by="cy", now=after(2))
