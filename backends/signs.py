"""What a provider says of a job without a picture, and what it means: rows that are tried in order.

Each provider's `failures.py` holds one table of them, total over its terminal states; a text that no row knows is
`unexpected_reply`, whose class is unknown: nothing new passes as a failure of somebody's.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from words import Reason


@dataclass(frozen=True, kw_only=True)
class Sign:
    """One way in which a provider says it.

    state: its word for how the job ended. words: a regular expression (case aside) that the text beside it must hold;
    "" takes any text. said: such a text, as it was seen or documented. source: by whom and when.
    """

    state: str
    words: str = ""
    reason: Reason
    said: str = ""
    source: str

    def fits(self, state: str, text: str) -> bool:
        """Does this row speak of a job that ended so, with that text?"""
        return self.state == state and re.search(self.words, text, re.IGNORECASE) is not None


def reason_of(signs: Iterable[Sign], state: str, text: str) -> Reason:
    """The first row that fits; `unexpected_reply` where none does. The text itself is kept by the caller."""
    return next((sign.reason for sign in signs if sign.fits(state, text)), Reason.UNEXPECTED_REPLY)
