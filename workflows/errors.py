"""What can be wrong with a workflow.

ValueError
└── WorkflowError
    ├── UnknownWorkflow    no workflow has that name
    ├── InvalidDefinition  workflow.toml or graph.json cannot be read as what it should be
    ├── InvalidGraph       the graph would be refused; `.problems` names each node and field
    └── InvalidParameter   a value, or a parameter's name, that the workflow does not take

Each text is one sentence or two: the cause, and the way out.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.graph import GraphProblem


class WorkflowError(ValueError):
    """Anything wrong with a workflow or with what is asked of it."""


class UnknownWorkflow(WorkflowError):
    """No workflow has that name."""


class InvalidDefinition(WorkflowError):
    """A workflow's folder, workflow.toml or graph.json cannot be used."""


class InvalidParameter(WorkflowError):
    """A value or a name that the workflow does not take."""


class InvalidGraph(WorkflowError):
    """A graph that ComfyUI would refuse, or that could not mean what it says."""

    def __init__(self, name: str, problems: list["GraphProblem"]) -> None:
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"The graph of workflow '{name}' is broken: {problems[0]}{more}.")
        self.problems = problems


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`; did you mean x?`, or nothing when nothing is close."""
    close = get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""
