"""Workflows: ComfyUI graphs with typed parameters, model files and a content hash; and the prompts they draw."""

from workflows.errors import InvalidDefinition, InvalidGraph, InvalidParameter, UnknownWorkflow, WorkflowError
from workflows.graph import GraphProblem, validate
from workflows.library import load, load_file, names
from workflows.model import CostShape, Execution, ModelFile, Parameter, Workflow

__all__ = [
    "CostShape",
    "Execution",
    "GraphProblem",
    "InvalidDefinition",
    "InvalidGraph",
    "InvalidParameter",
    "ModelFile",
    "Parameter",
    "UnknownWorkflow",
    "Workflow",
    "WorkflowError",
    "load",
    "load_file",
    "names",
    "validate",
]
