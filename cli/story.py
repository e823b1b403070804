"""What happens to a demo's bills: a late row that nothing explains, and its correction."""

import json
import urllib.request
from collections.abc import Callable, Mapping, Sequence

from sqlmodel import Session, col, func, select

from collectors.billing import LEAPT
from storage.models import Block, Event
from words import BlockStatus

_LEAPS = 2  # of 12 h, between the late row and its correction
_OPEN = (BlockStatus.PLANNED, BlockStatus.STARTED)


class LateRow:
    """Once the last block is done, Runpod's last row says more than was used; two leaps later it is corrected."""

    def __init__(self, send: Callable[[Mapping[str, Sequence[str]]], None]) -> None:
        self._send, self._sent = send, 0

    def look(self, session: Session) -> None:
        """Do what is due."""
        if self._sent == 0 and _all_done(session):
            self._plan({"runpod": ["dear"]})
        elif self._sent == 1 and _leaps(session) >= _LEAPS:
            self._plan({})

    def _plan(self, odd: Mapping[str, Sequence[str]]) -> None:
        self._send(odd)
        self._sent += 1


def to_control(url: str, odd: Mapping[str, Sequence[str]]) -> None:
    """Tell the simulator what is wrong with its bills now."""
    asked = urllib.request.Request(f"{url}/odd-bills", json.dumps(odd).encode())  # noqa: S310 - our own loopback address
    urllib.request.urlopen(asked, timeout=30).close()  # noqa: S310 - the same


def _all_done(session: Session) -> bool:
    return session.exec(select(Block.id).where(col(Block.status).in_(_OPEN))).first() is None


def _leaps(session: Session) -> int:
    return session.exec(select(func.count()).select_from(Event).where(Event.kind == LEAPT)).one()
