"""What strangers said, as it is kept: cut at one length each, and without signs that would steer whoever shows it.

Control signs (line ends and tabs stay), bidirectional overrides, invisible signs and lone surrogates become U+FFFD;
a cut says how long the whole was. The columns in `storage.models` that hold such text apply this on their way in.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ID = 200  # characters: ids, names, words
SENTENCE = 2_000  # errors, reasons, events
LONGEST_TEXT = 4_000  # one text inside a document
MOST_CHARACTERS, MOST_VALUES, DEEPEST = 64_000, 5_000, 20  # of one document, names included
CUT = "…"
# Control and formatting signs of Unicode that hide, reorder or steer text. "\r\n" is a line end before this looks.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def kept_text(text: str, cap: int) -> str:
    """The text, harmless, in at most `cap` characters."""
    harmless = _STEERING.sub("\ufffd", text[: 2 * cap].replace("\r\n", "\n"))
    if len(harmless) <= cap and len(text) <= 2 * cap:
        return harmless
    mark = f"{CUT} ({len(text):,} characters)"
    return harmless[: max(0, cap - len(mark))] + mark


def kept_document(value: Any) -> Any:
    """The value as JSON can hold it: texts harmless, numbers finite, and no deeper or larger than the limits above."""
    return _Document().kept(value, 0)


@dataclass
class _Document:
    """One document on its way in, and the room that is left for it."""

    characters: int = MOST_CHARACTERS
    values: int = MOST_VALUES

    def kept(self, value: Any, depth: int) -> Any:
        self.values -= 1
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            if depth >= DEEPEST:
                return CUT
            return self._mapping(value, depth) if isinstance(value, Mapping) else self._list(value, depth)
        return value if value is None or isinstance(value, bool) else self._single(value)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, item in value.items():
            if self._full():
                return {**kept, CUT: f"{len(value):,} in all"}
            kept[self._text(str(name), ID)] = self.kept(item, depth + 1)
        return kept

    def _list(self, value: Iterable[Any], depth: int) -> list[Any]:
        kept: list[Any] = []
        for item in value:
            if self._full():
                return [*kept, CUT]
            kept.append(self.kept(item, depth + 1))
        return kept

    def _single(self, value: Any) -> Any:
        if isinstance(value, int):
            return int(value) if value.bit_length() < 64 else f"a number of {value.bit_length()} bits"
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        return self._text(f"{len(value)} bytes" if isinstance(value, bytes) else str(value), LONGEST_TEXT)

    def _text(self, text: str, cap: int) -> str:
        kept = kept_text(text, cap) if self.characters >= cap else kept_text(text, max(self.characters, 40))
        self.characters -= len(kept)
        return kept

    def _full(self) -> bool:
        return self.values <= 0 or self.characters <= 0
