"""The report of a verdict as sections of text and tables: one page for finance, then appendices for engineers.

Pure: of the document that a snapshot gives. How a section looks is the business of `analysis.verdict.render`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analysis.verdict import advice
from analysis.verdict.appendix import behind, samples
from analysis.verdict.document import shown
from analysis.verdict.measured import DASH, Section, Table, card, cell, prices, sections
from analysis.verdict.said import NAMES, NOT_VERIFIED, STATES
from words import Gate, Verdict, called

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Report:
    """headline: the finding. under: what stands beneath it. first: the page for finance; rest: the appendices.

    event: the finding for machines, as the team's chat words events.
    """

    event: str
    marked: str  # SIMULATED, or empty
    stamp: str
    headline: str
    under: Sequence[str]
    first: Sequence[Section]
    rest: Sequence[Section]


def report(said: Document) -> Report:
    """Everything that a reader needs to take the verdict apart."""
    made = datetime.fromisoformat(said["made_at"])
    snapshot = said["snapshot"][:8] or "not frozen"
    return Report(
        event=_event(said),
        marked="SIMULATED: no real cloud, no real dollar" if said["simulated"] else "",
        stamp=f"GPU Bake-off · IN-035 · {day(made)} · snapshot {snapshot}",
        headline=said["title"],
        under=[line for line in (_stale(said), said["sentence"], _valid(said), _unverified(said)) if line],
        first=list(_first(said)),
        rest=list(_appendices(said)),
    )


def day(at: datetime) -> str:
    """23 Nov 2026."""
    return f"{at.day} {at:%b %Y}"


def signatures(said: Document) -> list[str]:
    """Who said what to it, the newest first; nothing where nobody did."""
    return [_signature(row) for row in said.get("signed", ())]


def _signature(row: Document) -> str:
    second = f" with {row['second_name']}" if row["second_name"] else ""
    word = "agrees" if row["instead"] is None else f"decides {STATES[Verdict(row['instead'])]} instead"
    why = f": {' '.join(row['reason'].split())}" if row["reason"] else ""  # a line break would begin a line of ours
    when = day(datetime.fromisoformat(row["at"]))
    return f"{row['name']}{second} (not verified) {word}, {when}, snapshot {row['snapshot'][:8]}{why}"


def _event(said: Document) -> str:
    """[EVENT=VERDICT] data=SIMULATED card=v3 status=split snapshot=7f3a7f3a"""
    newest = next((row["instead"] for row in said.get("signed", ()) if row["instead"]), "")
    values = {
        "data": "SIMULATED" if said["simulated"] else "measured",
        "card": f"v{said['card']['version']}",
        "status": "stale" if said.get("stale") else said["state"],
        "overridden": newest,
        "snapshot": said["snapshot"][:8],
    }
    return " ".join(["[EVENT=VERDICT]", *(f"{name}={value}" for name, value in values.items() if value)])


def _stale(said: Document) -> str:
    return f"Out of date: {'; '.join(said['stale'])}." if said.get("stale") else ""


def _unverified(said: Document) -> str:
    return NOT_VERIFIED if said.get("signed") else ""


def _valid(said: Document) -> str:
    card, share = said["card"], said["final_share"]
    bills = "no bill yet" if share is None else f"bills {share * 100:.0f} % final"
    when = card["post_hoc"] or "before the first sample"
    jobs = f"{said['jobs']:,} jobs in {said['blocks']} blocks on {said['days']} days"
    return (
        f"Valid to {day(datetime.fromisoformat(said['valid_to']))} · card v{card['version']} locked by "
        f"{card['locked_by']}, {when} · {bills} · {jobs}"
    )


# ---------------------------------------------------------------- for finance


def _first(said: Document) -> Iterator[Section]:
    rows = [
        [row["workflow"], called(row["candidate"]), STATES[Verdict(row["state"])], _gate(row, "saving"), row["says"]]
        for row in said["candidates"]
    ]
    yield Section(
        title="What the rule says",
        table=Table(head=("workflow", "candidate", "verdict", "saving", "why"), rows=rows),
    )
    if drawn := list(_drawn(said)):
        yield Section(title="What would change it?", lines=_nearest(said), pictures=drawn)
    wrong = [f"If wrong it costs: {sentence}" for sentence in advice.if_wrong(said)]
    yield Section(title="We ask", lines=[*_ask(said), *wrong])
    more = f"To know more: {advice.to_know_more(said)}."
    yield Section(title="How sure", lines=[*_sure(said), more])
    yield Section(title="Signed", lines=list(_signed(said)))


def _signed(said: Document) -> Iterator[str]:
    """Who locked the limits and who signed; a line to sign on while nobody has."""
    card, lines = said["card"], signatures(said)
    at = f" {day(datetime.fromisoformat(card['locked_at']))}" if card["locked_at"] else ""
    locked = f"Limits locked{at} by {card['locked_by']} (not verified)."
    yield locked if lines else f"{locked} Signed: ______________________"
    yield from lines


def _drawn(said: Document) -> Iterator[tuple[str, str]]:
    row = said["candidates"][shown(said)]
    if any(each["workflow"] == row["workflow"] for each in said["volumes"]):
        yield "volume", f"{row['workflow']}: $ per 1,000 images against images a month"
    if said.get("turns"):
        yield "tornado", f"{row['workflow']} on {called(row['candidate'])}: what is assumed, and where the ruling turns"


def _nearest(said: Document) -> list[str]:
    """What a person assumed that turns it; the card's limits are in the appendix."""
    found = [row["sentence"] for row in said.get("turns", ()) if row["typed"] and row["flip"] is not None]
    return found or ["No assumption turns it within what is plausible; the volume is not tried here."]


def _ask(said: Document) -> list[str]:
    moving = [row for row in said["workflows"] if row["state"] == Verdict.GO.value]
    if moving:
        asked = [f"An epic to move {row['workflow']} to {called(row['destination'])}." for row in moving]
        low = said["low_usd_per_month"]
        floor = f"${low:,.0f}" if low is not None else "an unknown amount"
        return [*asked, f"If it goes as the lower limits say, it saves {floor} a month after operations.", *_OUTLINE]
    return {
        Verdict.INSUFFICIENT.value: ["Nothing yet: measure on, as the plan says."],
        Verdict.BLOCKED.value: ["Nothing yet: mend what blocks the verdict, named above."],
        Verdict.NO_GO.value: ["Nothing: stay, and do not extend this card."],
    }.get(said["state"], ["Nothing: stay. A new question needs a new card."])


_OUTLINE = (
    "Outline: deploy the workflow beside production with the same image and model files; send 1 % of the requests for "
    "a week and hold cold share and p95 against this report; then 25 %, then all; keep the old deployment scaled to "
    "zero for 30 days as the way back.",
)


def _sure(said: Document) -> Iterator[str]:
    for row in said["candidates"]:
        held = [gate for gate in row["gates"] if gate["passes"]]
        not_yet = [gate for gate in row["gates"] if not gate["passes"]]
        name = f"{row['workflow']} on {called(row['candidate'])}"
        if held:
            yield f"Sure of, {name}: {'; '.join(_words(gate) for gate in held)}."
        if not_yet:
            yield f"Not sure of, {name}: {'; '.join(_words(gate) for gate in not_yet)}."


def _words(gate: Document) -> str:
    said, why = gate["words"], _note(gate)
    words = " ".join(f"{NAMES[Gate(gate['gate'])]} {said['estimate']} {said['interval']}".split())
    return f"{words} ({why})" if why else words


def _note(gate: Document) -> str:
    """What stands beside its estimate, where that does not say the same."""
    why: str = gate["why"]
    return "" if why == gate["words"]["estimate"] else why


# ---------------------------------------------------------------- for engineers


def _appendices(said: Document) -> Iterator[Section]:
    yield card(said)
    for i, row in enumerate(said["candidates"]):
        if row["gates"]:
            yield _gates(row, f"gates {i}")
    yield from _turning(said)
    yield from sections(said)
    yield from behind(said)
    yield _method(said)
    if asked := prices(said):
        yield asked
    yield _recompute(said)
    yield from samples(said)


def _turning(said: Document) -> Iterator[Section]:
    turns = [row for row in said.get("turns", ()) if row["flip"] is not None]
    if turns:
        rows = [[row["lever"], row["now_text"], row["flip_text"], row["sentence"]] for row in turns]
        yield Section(title="What would turn it", table=Table(head=("input", "now", "turns at", "so that"), rows=rows))
    if rows := advice.rows(said):
        yield Section(title="To know more", table=Table(head=advice.HEAD, rows=rows))


def _gates(row: Document, picture: str) -> Section:
    head = ("gate", "passes", "harm", "estimate", "interval", "limit", "n", "blocks", "design effect", "note")
    rows = [
        [
            NAMES[Gate(gate["gate"])],
            {True: "yes", False: "no", None: "open"}[gate["passes"]],
            "yes" if gate["harm"] else "no",
            gate["words"]["estimate"],
            gate["words"]["interval"] or DASH,
            gate["words"]["bound"],
            *(cell(gate[name]) for name in ("n", "blocks", "deff")),
            _note(gate),
        ]
        for gate in row["gates"]
    ]
    look = f"Look {row['look']}, {row['blocks']} blocks; each limit at alpha {row['alpha']:.5f}, one-sided."
    harm = [gate for gate in row["all_jobs"] if gate["harm"]]
    also = [f"Over all jobs, failures as endless: {_words(gate)} is beyond its margin." for gate in harm]
    title = f"B. Gates: {row['workflow']} on {called(row['candidate'])}"
    table = Table(head=head, rows=rows)
    return Section(title=title, lines=[look, *also], table=table, pictures=[(picture, "distance to each limit")])


def _method(said: Document) -> Section:
    return Section(
        title="H. Method",
        lines=[
            "Blocks of one day-part of one day, arms side by side on fresh capacity, the same prompts and seeds. "
            "Latency counts from the intended start; a failure is endless. Limits respect blocks: order statistics at "
            "the effective n for quantiles, MOVER for their ratios, Newcombe for rates, block-t for cold latency, "
            "jackknife over blocks for money. Looks spend alpha by O'Brien and Fleming; candidates share it by Holm's "
            "steps.",
            "Cost is our traffic replayed through what was measured, each provider, the baseline too, at its cheapest "
            "setting that serves as well. Formulas with sources: docs/reference/formulas.md.",
            f"Spent to know this: ${said['spent_usd']:,.2f}.",
        ],
    )


def _recompute(said: Document) -> Section:
    name = said["snapshot"][:8] or "HASH"
    lines = [
        f"The same for ever, but for what people said to it: bakeoff verdict --snapshot {name} --json. From the "
        "tables: bakeoff verdict --json.",
        "Raw samples, bills and allocations: bakeoff export.",
    ]
    return Section(title="J. Recompute", lines=lines)


def _gate(row: Document, gate: str) -> str:
    found = next((each for each in row["gates"] if each["gate"] == gate), None)
    return DASH if found is None else f"{found['words']['estimate']} {found['words']['interval']}".strip()
