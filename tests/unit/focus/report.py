"""What became of each of the model's 621 rules, as the tables of docs/reference/focus.md."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

from tests.unit.focus.facts import CRITERIA, ERRATA, supported
from tests.unit.focus.model import Rule, applies, rules
from tests.unit.focus.proofs import OWN, STATED
from words import Provider

MUST, OURS, REASON = (
    "MUST, checked by the model",
    "MUST without a check, tested by us",
    "MUST without a check, reason stated",
)
SHOULD, FREE, PARTS, ABSENT = (
    "SHOULD, checked by the model",
    "SHOULD or MAY, nothing to check",
    "made of parts",
    "does not apply",
)
KINDS = (MUST, OURS, REASON, SHOULD, FREE, PARTS, ABSENT)


@cache
def every() -> dict[str, Rule]:
    """The model's rules, its errata put right."""
    return rules({name: erratum.parts for name, erratum in ERRATA.items()})


def kind(rule: Rule, provider: Provider) -> str:
    """What becomes of the rule on the provider's rows: one of KINDS."""
    if not applies(rule, supported(provider)):
        return ABSENT
    if rule.unchecked and rule.must:
        return REASON if rule.id in STATED else OURS
    if rule.unchecked or rule.keyword == "MAY":
        return FREE
    if not rule.checked:
        return PARTS
    return MUST if rule.must else SHOULD


def text() -> str:
    """All tables, in Markdown."""
    return "\n\n".join([_counts(), _criteria(), _absent(), _own(), _stated(), _errata()]) + "\n"


def _counts() -> str:
    counts = {provider: Counter(kind(rule, provider) for rule in every().values()) for provider in Provider}
    rows = [[name, *(counts[provider][name] for provider in Provider)] for name in KINDS]
    total = ["all rules", *(counts[provider].total() for provider in Provider)]
    return _table(["rules", *(provider.label for provider in Provider)], [*rows, total])


def _criteria() -> str:
    rows = [
        [
            f"`{name}`",
            ", ".join(provider.label for provider in Provider if provider in support.by) or "nobody",
            support.why,
        ]
        for name, support in CRITERIA.items()
    ]
    return _table(["criterion", "met by", "how we know"], rows)


def _absent() -> str:
    """Each rule that does not apply, with the criteria that are not met and whose rows it does not concern."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for rule in every().values():
        missing: dict[frozenset[str], list[str]] = defaultdict(list)
        for provider in Provider:
            if lacks := rule.criteria - supported(provider):
                missing[lacks].append(provider.label)
        for lacks, labels in missing.items():
            groups[", ".join(labels), ", ".join(f"`{name}`" for name in sorted(lacks))].append(rule.id)
    rows = [[who, lacks, len(names), _listed(names)] for (who, lacks), names in sorted(groups.items())]
    return _table(["does not apply to", "criterion not met", "rules", "which"], rows)


def _own() -> str:
    return _table(
        ["our own test", "of the rules"], [[own.says, _listed(own.rules) or "none: beyond the model"] for own in OWN]
    )


def _stated() -> str:
    return _table(["rule that no dataset can prove", "reason"], [[name, why] for name, why in STATED.items()])


def _errata() -> str:
    return _table(
        ["rule whose check is not what its words say", "what is wrong"], [[n, e.why] for n, e in ERRATA.items()]
    )


def _listed(names: Iterable[str]) -> str:
    """Ids of rules, those of one column together."""
    by_column: dict[str, list[str]] = defaultdict(list)
    for name in names:
        column, _, rest = name.partition("-")
        by_column[column].append(rest)
    return "; ".join(f"{column} {', '.join(sorted(rest))}" for column, rest in sorted(by_column.items()))


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
