"""What the page Vote shows: two pictures treated alike, whose they were once the vote is in, and what all say. Pure."""

from collections.abc import Mapping, Sequence

from PIL import Image

from analysis.pictures import NoPicture, encoded, pixels, worsened
from analysis.votes import VOTES, Panel
from storage.blobs import Blobs
from storage.votes import Answer, Ask, Judged
from ui.gallery_view import QUALITY_WORDS
from ui.names import label

SHOWN_PX = 1024
_PNG_EFFORT = 3
# Answer, words on its button, key.
BUTTONS: Sequence[tuple[Answer, str, str]] = (
    ("left", "Left", "Left"),
    ("neither", "No difference", "Down"),
    ("right", "Right", "Right"),
    ("broken", "Broken", "X"),
)


def sides(blobs: Blobs, ask: Ask) -> tuple[bytes | None, bytes | None]:
    """Both images as PNG, drawn anew without loss; None where one cannot be shown.

    The address of a stored image would name it. Of a known answer the other image is made worse here.
    """
    worse = (ask.degraded and not ask.baseline_left, ask.degraded and ask.baseline_left)
    left, right = (_drawn(blobs, sha256, worse=each) for sha256, each in zip(ask.sha256, worse, strict=True))
    return left, right


def _drawn(blobs: Blobs, sha256: str, *, worse: bool) -> bytes | None:
    content = blobs.shown(sha256)
    if content is None:
        return None
    try:
        picture = pixels(content)
    except NoPicture:
        return None
    picture.thumbnail((SHOWN_PX, SHOWN_PX), Image.Resampling.BOX)
    return encoded(worsened(picture) if worse else picture, "PNG", compress_level=_PNG_EFFORT)


def whose(ask: Ask) -> str:
    """Said once the vote on it is in: left was Modal, right Runpod."""
    if ask.degraded:
        side = "right" if ask.baseline_left else "left"
        return f"that pair had a known answer: its {side} image was made worse on purpose."
    return f"left was {label(ask.backends[0])}, right {label(ask.backends[1])}."


def counted(panel: Panel, rater: str) -> str:
    """Whether this rater's votes count, and why not."""
    if rater in panel.dropped:
        return f"Your votes do not count: your name {panel.dropped[rater]}."
    return f"Your votes count, beside those of {len(panel.raters) - 1} others."


def results(judged: Sequence[Judged], workflow: str) -> list[Mapping[str, str]]:
    """A row for each candidate of the workflow."""
    return [
        {
            "": f"{label(each.backend)} on {each.gpu}",
            "Votes": f"{each.people.votes} of {VOTES}",
            "Raters": str(each.people.raters),
            "People": each.people.sentence,
            "Agreement": "–" if each.people.kappa is None else f"kappa {each.people.kappa:.2f}",
            "Found": QUALITY_WORDS[each.told.quality],
        }
        for each in judged
        if each.workflow == workflow
    ]
