"""Traffic profiles: a volume with its curve, a trace as it was uploaded, the product's own volumes."""

from pathlib import Path

import pytest
from sqlmodel import Session, select

from analysis.traffic.profile import FLAT, KNOWN, Curve, Recorded
from storage.blobs import Blobs
from storage.models import Installation, TrafficProfile
from storage.profiles import (
    MOST_BYTES,
    MOST_ROWS,
    ProfileRefused,
    add_daily,
    add_known,
    add_trace,
    chosen,
    profiles,
    traffic_of,
)
from tests.unit.storage.rows import AT, copied

TRACE = b"when\n2026-11-02T08:00:00Z\n2026-11-02T08:00:00Z\n2026-11-02T20:30:00Z\n"
MORNING = [0.0] * 8 + [3.0, 1.0] + [0.0] * 14
BY = {"made_by": "ada", "now": AT}


@pytest.fixture
def session(tmp_path: Path) -> Session:
    with Session(copied(tmp_path / "x.db")) as session:
        session.add(Installation(token="bakeoff-t", simulated=True, created_at=AT))
        session.flush()
        yield session


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def test_a_daily_volume_comes_back_with_its_curve_as_shares(session: Session, blobs: Blobs) -> None:
    row = add_daily(session, name=" ours ", per_day=1000, curve=MORNING, note="from the logs", **BY)
    assert (row.name, row.kind.value, row.simulated, row.made_by) == ("ours", "daily", True, "ada")
    traffic = traffic_of(row, blobs)
    assert isinstance(traffic, Curve)
    assert (traffic.per_day, traffic.weights[8], traffic.weights[9], sum(traffic.weights)) == (1000, 0.75, 0.25, 1)


def test_a_volume_without_a_curve_is_flat(session: Session, blobs: Blobs) -> None:
    traffic = traffic_of(add_daily(session, name="flat", per_day=24, **BY), blobs)
    assert [weight * 24 for weight in traffic.weights] == pytest.approx(FLAT)


@pytest.mark.parametrize("known", KNOWN)
def test_a_known_volume_of_the_product_says_where_it_is_from(session: Session, blobs: Blobs, known: str) -> None:
    row = add_known(session, known=known, **BY)
    traffic = traffic_of(row, blobs)
    assert (row.name, row.note, traffic.per_day) == (known, KNOWN[known].source, KNOWN[known].per_day)
    assert "not measured" in row.note


def test_a_trace_is_kept_as_it_came_and_read_again(session: Session, blobs: Blobs) -> None:
    row = add_trace(session, blobs, TRACE, name="monday", **BY)
    assert row.instants_sha256 is not None
    assert blobs.get(row.instants_sha256) == TRACE
    assert (row.requests, row.per_day) == (3, 3)
    assert [round(share * 3) for share in row.curve or []] == [0] * 8 + [2] + [0] * 11 + [1] + [0] * 3
    traffic = traffic_of(row, blobs)
    assert isinstance(traffic, Recorded)
    assert list(traffic.offsets_s) == [8 * 3600, 8 * 3600, 20.5 * 3600]


def test_the_newest_is_chosen_unless_another_is_named(session: Session) -> None:
    with pytest.raises(ProfileRefused, match="bakeoff traffic add"):
        chosen(session)
    first, second = (add_daily(session, name=name, per_day=5, **BY) for name in "ab")
    assert chosen(session) == second
    assert chosen(session, first.id) == first
    assert [row.name for row in profiles(session)] == ["b", "a"]
    with pytest.raises(ProfileRefused, match="no traffic profile 9"):
        chosen(session, 9)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no instant"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"2026-11-02T08:00:00Z\nsoon\n", "Line 2 .* no instant"),
        (b"2026-11-02T08:00:00\n", "not in UTC"),
        (b"2027-11-02T08:00:00Z\n", "in the future"),
        (b"2026-11-02T08:00:01Z\n2026-11-02T08:00:00Z\n", "earlier than the line above"),
        (b"x\n" * (MOST_ROWS + 2), "at most 1,000,000"),
        (b" " * (MOST_BYTES + 1), "bytes; at most 64,000,000"),
    ],
    ids=["empty", "binary", "words", "no zone", "future", "unsorted", "rows", "bytes"],
)
def test_a_trace_that_cannot_be_read_is_refused_and_not_kept(
    session: Session, blobs: Blobs, tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(ProfileRefused, match=words):
        add_trace(session, blobs, content, name="bad", **BY)
    assert session.exec(select(TrafficProfile)).all() == []
    assert not (tmp_path / "blobs").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"per_day": 0}, "above 0"),
        ({"per_day": -3}, "above 0"),
        ({"per_day": float("nan")}, "above 0"),
        ({"per_day": 1e9}, "at most"),
        ({"curve": [1.0] * 23}, "24 weights"),
        ({"curve": [0.0] * 24}, "24 weights"),
        ({"curve": [-1.0] + [1.0] * 23}, "24 weights"),
        ({"name": "  "}, "needs a name"),
        ({"name": "x" * 81}, "at most 80"),
        ({"name": "taken"}, "'taken' already"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_traffic_that_cannot_be_is_refused(session: Session, given: dict[str, object], words: str) -> None:
    add_daily(session, name="taken", per_day=1, **BY)
    with pytest.raises(ProfileRefused, match=words):
        add_daily(session, **{"name": "x", "per_day": 9, **BY, **given})
    assert len(profiles(session)) == 1


def test_a_name_that_is_taken_is_refused_before_its_file_is_kept(
    session: Session, blobs: Blobs, tmp_path: Path
) -> None:
    add_daily(session, name="taken", per_day=1, **BY)
    with pytest.raises(ProfileRefused, match="'taken' already"):
        add_trace(session, blobs, TRACE, name="taken", **BY)
    assert not (tmp_path / "blobs").exists()


def test_a_volume_that_nobody_knows_is_refused(session: Session) -> None:
    with pytest.raises(ProfileRefused, match=r"'a lot'\. There are: 1,000 requests a day"):
        add_known(session, known="a lot", **BY)


def test_a_trace_whose_file_is_gone_says_so(session: Session, blobs: Blobs) -> None:
    row = add_trace(session, blobs, TRACE, name="monday", **BY)
    blobs.path(row.instants_sha256 or "").unlink()
    with pytest.raises(ProfileRefused, match=r"'monday' is gone\. Upload it again"):
        traffic_of(row, blobs)


def test_without_an_installation_nothing_is_kept(tmp_path: Path) -> None:
    with Session(copied(tmp_path / "y.db")) as session, pytest.raises(ProfileRefused, match="bakeoff collect"):
        add_daily(session, name="x", per_day=9, **BY)
