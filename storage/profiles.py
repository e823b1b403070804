"""Traffic profiles: when requests of production come. Inserted and read here; `analysis.traffic` replays them."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from analysis.arrivals import LoadError
from analysis.traces import hourly_shares, read_instants
from analysis.traffic.profile import FLAT, KNOWN, Curve, Recorded, Traffic, recorded
from storage.blobs import Blobs
from storage.foreign import SENTENCE, kept_text
from storage.models import Installation, TrafficProfile
from storage.plans import PlanError
from words import TrafficKind

LONGEST_NAME = 80
MOST_ROWS = 1_000_000  # of an uploaded trace
MOST_BYTES = 64_000_000


class ProfileRefused(PlanError):
    """Traffic that cannot be; one sentence with the cause and the way out."""


def add_daily(
    session: Session,
    *,
    name: str,
    per_day: float,
    made_by: str,
    now: datetime,
    curve: Sequence[float] | None = None,
    note: str = "",
) -> TrafficProfile:
    """So many requests a day, along 24 weights from midnight UTC on, or evenly. Raises ProfileRefused."""
    try:
        traffic = Curve(per_day=per_day, weights=FLAT if curve is None else curve)
    except LoadError as error:
        raise ProfileRefused(str(error)) from None
    return _insert(session, traffic, TrafficKind.DAILY, name=name, made_by=made_by, now=now, note=note)


def add_known(session: Session, *, known: str, made_by: str, now: datetime, name: str = "") -> TrafficProfile:
    """One of the product's own volumes, by its name in `analysis.traffic.profile.KNOWN`. Raises ProfileRefused."""
    traffic = KNOWN.get(known)
    if traffic is None:
        raise ProfileRefused(f"No volume of the product is called {known!r}. There are: {'; '.join(KNOWN)}.")
    return _insert(
        session, traffic, TrafficKind.KNOWN, name=name or known, made_by=made_by, now=now, note=traffic.source
    )


def add_trace(
    session: Session, blobs: Blobs, content: bytes, *, name: str, made_by: str, now: datetime, note: str = ""
) -> TrafficProfile:
    """A CSV of instants as `analysis.traces.read_instants` reads it; the file is kept as it came, by its SHA-256.

    Raises ProfileRefused with the line at fault, or if there are more than `MOST_ROWS`.
    """
    if len(content) > MOST_BYTES:
        raise ProfileRefused(f"The file has {len(content):,} bytes; at most {MOST_BYTES:,} are taken.")
    traffic = _record(content, now)
    _check_name(session, name)
    sha256 = blobs.put(content)
    row = _insert(session, traffic, TrafficKind.TRACE, name=name, made_by=made_by, now=now, note=note)
    row.instants_sha256, row.requests = sha256, len(traffic.offsets_s)
    session.flush()
    return row


def profiles(session: Session) -> Sequence[TrafficProfile]:
    """Every profile, newest first."""
    return session.exec(select(TrafficProfile).order_by(col(TrafficProfile.id).desc())).all()


def chosen(session: Session, number: int | None = None) -> TrafficProfile:
    """The profile of that number, or the newest. Raises ProfileRefused."""
    if number is None:
        newest = next(iter(profiles(session)), None)
        if newest is None:
            raise ProfileRefused("No traffic is known yet. Add some with `bakeoff traffic add`.")
        return newest
    row = session.get(TrafficProfile, number)
    if row is None:
        raise ProfileRefused(f"There is no traffic profile {number}. `bakeoff traffic` lists them.")
    return row


def traffic_of(row: TrafficProfile, blobs: Blobs) -> Traffic:
    """A row as `analysis.traffic` takes it; of a trace, its file is read. Raises ProfileRefused if that is gone."""
    if row.instants_sha256 is None:
        return Curve(per_day=row.per_day or 0.0, weights=row.curve or FLAT, source=row.note)
    try:
        content = blobs.get(row.instants_sha256)
    except FileNotFoundError:
        raise ProfileRefused(f"The file of the traffic profile {row.name!r} is gone. Upload it again.") from None
    return _record(content, row.created_at)


def _record(content: bytes, now: datetime) -> Recorded:
    try:
        text = content.decode("utf-8-sig")
        return recorded(read_instants(text, now=now, most=MOST_ROWS))
    except UnicodeDecodeError:
        raise ProfileRefused("The file is no text in UTF-8. Save it as CSV with one instant a line.") from None
    except LoadError as error:
        raise ProfileRefused(str(error)) from None


def _insert(
    session: Session, traffic: Traffic, kind: TrafficKind, *, name: str, made_by: str, now: datetime, note: str
) -> TrafficProfile:
    installation = session.get(Installation, 1)
    if installation is None:
        raise ProfileRefused("The collector has never run on this data folder. Start it with `bakeoff collect`.")
    _check_name(session, name)
    row = TrafficProfile(
        name=kept_text(name.strip(), LONGEST_NAME),
        kind=kind,
        per_day=traffic.per_day,
        curve=hourly_shares(traffic.weights),
        note=kept_text(note, SENTENCE),
        made_by=made_by,
        simulated=installation.simulated,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _check_name(session: Session, name: str) -> None:
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        raise ProfileRefused(f"A traffic profile needs a name of at most {LONGEST_NAME} characters.")
    if session.exec(select(TrafficProfile.id).where(TrafficProfile.name == name.strip())).first() is not None:
        raise ProfileRefused(f"A traffic profile is named {name.strip()!r} already. Choose another name.")
