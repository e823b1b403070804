"""What the rule is told of a candidate's images: alike by the pairs, equivalent or worse by people's votes, or open."""

from analysis.parity import Likeness
from analysis.verdict.evidence import ImageJudgement
from analysis.verdict.gates import Quality
from analysis.votes import Preference


def judgement(alike: Likeness, people: Preference) -> ImageJudgement:
    """Votes that find it worse come before everything else; pairs alone never speak against it."""
    return ImageJudgement(
        quality=_quality(alike, people),
        why=f"{alike.sentence}; {people.sentence}",
        preference_high=people.high,
    )


def _quality(alike: Likeness, people: Preference) -> Quality:
    if people.worse:
        return "unlike"
    return "alike" if alike.alike or people.equivalent else "undecided"
