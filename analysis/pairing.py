"""Which images are compared: the same workflow, settings, GPU, prompt and seed, over many containers.

Every block works through the same list of prompts and seeds, so that the baseline meets itself from block to block.
A pair is chosen once; what was chosen stays, whatever comes later.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from analysis.parity import PAIRS, SPREAD_PAIRS

SEEDS_PER_PROMPT = 2
MOST_OF_ONE = 10  # pairs whose other image is of one deployment: no single container or host is the whole comparison


class Shot(NamedTuple):
    """A good image, and what it was made by. subject: what has to be equal beside prompt and seed."""

    image_id: int
    subject: tuple[str, ...]
    backend: str
    deployment_id: int
    worker_id: str | None
    prompt_id: str
    seed: int


class Done(NamedTuple):
    """A pair that was compared; told: whether both images could be read."""

    baseline_image_id: int
    other_image_id: int
    told: bool


class Wanted(NamedTuple):
    """A pair to compare."""

    baseline: Shot
    other: Shot


def wanted(shots: Sequence[Shot], done: Sequence[Done], *, baseline: str) -> list[Wanted]:
    """The pairs that are still missing and can be had: up to 60 of each candidate and 59 of the baseline itself.

    At most two seeds of a prompt, and ten pairs of one deployment. A pair that could not be told is not asked for
    again, and another takes its place.
    """
    by_id = {shot.image_id: shot for shot in shots}
    groups: dict[tuple[tuple[str, ...], str], _Group] = defaultdict(_Group)
    for one, other, told in done:
        if one in by_id and other in by_id:
            shot = by_id[other]
            groups[shot.subject, shot.backend].count(Wanted(by_id[one], shot), told=told)
    found: list[Wanted] = []
    for subject, backend, keys in _keyed(shots):
        target = SPREAD_PAIRS if backend == baseline else PAIRS
        found += groups[subject, backend].fill(keys, target, baseline=baseline, backend=backend)
    return found


_Key = tuple[str, int]


def _keyed(shots: Sequence[Shot]) -> Iterator[tuple[tuple[str, ...], str, dict[_Key, list[Shot]]]]:
    """Each subject and backend, with the subject's images by prompt and seed in the order in which they came."""
    subjects: dict[tuple[str, ...], dict[_Key, list[Shot]]] = defaultdict(lambda: defaultdict(list))
    for shot in sorted(shots):
        subjects[shot.subject][shot.prompt_id, shot.seed].append(shot)
    for subject, keys in sorted(subjects.items()):
        for backend in sorted({shot.backend for same in keys.values() for shot in same}):
            yield subject, backend, keys


@dataclass
class _Group:
    """The pairs of one subject and backend so far."""

    told: int = 0
    keys: set[_Key] = field(default_factory=set)
    seeds: Counter[str] = field(default_factory=Counter)
    bases: Counter[int] = field(default_factory=Counter)  # pairs by the deployment of the baseline's image
    others: Counter[int] = field(default_factory=Counter)  # ... and of the other one

    def count(self, pair: Wanted, *, told: bool) -> None:
        self.keys.add((pair.other.prompt_id, pair.other.seed))
        if told:
            self.told += 1
            self.seeds[pair.other.prompt_id] += 1
            self.bases[pair.baseline.deployment_id] += 1
            self.others[pair.other.deployment_id] += 1

    def fill(self, keys: dict[_Key, list[Shot]], target: int, *, baseline: str, backend: str) -> Iterator[Wanted]:
        for key, same in keys.items():
            if self.told >= target:
                return
            if key in self.keys or self.seeds[key[0]] >= SEEDS_PER_PROMPT:
                continue
            bases = [shot for shot in same if shot.backend == baseline]
            others = [shot for shot in same if shot.backend == backend]
            if pair := self._pick(bases, others):
                self.count(pair, told=True)
                yield pair

    def _pick(self, bases: Sequence[Shot], others: Sequence[Shot]) -> Wanted | None:
        """Of the deployments that were compared least so far; None where no two containers are left."""
        for other in sorted(others, key=lambda shot: (self.others[shot.deployment_id], shot)):
            if self.others[other.deployment_id] >= MOST_OF_ONE:
                return None
            apart = [shot for shot in bases if _apart(shot, other)]
            if apart:
                return Wanted(min(apart, key=lambda shot: (self.bases[shot.deployment_id], shot)), other)
        return None


def _apart(base: Shot, other: Shot) -> bool:
    """Made by two containers; of the baseline with itself, the other one is the later."""
    if base.backend == other.backend and base.image_id > other.image_id:
        return False
    return base.deployment_id != other.deployment_id and (base.worker_id is None or base.worker_id != other.worker_id)
