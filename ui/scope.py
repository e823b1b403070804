"""Which jobs a comparison is about: one workflow at one setting on one GPU, from some runs. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ui.formats import count


@dataclass(frozen=True)
class Scope:
    """What the filters chose. `runs` empty = all."""

    workflow: str
    gpu: str
    settings: str
    runs: tuple[int, ...] = ()

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of a frame that has workflow, gpu and run_id (and settings, where it has them)."""
        keep = (pl.col("workflow") == self.workflow) & (pl.col("gpu") == self.gpu)
        if "settings" in frame.columns:
            keep &= pl.col("settings") == self.settings
        if self.runs:
            keep &= pl.col("run_id").is_in(self.runs)
        return frame.filter(keep)


def choices(jobs: pl.DataFrame, column: str) -> list[str]:
    """The values of a column, most jobs first."""
    return jobs.group_by(column).len().sort("len", column, descending=[True, False])[column].to_list()


def main_scopes(jobs: pl.DataFrame) -> list[Scope]:
    """For each workflow and GPU the settings with most jobs, over all runs; by name."""
    counted = jobs.group_by("workflow", "gpu", "settings").len().sort("len", "settings", descending=[True, False])
    most = counted.unique(["workflow", "gpu"], keep="first", maintain_order=True).sort("workflow", "gpu")
    return [Scope(row["workflow"], row["gpu"], row["settings"]) for row in most.iter_rows(named=True)]


def settings_words(settings: str) -> str:
    """1024 px, 20 steps; the workflow's defaults where a run set nothing."""
    values = json.loads(settings) if settings else {}
    width, height, steps = values.get("width"), values.get("height"), values.get("steps")
    size = f"{width} px" if width and width == height else f"{width} x {height} px" if width else ""
    words = [size, f"{steps} steps" if steps else "", f"cfg {values['cfg']:g}" if "cfg" in values else ""]
    return ", ".join(word for word in words if word) or "default settings"


def scope_words(scope: Scope, jobs: pl.DataFrame, states: Sequence[str]) -> str:
    """flux-dev · L40S · default settings · 1,808 jobs, 24 prompts, 1 run · costs ● final"""
    n, prompts, runs = jobs.height, jobs["prompt_id"].n_unique(), jobs["run_id"].n_unique()
    counts = f"{count(n)} jobs, {prompts} prompts, {runs} {'run' if runs == 1 else 'runs'}"
    costs = f"costs {', '.join(states)}" if states else "no cost known yet"
    return " · ".join([scope.workflow, scope.gpu, settings_words(scope.settings), counts, costs])
