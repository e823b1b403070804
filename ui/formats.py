"""How numbers, money, spans of time and strangers' text are written. Pure: value in, text out.

Every function takes None and answers `UNKNOWN`: no data is a dash, never a zero.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from math import floor, isinf, log10

from analysis.cost import dollars
from words import CostState

UNKNOWN = "–"
NANO = 1e9
_STATE_WORDS = {CostState.LIST: "list", CostState.OPEN: "open", CostState.PROVISIONAL: "prov."}
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_BRACKETS = re.compile(r"([\[\]])")
NO_BREAK = "\u00a0"
_ZERO_WIDTH = "\u200b"

Formatter = Callable[[float | None], str]


def plain(text: object) -> str:
    """Text that we did not write, safe inside Markdown: it shows exactly as it is and links to nothing.

    Every ASCII punctuation mark is escaped (CommonMark allows that for all). Emoji, icon and link shortcuts are
    found by the renderer after escapes are gone, so a zero-width space breaks them.
    """
    one_line = " ".join(str(text).split())
    broken = re.sub(r"(?i)(:(?=\S)|@|www(?=\.))", rf"\1{_ZERO_WIDTH}", one_line)
    return _PUNCTUATION.sub(r"\\\1", broken)


def money_text(text: str) -> str:
    """Our own text with dollar signs, safe inside Markdown, where a pair of them means mathematics.

    A sign that is escaped already, in a stranger's words that went through `plain`, stays as it is.
    """
    return re.sub(r"(?<!\\)\$", r"\$", text)


def count(value: float | None) -> str:
    """1,779"""
    return UNKNOWN if value is None else _minus(f"{value:,.0f}")


def seconds(value: float | None) -> str:
    """12.6 s; 277 s from 100 s on; an unbounded one reads `> deadline`."""
    if value is None:
        return UNKNOWN
    if isinf(value):
        return "> deadline"
    return _minus(f"{value:.1f} s" if abs(value) < 99.95 else f"{value:,.0f} s")


def percent(value: float | None) -> str:
    """A share between 0 and 1 as 98.8 %."""
    return UNKNOWN if value is None else _minus(f"{value * 100:.1f} %")


def whole_percent(value: float | None) -> str:
    """A share between 0 and 1 as 31 %."""
    return UNKNOWN if value is None else _minus(f"{value * 100:.0f} %")


def signed_percent(value: float | None) -> str:
    """A change as +2.1 % or −2.1 %."""
    return UNKNOWN if value is None else f"{signed(value * 100)} %"


def signed(value: float) -> str:
    """+0.8, −2.1 and, once it rounds to nothing, 0.0"""
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else _minus(text)


def per_thousand(usd_per_image: float | None) -> str:
    """$ of one image as $ of 1,000, three figures: $21.4"""
    return UNKNOWN if usd_per_image is None else three_figures(usd_per_image * 1000)


def three_figures(usd: float | None) -> str:
    """$21.4, $4.18, $118"""
    if usd is None:
        return UNKNOWN
    if usd == 0:
        return "$0"
    rounded = float(f"{usd:.3g}")  # 9.999 has two places before its point once it is written
    decimals = max(0, 2 - floor(log10(abs(rounded))))
    return _minus(dollars(usd, decimals))


def usd(value: float | None) -> str:
    """$8.37; below one cent in four decimals"""
    if value is None:
        return UNKNOWN
    if 0 < abs(value) < 0.00005:
        return "<$0.0001"
    return _minus(dollars(value, 4 if 0 < abs(value) < 0.1 else 2))


def whole_usd(value: float | None) -> str:
    """$39"""
    return UNKNOWN if value is None else _minus(dollars(value, 0))


def money(value: float | None, state: CostState | str | None) -> str:
    """Dollars with how sure they are: ~$8.41 estimated, $8.37 prov., $8.37 final."""
    if value is None or state is None:
        return UNKNOWN
    state = CostState(state)
    if state is CostState.ESTIMATED:
        return f"~{usd(value)}"
    word = _STATE_WORDS.get(state)
    return f"{usd(value)} {word}" if word else usd(value)


def state_glyph(state: CostState | str | None) -> str:
    """○ estimated, ◐ provisional, ● final: the word with its glyph."""
    if state is None:
        return UNKNOWN
    state = CostState(state)
    glyph = {CostState.FINAL: "●", CostState.PROVISIONAL: "◐", CostState.OPEN: "◐"}.get(state, "○")
    return f"{glyph} {state.value}"


def interval(low: float | None, high: float | None, write: Formatter) -> str:
    """[12.5, 12.7]: two limits without their unit; an open end reads ∞."""
    if low is None and high is None:
        return ""
    return f"[{_bare(write, low)}, {_bare(write, high)}]"


def ago(span: timedelta | None) -> str:
    """1 s ago, 4 min ago, 3 h ago, 2 days ago"""
    return UNKNOWN if span is None else f"{duration(span)} ago"


def duration(span: timedelta | None) -> str:
    """45 s, 4 min, 3 h, 2 days"""
    if span is None:
        return UNKNOWN
    s = max(0.0, span.total_seconds())
    for size_s, unit, upto in ((1, "s", 90), (60, "min", 90), (3600, "h", 48)):
        if s < size_s * upto:
            return f"{s / size_s:.0f} {unit}"
    return f"{s / 86400:.0f} days"


def duration_s(span_s: float | None) -> str:
    """The same of seconds: 45 s, 4 min"""
    return UNKNOWN if span_s is None else duration(timedelta(seconds=span_s))


def day_time(at: datetime | None) -> str:
    """4 Nov 14:02, always UTC"""
    return UNKNOWN if at is None else f"{at.day} {at:%b %H:%M}"


def clock_time(at: datetime | None) -> str:
    """14:02:11, always UTC"""
    return UNKNOWN if at is None else f"{at:%H:%M:%S}"


def quiet(text: str) -> str:
    """Our own text, small and grey in Markdown; brackets in it stay brackets."""
    shown = _BRACKETS.sub(r"\\\1", text).replace(" ", NO_BREAK)
    return f":small[:gray[{shown}]]" if text else ""


def few(n: int, need: int) -> str:
    """What stands where a number would be dishonest: n 41 of 72"""
    return f"n {n:,} of {need:,}"


def listed(names: list[str]) -> str:
    """Modal, Runpod and Vast.ai"""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _bare(write: Formatter, value: float | None) -> str:
    if value is None or isinf(value):
        return "∞"
    return re.sub(r"[$%×]| s$| pp$", "", write(value)).strip()


def _minus(text: str) -> str:
    return text.replace("-", "−")
