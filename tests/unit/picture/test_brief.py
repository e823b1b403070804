"""Reading a prompt: subject, colours by noun, hour, quoted words."""

import tomllib
from pathlib import Path

import pytest

from simulator.picture.brief import Subject, read
from simulator.picture.palette import LIGHTS, NAMED, Hour

SET = tomllib.loads((Path(__file__).parents[3] / "workflows" / "prompts.toml").read_text())
STRATA = {
    "portrait": {Subject.PORTRAIT},
    "product": {Subject.PRODUCT},
    "text": {Subject.LETTERING},
    "landscape": {Subject.LANDSCAPE, Subject.CITY},
    "crowd": {Subject.CROWD},
    "hands": {Subject.HANDS},
}


@pytest.mark.parametrize("stratum", STRATA)
def test_each_stratum_of_the_prompt_set_is_understood(stratum: str) -> None:
    assert {read(prompt).subject for prompt in SET[stratum].values()} <= STRATA[stratum]


@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("a cat on a sofa", Subject.ANIMAL),
        ("a man in a city street", Subject.PORTRAIT),
        ("a city street with a man", Subject.CITY),
        ("a bottle on a beach", Subject.PRODUCT),
        ("portrait of a dancer among many people", Subject.PORTRAIT),
        ("a crowd holding hands", Subject.CROWD),
        ("a man's hand", Subject.HANDS),
        ('mountains with the word "UP"', Subject.LETTERING),
        ("palm trees on a beach", Subject.LANDSCAPE),
    ],
)
def test_the_subject_is_what_the_prompt_is_about(prompt: str, subject: Subject) -> None:
    assert read(prompt).subject is subject


def test_a_prompt_without_a_known_word_still_gets_a_subject_of_its_choice() -> None:
    assert {read("qwerty", choice=choice / 16).subject for choice in range(16)} == {
        Subject.LANDSCAPE,
        Subject.PRODUCT,
        Subject.CITY,
        Subject.PORTRAIT,
    }


def test_colours_belong_to_the_noun_they_stand_before() -> None:
    brief = read("a woman with black hair and golden earrings in a red knitted hat, blue background")
    assert brief.dye("hair") == NAMED["black"]
    assert brief.dye("earring") == NAMED["golden"]
    assert brief.dye("hat") == NAMED["red"]
    assert brief.behind == NAMED["blue"]
    assert brief.dye("scarf") is None
    assert read("a red vase on a table").dye("table") is None
    assert read("a red, tall vase").dye("vase") is None


def test_plurals_count_as_their_singular_and_glass_is_no_plural() -> None:
    brief = read("two glass bottles and a dress")
    assert all(map(brief.has, ("glass", "bottle", "dress")))
    assert not brief.has("bottles")


def test_two_colours_may_share_a_noun() -> None:
    assert read("stalls with red and yellow awnings").dyed("awning") == (NAMED["red"], NAMED["yellow"])


def test_the_main_colour_is_not_the_backgrounds() -> None:
    assert read("a vase before a blue wall, green").main == NAMED["green"]
    assert read("a vase before a blue wall").main is None


def test_a_boats_colour_does_not_dye_the_land() -> None:
    assert read("a lake with a red boat").mood is None
    assert read("a lake with a red boat").ground is None
    assert read("mountains in purple").mood == NAMED["purple"]
    assert read("a green valley").ground == NAMED["green"]


@pytest.mark.parametrize(
    ("prompt", "hour"),
    [
        ("a beach at dawn", Hour.DAWN),
        ("sunrise over hills", Hour.DAWN),
        ("in the morning", Hour.MORNING),
        ("a sunny lake", Hour.NOON),
        ("warm evening light", Hour.SUNSET),
        ("golden hour portrait", Hour.SUNSET),
        ("at twilight", Hour.DUSK),
        ("under a starry sky", Hour.NIGHT),
    ],
)
def test_the_hour_is_read(prompt: str, hour: Hour) -> None:
    assert read(prompt).light is LIGHTS[hour]


def test_an_open_hour_is_settled_by_the_choice_and_is_never_dark() -> None:
    open_hours = [read("a lake", choice=choice / 8).light for choice in range(8)]
    assert len({light.sky for light in open_hours}) == 4
    assert not any(light.dark for light in open_hours)


@pytest.mark.parametrize(
    ("prompt", "quoted"),
    [
        ('a sign that reads "OPEN LATE"', "OPEN LATE"),
        ("a sign that reads “OPEN”", "OPEN"),
        ("a sign that reads «OUVERT»", "OUVERT"),
        ("a sign that reads 'It is on'", "It is on"),
        ("a woman's hat and a man's coat", ""),
        ("rock 'n roll, it isn't", ""),
    ],
)
def test_quoted_words_are_found_and_apostrophes_are_not_quotes(prompt: str, quoted: str) -> None:
    assert read(prompt).quoted == quoted


def test_words_within_quotes_describe_nothing() -> None:
    brief = read('a poster with the words "RED CITY AT NIGHT", at noon')
    assert brief.colours == ()
    assert brief.light is LIGHTS[Hour.NOON]
