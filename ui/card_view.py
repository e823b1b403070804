"""What the page Decision card says of the card: titles, tables and sentences. Pure."""

from collections.abc import Mapping, Sequence

from analysis.verdict.card import Card
from storage.cards import Version
from ui.card_fields import PEOPLE, weight_shown
from ui.formats import UNKNOWN, count, day_time, percent, plain
from ui.load_card import Shown
from ui.names import in_order, label

HASH = 12  # characters that a person compares
NO_CARD = "There is no decision card yet: nothing can be decided"


def card_title(shown: Shown) -> str:
    """Card v3 is locked since 4 Nov, before the first sample | is a draft | was edited after 212 samples."""
    newest = shown.newest
    if newest is None:
        return NO_CARD
    return plain_title(newest) if shown.card is not None else f"{newest} cannot be read: nothing can be decided on it"


def plain_title(version: Version) -> str:
    """A reviewer's name in it is a person's own text."""
    name = version.row.reviewed_by
    return version.title.replace(f"by {name}:", f"by {plain(name)}:") if name else version.title


def card_caption(shown: Shown) -> str:
    """Who made and locked it, its hash, and how many samples are in by now."""
    newest = shown.newest
    if newest is None:
        return "Write down what a verdict has to show before the first sample is seen; then lock it."
    row = newest.row
    locked = f" · locked by {plain(row.locked_by)}, {day_time(row.locked_at)}" if row.locked_at else ""
    return (
        f"made by {plain(row.made_by)}, {day_time(row.made_at)}{locked} · hash {row.digest[:HASH]} · "
        f"{count(shown.samples)} samples are in · names are as typed, not verified"
    )


def lock_words(shown: Shown) -> str:
    """What a lock would mean now."""
    if not shown.samples:
        return "No sample is in: locked now, the card was written before the data."
    verb = "sample is" if shown.samples == 1 else "samples are"
    return (
        f"{count(shown.samples)} {verb} in: locked now, the card is post hoc, verdicts say so, and a second person has "
        "to review it."
    )


def void_words(voids: Sequence[str]) -> str:
    """What an edit makes void; said before it is made."""
    return f"A new version voids {'; '.join(plain(each) for each in voids)}." if voids else "Nothing rests on it yet."


def assumption_rows(card: Card) -> list[dict[str, str]]:
    """What is assumed, what is compared, and what is pinned of it."""
    rows = {
        "Traffic": plain(card.traffic),
        "Baseline": label(card.baseline),
        "Candidates": ", ".join(label(name) for name in in_order(card.candidates)),
    }
    for name in card.workflows:
        rows[f"{plain(name)}, of the images"] = percent(weight_shown(card, card.workflows, name) / 100)
    for name, pinned in card.pins.items():
        hashed = f"hash {pinned.workflow_hash[:HASH]}"
        settings = "" if pinned.settings == "{}" else f", {plain(pinned.settings)}"
        rows[f"{plain(name)}, as compared"] = f"{plain(pinned.gpu)}, {hashed}{settings}"
    rows |= {field.label: field.written(card) for field in PEOPLE}
    rows["Tasks a month"] = ", ".join(f"{kind} {often:g}" for kind, often in card.ops.items() if often) or "none"
    return [{"Assumed": name, "Is": value} for name, value in rows.items()]


def version_rows(versions: Sequence[Version], changes: Mapping[int, Sequence[str]]) -> list[dict[str, str]]:
    """Who, when, what differs, and the hash; the newest first."""
    return [
        {
            "Version": f"v{each.number}",
            "Made by": plain(each.row.made_by),
            "At": day_time(each.row.made_at),
            "State": _state(each),
            "Changed": "; ".join(plain(line) for line in changes[each.number]) or UNKNOWN,
            "Hash": each.row.digest[:HASH],
            "Note": plain(each.row.note) or UNKNOWN,
        }
        for each in versions
    ]


def _state(version: Version) -> str:
    row = version.row
    if row.locked_at is None:
        return "draft"
    late = f", after {count(row.samples_before)} samples" if version.post_hoc else ", before the first sample"
    reviewed = f", reviewed by {plain(row.reviewed_by)}, {day_time(row.reviewed_at)}" if row.reviewed_at else ""
    return f"locked by {plain(row.locked_by)}, {day_time(row.locked_at)}{late}{reviewed}"
