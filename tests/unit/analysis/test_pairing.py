"""Which images are compared."""

from collections import Counter
from itertools import count

import pytest

from analysis.pairing import Done, Shot, Wanted, wanted

SUBJECT = ("hash", "{}", "L40S")


class Gallery:
    """Blocks of good images: each backend works through the same prompts and seeds on a deployment of its own."""

    def __init__(self) -> None:
        self.shots: list[Shot] = []
        self._image, self._deployment = count(1), count(1)

    def block(self, *backends: str, jobs: int = 64, prompts: int = 48, subject: tuple[str, ...] = SUBJECT) -> None:
        for backend in backends:
            lane = next(self._deployment)
            self.shots += [
                Shot(next(self._image), subject, backend, lane, f"w{lane}", f"p{job % prompts}", job)
                for job in range(jobs)
            ]

    def wanted(self, *done: Done) -> list[Wanted]:
        return wanted(self.shots, done, baseline="modal")


def campaign(blocks: int, *backends: str) -> Gallery:
    gallery = Gallery()
    for _ in range(blocks):
        gallery.block(*(backends or ("modal", "runpod")))
    return gallery


def of(pairs: list[Wanted], backend: str) -> list[Wanted]:
    return [pair for pair in pairs if pair.other.backend == backend]


def test_a_campaign_gives_sixty_pairs_of_each_candidate_and_59_of_the_baseline() -> None:
    pairs = campaign(12, "modal", "runpod", "vast").wanted()

    assert Counter(pair.other.backend for pair in pairs) == {"modal": 59, "runpod": 60, "vast": 60}


def test_a_pair_shares_everything_but_its_container() -> None:
    for base, other in campaign(12).wanted():
        assert (base.subject, base.prompt_id, base.seed) == (other.subject, other.prompt_id, other.seed)
        assert base.backend == "modal"
        assert base.deployment_id != other.deployment_id
        assert base.worker_id != other.worker_id


def test_each_prompt_and_seed_is_compared_once_and_no_prompt_with_more_than_two_seeds() -> None:
    gallery = Gallery()
    for _ in range(12):
        gallery.block("modal", "runpod", jobs=120, prompts=31)
    pairs = of(gallery.wanted(), "runpod")

    assert len(pairs) == 60
    assert len({(pair.other.prompt_id, pair.other.seed) for pair in pairs}) == 60
    assert max(Counter(pair.other.prompt_id for pair in pairs).values()) == 2


def test_with_twenty_prompts_there_are_no_more_than_forty_pairs() -> None:
    gallery = Gallery()
    for _ in range(12):
        gallery.block("modal", "runpod", jobs=120, prompts=20)

    assert len(of(gallery.wanted(), "runpod")) == 40


@pytest.mark.parametrize("backend", ["modal", "runpod"])
def test_no_deployment_is_the_whole_comparison(backend: str) -> None:
    pairs = of(campaign(12).wanted(), backend)

    assert max(Counter(pair.other.deployment_id for pair in pairs).values()) <= 10
    assert len({pair.baseline.deployment_id for pair in pairs}) >= 6


def test_the_baseline_meets_itself_from_the_second_block_on() -> None:
    assert of(campaign(1).wanted(), "modal") == []
    assert len(of(campaign(2).wanted(), "modal")) == 10
    assert len(of(campaign(6).wanted(), "modal")) == 50
    assert len(of(campaign(7).wanted(), "modal")) == 59


def test_two_images_of_the_same_container_are_no_pair() -> None:
    gallery = campaign(2, "modal")
    gallery.shots = [shot._replace(worker_id="w1") for shot in gallery.shots]

    assert gallery.wanted() == []


def test_deployments_whose_containers_are_not_named_are_apart() -> None:
    gallery = campaign(2, "modal")
    gallery.shots = [shot._replace(worker_id=None) for shot in gallery.shots]

    assert len(gallery.wanted()) == 10


@pytest.mark.parametrize("place", range(3))
def test_another_workflow_other_settings_and_another_gpu_are_never_compared(place: int) -> None:
    gallery = Gallery()
    other = tuple("other" if i == place else part for i, part in enumerate(SUBJECT))
    gallery.block("modal")
    gallery.block("runpod", "modal", subject=other)

    assert {pair.baseline.subject for pair in gallery.wanted()} == {other}


def test_a_candidate_alone_has_no_pair() -> None:
    assert campaign(3, "runpod", "vast").wanted() == []


def test_what_was_compared_is_not_wanted_again_and_portions_add_up_to_the_whole() -> None:
    gallery = campaign(8)
    done: list[Done] = []
    while pairs := gallery.wanted(*done):
        done += [Done(pair.baseline.image_id, pair.other.image_id, True) for pair in pairs[:7]]

    assert len(done) == len(set(done)) == 119
    assert {(one, other) for one, other, _ in done} == {
        (pair.baseline.image_id, pair.other.image_id) for pair in gallery.wanted()
    }


def test_what_comes_later_changes_no_pair_that_was_chosen() -> None:
    early, late = campaign(8), campaign(12)
    done = [Done(pair.baseline.image_id, pair.other.image_id, True) for pair in early.wanted()]

    assert late.wanted(*done) == []


def test_another_pair_takes_the_place_of_one_that_could_not_be_told() -> None:
    gallery = campaign(12)
    first = of(gallery.wanted(), "runpod")
    lost = first[0]
    done = [Done(pair.baseline.image_id, pair.other.image_id, pair is not lost) for pair in first]

    (instead,) = of(gallery.wanted(*done), "runpod")

    assert (instead.other.prompt_id, instead.other.seed) not in {(p.other.prompt_id, p.other.seed) for p in first}


def test_pairs_of_images_that_are_gone_count_for_nothing() -> None:
    gallery = campaign(12)

    assert gallery.wanted(Done(9_001, 9_002, True)) == gallery.wanted()
