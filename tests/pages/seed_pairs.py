"""Compares the images of `seed` as the collector does."""

from datetime import datetime

from sqlmodel import Session

from analysis.parity import dissimilarity, luma
from storage import pairs
from storage.blobs import Blobs


def add(session: Session, blobs: Blobs, *, at: datetime) -> None:
    """Every pair that can be had."""
    session.flush()
    for each in pairs.missing(session):
        found = dissimilarity(*(luma(blobs.get(sha256)) for sha256 in each.sha256))
        pairs.keep(session, [(each.pair, found)], at=at)
