"""What pages say of a plan's power: planned of needed, what to raise, what it rests on. Pure."""

from collections.abc import Sequence

import polars as pl

from analysis.verdict.outlook import WANTED, Outlook
from analysis.verdict.planner import MOST_BLOCKS, Power, larger
from analysis.verdict.said import NAMES
from ui.formats import interval, listed, whole_percent
from ui.names import label

NUMBERS = {"blocks": "Blocks", "warm": "Warm jobs each", "cold": "Cold jobs each"}
ROWS = pl.Schema({"question": pl.String(), "planned": pl.Int64(), "needed": pl.Int64(), "simulated": pl.Boolean()})


def gate_rows(found: Sequence[Outlook], *, simulated: bool) -> pl.DataFrame:
    """Planned of needed blocks a gate, of the candidate that needs most; a gate that can never pass has no row."""
    rows = [
        {
            "question": _first(NAMES[gate]),
            "planned": found[0].plan.blocks,
            "needed": max(blocks for blocks in needs if blocks is not None),
            "simulated": simulated,
        }
        for gate in found[0].needs
        if None not in (needs := [each.needs[gate] for each in found])
    ]
    return pl.DataFrame(rows, schema=ROWS)


def plan_title(found: Sequence[Outlook]) -> str:
    """20 blocks settle 4 of the 5 gates that jobs decide"""
    gates = list(found[0].needs)
    settled = [gate for gate in gates if not any(gate in each.short for each in found)]
    return f"{_blocks(found[0].plan.blocks)} settle {len(settled)} of the {len(gates)} gates that jobs decide"


def to_raise(found: Sequence[Outlook], powers: Sequence[Power | None]) -> str:
    """Raise Blocks to 24: success of Runpod needs 23 blocks like these. Empty where the plan is large enough.

    powers: of each candidate, None: not drawn. Once drawn they say whether it is, before the formulas.
    """
    pairs = list(zip(found, powers, strict=True))
    weak = [of for of, power in pairs if power is None or power.go < WANTED]
    drawn = [(of, power) for of, power in pairs if power is not None and power.go < WANTED]
    wanted: dict[str, int] = {}
    for number, to in (more for of in weak for more in of.raised):
        wanted[number] = max(wanted.get(number, 0), to)
    blocks = found[0].plan.blocks
    if drawn and not wanted.keys() - {"blocks"} and all(None not in of.needs.values() for of in weak):
        wanted = {"blocks": max(larger(blocks), wanted.get("blocks", 0))} if blocks < MOST_BLOCKS else {}
    why = _by_power(drawn) if drawn else _why(weak)
    if wanted:
        return f"Raise {listed([f'{NUMBERS[number]} to {to:,}' for number, to in wanted.items()])}: {why}."
    return f"No plan of {MOST_BLOCKS} blocks settles it: {why}." if drawn or any(of.short for of in weak) else ""


def _by_power(weak: Sequence[tuple[Outlook, Power]]) -> str:
    of, least = min(weak, key=lambda each: each[1].go)
    share, wanted = whole_percent(least.go), whole_percent(WANTED)
    return f"the rule says GO for {label(of.candidate)} in {share} of campaigns, and {wanted} are wanted"


def power_words(of: Outlook, power: Power) -> str:
    """Runpod: GO in 87 % [84, 90] of 500 campaigns; success fails most often."""
    share = f"{whole_percent(power.go)} {interval(*power.limits, whole_percent)}"
    last = f", after {power.blocks / of.plan.parts:.0f} blocks on average"
    often = "" if power.go == 1 else f" {_first(NAMES[power.binding])} passes least often."
    return f"**{label(of.candidate)}: GO in {share} of {power.campaigns:,} campaigns**{last}.{often}"


def basis_words(found: Sequence[Outlook]) -> list[str]:
    """Runpod and Vast.ai. Pilot: 960 jobs of both sides in 12 blocks on 3 days, measured."""
    alike: dict[str, list[str]] = {}
    for each in found:
        alike.setdefault(each.basis.sentence, []).append(label(each.candidate))
    return [f"{listed(names)}. {sentence}" for sentence, names in alike.items()]


def supposed(found: Sequence[Outlook], *, saving: float, version: int | None) -> str:
    """What the numbers suppose."""
    card = "the card's defaults, since none is written" if version is None else f"card v{version}"
    shared = "" if len(found) == 1 else f" The {len(found)} candidates share its alpha."
    return (
        f"By {card}, if a candidate truly saves {whole_percent(saving)}, is as good as Modal and makes images alike."
        f"{shared} A run by itself enters no verdict: blocks of a schedule do."
    )


def _why(found: Sequence[Outlook]) -> str:
    """What the one that needs most lacks."""
    if not found:
        return ""
    most = max(found, key=lambda each: max([each.least, *(blocks or MOST_BLOCKS for blocks in each.needs.values())]))
    if most.plan.warm < most.plan.parts:
        return "without a warm job most gates have no number"
    short = [gate for gate in most.short if most.needs[gate] is None]
    if short:
        return f"{NAMES[short[0]]} of {label(most.candidate)} can never pass"
    gate = max(most.needs, key=lambda each: most.needs[each] or 0)
    needed = most.needs[gate] or 0
    if needed < most.least:
        return f"the card asks for {_blocks(most.least)} at least"
    return f"{NAMES[gate]} of {label(most.candidate)} needs {_blocks(needed)} like these"


def _blocks(count: int) -> str:
    return f"{count:,} block{'' if count == 1 else 's'}"


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]
