"""Is a demo's comparison true? Its one JSON document against the truth that the simulator put into every entry."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WITHIN = 0.05  # of the truth: warm p50, marginal and fully loaded cost
WARM_CELLS, WARM_N, COLD_N = 6, 20, 3
JOBS = 250


@dataclass(frozen=True)
class Check:
    """One bound: what was found, what is allowed, and whether it holds."""

    name: str
    found: str
    allowed: str
    holds: bool


def judge(
    shown: Mapping[str, Any],
    *,
    jobs: int = JOBS,
    warm_cells: int = WARM_CELLS,
    cold_n: int = COLD_N,
    within: float = WITHIN,
) -> list[Check]:
    """Every bound on a demo's document. `jobs`, `warm_cells`, `cold_n`: the least of each, fewer for a smaller demo."""
    warm = [cell for cell in shown["cells"] if cell["start_kind"] == "warm" and cell["n"] >= WARM_N]
    cold = [cell for cell in shown["cells"] if cell["start_kind"] == "cold"]
    latency = [_off(cell["latency_s"]["p50"], _true(cell, "latency_s", "p50")) for cell in warm]
    marginal = [_off(cell["marginal_usd_per_image"], _true(cell, "marginal_usd_per_image")) for cell in warm]
    loaded = [
        _off(row["fully_loaded_usd_per_image"], _true(row, "fully_loaded_usd_per_image"))
        for row in shown["deployments"]
    ]
    return [
        _least("jobs", shown["jobs"], jobs),
        _least(f"warm cells of {WARM_N} jobs", len(warm), warm_cells),
        _least("jobs of the smallest cold cell", min((cell["n"] for cell in cold), default=0), cold_n),
        worst("warm p50", latency, within),
        worst("marginal cost", marginal, within),
        worst("fully loaded cost", loaded, within),
        _same("success rates", [(_rate(cell), _true(cell, "success_rate")) for cell in shown["cells"]]),
        _same("jobs of a cell", [(_kept(cell), _true(cell, "n")) for cell in shown["cells"]]),
        _same("paid calls", [(shown["paid_calls"], shown["truth"]["paid_calls"])]),
        Check("marked simulated", str(shown["simulated"]), "True", shown["simulated"] is True),
    ]


def _kept(cell: Mapping[str, Any]) -> int:
    """Jobs of a cell as the ledger counts them: it keeps those that we discard for a start of the wrong kind."""
    return int(cell["n"] + cell["discarded"])


def _rate(cell: Mapping[str, Any]) -> float | None:
    """The success rate with the discarded ones, which were all good."""
    if cell["success_rate"] is None:
        return None
    return float((cell["success_rate"] * cell["n"] + cell["discarded"]) / _kept(cell))


def _true(entry: Mapping[str, Any], *path: str) -> Any:
    """A value of the entry's truth; None where the simulator knows no such entry."""
    found: Any = entry.get("truth")
    for name in path:
        found = None if found is None else found[name]
    return found


def _off(ours: float | None, true: float | None) -> float | None:
    """Relative error; 0 where both are not known, None where only one is."""
    if ours is None and true is None:
        return 0.0
    if ours is None or true is None:
        return None
    return abs(ours - true) / true if true else float(ours != 0)


def _least(name: str, found: int, least: int) -> Check:
    return Check(name, str(found), f">= {least}", found >= least)


def worst(name: str, errors: Sequence[float | None], within: float) -> Check:
    """The largest of some relative errors; one that is not known holds no bound, nor do none at all."""
    known = [error for error in errors if error is not None]
    if not known or len(known) < len(errors):
        return Check(name, "not known", f"<= {within:.0%} off", holds=False)
    return Check(name, f"{max(known):.1%} off", f"<= {within:.0%} off", max(known) <= within)


def _same(name: str, pairs: Sequence[tuple[Any, Any]]) -> Check:
    differing = [f"{ours} for {true}" for ours, true in pairs if not _equal(ours, true)]
    return Check(name, differing[0] if differing else "equal", "equal", bool(pairs) and not differing)


def _equal(ours: float | None, true: float | None) -> bool:
    """The same, but for the last bit of a division."""
    return ours == true or (ours is not None and true is not None and math.isclose(ours, true))


def failing(checks: Sequence[Check]) -> Iterator[str]:
    """The bounds that do not hold, in words."""
    return (f"{check.name}: {check.found}, allowed {check.allowed}" for check in checks if not check.holds)
