"""The prompts are the same for every provider, even over the strata, and no job repeats another."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.picture.brief import Subject, read
from workflows.prompts import SEEDS, all_prompts, draw, strata

CAMPAIGN = st.integers(min_value=0, max_value=2**63)
COLOURS = "red|blue|green|yellow|orange|purple|pink|white|black|golden|brown|grey|teal|colourful"


def test_there_are_six_strata_of_at_least_six_prompts() -> None:
    assert strata() == ("portrait", "product", "text", "landscape", "crowd", "hands")
    assert min(Counter(prompt.stratum for prompt in all_prompts()).values()) >= 6


def test_every_prompt_has_an_id_of_its_stratum_and_a_text_of_its_own() -> None:
    prompts = all_prompts()
    assert len({prompt.prompt_id for prompt in prompts}) == len({prompt.text for prompt in prompts}) == len(prompts)
    assert all(re.fullmatch(rf"{prompt.stratum}-\d\d", prompt.prompt_id) for prompt in prompts)
    assert all(10 <= len(prompt.text) <= 200 and prompt.text.isprintable() for prompt in prompts)


def test_every_text_prompt_quotes_what_has_to_be_readable_and_no_other_does() -> None:
    quoted = {prompt.stratum for prompt in all_prompts() if re.search(r'"[A-Z0-9 ]{4,}"', prompt.text)}
    assert quoted == {"text"}
    assert all('"' in prompt.text for prompt in all_prompts() if prompt.stratum == "text")


def test_every_prompt_names_a_colour_that_can_be_looked_for() -> None:
    vague = [p.prompt_id for p in all_prompts() if not re.search(rf"\b({COLOURS})\b", p.text)]
    assert vague == []


def test_the_simulators_renderer_sees_the_subject_of_every_prompt() -> None:
    subjects = {
        "portrait": {Subject.PORTRAIT},
        "product": {Subject.PRODUCT},
        "text": {Subject.LETTERING},
        "landscape": {Subject.LANDSCAPE, Subject.CITY},
        "crowd": {Subject.CROWD},
        "hands": {Subject.HANDS},
    }
    assert [p.prompt_id for p in all_prompts() if read(p.text).subject not in subjects[p.stratum]] == []


@given(st.integers(0, 400), CAMPAIGN)
def test_a_draw_is_even_over_the_strata(n: int, campaign: int) -> None:
    counts = Counter(job.stratum for job in draw(n, campaign))
    assert sum(counts.values()) == n
    assert max(counts.values(), default=0) - min((counts[name] for name in strata()), default=0) <= 1


@given(CAMPAIGN)
def test_every_prompt_comes_once_before_any_comes_twice(campaign: int) -> None:
    jobs = draw(len(all_prompts()), campaign)
    assert {job.prompt_id for job in jobs} == {prompt.prompt_id for prompt in all_prompts()}


@given(CAMPAIGN)
def test_no_two_jobs_of_a_campaign_share_a_seed(campaign: int) -> None:
    seeds = [job.seed for job in draw(3000, campaign)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < SEEDS for seed in seeds)


def test_the_far_end_of_the_list_repeats_no_seed_of_its_beginning() -> None:
    early, late = draw(500, 1), draw(500, 1, start=SEEDS - 500)
    assert not {job.seed for job in early} & {job.seed for job in late}


@given(st.integers(0, 60), st.integers(0, 60), CAMPAIGN)
def test_a_longer_draw_begins_with_the_shorter_and_can_be_taken_up_later(first: int, more: int, campaign: int) -> None:
    whole = draw(first + more, campaign)
    assert whole == draw(first, campaign) + draw(more, campaign, start=first)


def test_another_campaign_draws_other_seeds_in_another_order() -> None:
    one, two = draw(48, 1), draw(48, 2)
    assert not {job.seed for job in one} & {job.seed for job in two}
    assert [job.prompt_id for job in one] != [job.prompt_id for job in two]


GOLDEN = [
    ("portrait-07", 1046960493),
    ("product-05", 3701396262),
    ("text-02", 2060864735),
    ("landscape-04", 420333208),
]


def test_the_list_is_the_same_in_another_process_and_for_ever() -> None:
    """Stored results name these prompts and seeds: a change of this list is a new prompt set."""
    ask = "from workflows.prompts import draw; print([(j.prompt_id, j.seed) for j in draw(4, 2026)])"
    root = Path(__file__).resolve().parents[3]
    told = subprocess.run([sys.executable, "-c", ask], cwd=root, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str([(job.prompt_id, job.seed) for job in draw(4, 2026)])
    assert [(job.prompt_id, job.seed) for job in draw(4, 2026)] == GOLDEN


@pytest.mark.parametrize(("n", "start"), [(-1, 0), (1, -1)])
def test_a_negative_draw_is_refused(n: int, start: int) -> None:
    with pytest.raises(ValueError, match=f"n={n}, start={start}"):
        draw(n, 1, start=start)
