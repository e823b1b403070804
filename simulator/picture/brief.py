"""What a prompt asks for: subject, colours and the nouns they belong to, the hour, quoted words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from simulator.picture.palette import LIGHTS, NAMED, Colour, Hour, Light


class Subject(StrEnum):
    """The kinds of picture."""

    LANDSCAPE = "landscape"
    CITY = "city"
    PORTRAIT = "portrait"
    ANIMAL = "animal"
    CROWD = "crowd"
    HANDS = "hands"
    PRODUCT = "product"
    LETTERING = "lettering"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_CROWD = _set("crowd people audience passenger runner spectator dancer protester commuter fan many group")
_HANDS = _set("hand finger fist handshake")
_FIRST_NAMED_WINS: tuple[tuple[Subject, frozenset[str]], ...] = (
    (
        Subject.PORTRAIT,
        _set(
            "portrait woman man girl boy person face selfie headshot lady gentleman child grandmother chef"
            " grandfather fisherman farmer nurse doctor astronaut dancer musician influencer model character"
        ),
    ),
    (Subject.ANIMAL, _set("cat kitten dog puppy fox")),
    (
        Subject.PRODUCT,
        _set(
            "product mug cup bottle perfume shoe sneaker trainer watch bag handbag backpack lamp teapot vase bowl"
            " candle jar sphere ball orb headphone chair book box still apple lemon glass pot"
        ),
    ),
    (Subject.CITY, _set("city skyline street skyscraper downtown alley avenue metropolis cityscape tokyo")),
    (
        Subject.LANDSCAPE,
        _set(
            "landscape mountain lake forest beach desert dune sea ocean coast lighthouse valley river field meadow"
            " hill village bay island cliff waterfall canyon shore tree wood garden sky snow harbour"
        ),
    ),
)
GOODS = _FIRST_NAMED_WINS[2][1]

_HOURS: tuple[tuple[Hour, frozenset[str]], ...] = (
    (Hour.NIGHT, _set("night midnight moonlight moonlit starry stars nocturnal")),
    (Hour.DUSK, _set("dusk twilight nightfall")),
    (Hour.SUNSET, _set("sunset evening sundown")),
    (Hour.DAWN, _set("dawn sunrise daybreak")),
    (Hour.MORNING, _set("morning")),
    (Hour.NOON, _set("noon midday daylight daytime sunny afternoon")),
)
_STOPS = _set("a an the in on at with of behind beside under above over that for from to into around near by")
_BACKGROUNDS = _set("background backdrop wall sky garden sea field water cloud light")
_SCENE_WIDE = (
    *("landscape", "mountain", "canyon", "dune", "desert", "skyline", "city", "street"),
    *("tone", "palette", "light", "mist"),
)
_LAND = (
    *_SCENE_WIDE,
    *("hill", "valley", "forest", "field", "meadow", "coast", "cliff", "building", "tower", "skyscraper"),
)
_QUOTED = re.compile(
    r'"([^"]{1,80})"|“([^”]{1,80})”|«\s*([^»]{1,80}?)\s*»'
    r"|(?<!\w)['\u2018]([^'\u2019]{2,80})['\u2019](?!\w)"  # an apostrophe within a word quotes nothing
)


@dataclass(frozen=True)
class Brief:
    """A prompt that has been read. `dyes` gives the colours that stand before each noun."""

    words: frozenset[str]
    subject: Subject
    light: Light
    colours: tuple[Colour, ...] = ()
    dyes: Mapping[str, tuple[Colour, ...]] = field(default_factory=lambda: MappingProxyType({}))
    quoted: str = ""

    def has(self, *words: str) -> bool:
        """Whether the prompt holds any of these words, in singular or plural."""
        return not self.words.isdisjoint(words)

    def dye(self, *nouns: str) -> Colour | None:
        """The colour the prompt gives to the first of these nouns that has one."""
        found = self.dyed(*nouns)
        return found[0] if found else None

    def dyed(self, *nouns: str) -> tuple[Colour, ...]:
        """All the colours the prompt gives to one of these nouns."""
        return next((self.dyes[noun] for noun in nouns if noun in self.dyes), ())

    def natural_dye(self, noun: str, natural: Mapping[str, Colour]) -> Colour | None:
        """The colour given to a noun, in the tone that `natural` has for its colour word."""
        asked = self.dye(noun)
        if asked is None:
            return None
        return next((tone for word, tone in natural.items() if NAMED.get(word) == asked), asked)

    @property
    def main(self) -> Colour | None:
        """The first colour that is not given to a background."""
        behind = {colour for noun in _BACKGROUNDS for colour in self.dyed(noun)}
        return next((colour for colour in self.colours if colour not in behind), None)

    @property
    def mood(self) -> Colour | None:
        """The colour of a whole scene, its sky too: given to all of it, or to nothing in particular."""
        owned = {colour for dyes in self.dyes.values() for colour in dyes}
        loose = next((colour for colour in self.colours if colour not in owned), None)
        return self.dye(*_SCENE_WIDE) or loose

    @property
    def ground(self) -> Colour | None:
        """The colour of the land."""
        return self.dye(*_LAND) or self.mood

    @property
    def behind(self) -> Colour | None:
        """The colour given to a background."""
        return self.dye("background", "backdrop", "wall", "sky", "garden", "curtain")


def read(prompt: str, *, choice: float = 0.0) -> Brief:
    """Read a prompt; `choice` (0..1) settles what it leaves open: the hour, and the subject if it names none."""
    quoted = next((next(filter(None, match)) for match in _QUOTED.findall(prompt)), "")
    tokens = _tokens(_QUOTED.sub(" , ", prompt) if quoted else prompt)
    words = frozenset(tokens)
    hour = next((hour for hour, named in _HOURS if named & words), None)
    if hour is None and {"golden", "hour"} <= words:
        hour = Hour.SUNSET
    open_hours = (Hour.MORNING, Hour.NOON, Hour.SUNSET, Hour.DAWN)
    return Brief(
        words=words,
        subject=_subject(tokens, quoted, choice),
        light=LIGHTS[hour or open_hours[int(choice * 4) % 4]],
        colours=tuple(NAMED[token] for token in tokens if token in NAMED),
        dyes=MappingProxyType(_dyes(tokens)),
        quoted=quoted,
    )


def _tokens(prompt: str) -> list[str]:
    """Words in lower case and singular, a few plurals beside their singular, commas kept as marks."""
    tokens: list[str] = []
    for token in re.findall(r"[a-z]+|[,.;:]", prompt.lower()):
        if token.endswith("s") and len(token) > 3 and not token.endswith(("ss", "us", "glasses", "stars")):
            tokens.append(token[:-1])
        else:
            tokens.append(token)
    return tokens


def _subject(tokens: list[str], quoted: str, choice: float) -> Subject:
    words = set(tokens)
    if quoted:
        return Subject.LETTERING
    if "portrait" in words:
        return Subject.PORTRAIT
    if words & _CROWD:
        return Subject.CROWD
    if words & _HANDS:
        return Subject.HANDS
    for token in tokens:
        for subject, named in _FIRST_NAMED_WINS:
            if token in named:
                return subject
    return (Subject.LANDSCAPE, Subject.PRODUCT, Subject.CITY, Subject.PORTRAIT)[int(choice * 16) % 4]


def _dyes(tokens: list[str]) -> dict[str, tuple[Colour, ...]]:
    """Colours by noun: "red and yellow stalls" dyes stalls twice, "black hair in a blue coat" each once."""
    dyes: dict[str, tuple[Colour, ...]] = {}
    for place, token in enumerate(tokens):
        for noun in _nouns_after(tokens, place) if token in NAMED else ():
            dyes[noun] = (*dyes.get(noun, ()), NAMED[token])
    return dyes


def _nouns_after(tokens: list[str], place: int) -> list[str]:
    """The nouns a colour word belongs to: up to the next article, preposition, comma, or an "and" after a noun."""
    nouns: list[str] = []
    for word in tokens[place + 1 : place + 5]:
        if word in _STOPS or not word.isalpha() or (nouns and (word == "and" or word in NAMED)):
            break
        if word != "and" and word not in NAMED:
            nouns.append(word)
    return nouns
