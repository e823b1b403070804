"""A workflow: a ComfyUI graph, the parameters it takes, the model files it needs, and its content hash."""

import hashlib
import json
import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass as checked_dataclass

from workflows.errors import InvalidParameter, did_you_mean
from workflows.graph import Graph

REQUIRED = {"prompt": "text", "seed": "int", "width": "int", "height": "int", "steps": "int"}
_STRICT = ConfigDict(extra="forbid", strict=True)
_TYPES: dict[str, tuple[type, ...]] = {"text": (str,), "int": (int,), "float": (int, float)}
_Text = Annotated[str, Field(min_length=1)]


@checked_dataclass(frozen=True, config=_STRICT)
class Parameter:
    """One thing a job may choose. `min` and `max` are inclusive; of a text they bound its length.

    `sets` are dotted paths `node.input` into the graph. Without a `default` each job has to give a value.
    """

    type: Literal["text", "int", "float"]
    min: float
    max: float
    sets: Annotated[tuple[str, ...], Field(min_length=1)]
    default: str | int | float | None = None
    unit: str = ""  # none for a pure number
    step: Annotated[int, Field(gt=0)] | None = None  # whole multiples only, counted from zero

    @model_validator(mode="after")
    def _default_fits(self) -> "Parameter":
        if self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        if self.default is not None and (problem := self.problem(self.default)):
            raise ValueError(f"the default {problem}")
        return self

    def problem(self, value: object) -> str | None:
        """What is wrong with `value`, as the end of a sentence; None when it will do."""
        if not isinstance(value, str | int | float) or not self._takes(value):
            return f"is {value!r}, which is no {self.type}"
        size = len(value) if isinstance(value, str) else value
        if not self.min <= size <= self.max:
            got = f"has {size} characters" if isinstance(value, str) else f"is {value}"
            return f"{got}, outside {self.min:.12g} to {self.max:.12g} {self.unit}".rstrip()
        if self.step and size % self.step:
            return f"is {value}, no multiple of {self.step} {self.unit}".rstrip()
        return None

    def extremes(self) -> tuple[str | int | float, ...]:
        """The values at its bounds, which the graph has to take too."""
        if self.type == "text":
            return ("",)
        return tuple(int(bound) if self.type == "int" else bound for bound in (self.min, self.max))

    def _takes(self, value: str | int | float) -> bool:
        return isinstance(value, _TYPES[self.type]) and not isinstance(value, bool)


@checked_dataclass(frozen=True, config=_STRICT)
class ModelFile:
    """A file of weights: where ComfyUI looks for it, where it comes from, and on which terms."""

    folder: _Text
    name: _Text
    size_bytes: Annotated[int, Field(gt=0)]
    repo: _Text  # owner/name on Hugging Face
    repo_path: _Text
    licence: _Text
    precision: Literal["fp32", "bf16", "fp16", "fp8"]

    @property
    def path(self) -> str:
        """`folder/name`, below ComfyUI's models folder."""
        return f"{self.folder}/{self.name}"

    @property
    def size_gb(self) -> float:
        """Decimal gigabytes."""
        return self.size_bytes / 1e9


@checked_dataclass(frozen=True, config=_STRICT)
class Execution:
    """What the physical floor needs: the model whose step times count, and forwards a sampling step."""

    model: _Text
    forwards_per_step: Annotated[int, Field(gt=0)]  # at cfg 1.0
    forwards_per_step_guided: Annotated[int, Field(gt=0)]  # at any other cfg


class CostShape(NamedTuple):
    """How much denoiser work a job is: steps x forwards_per_step forwards of `model` at width x height px."""

    model: str
    width: int
    height: int
    steps: int
    forwards_per_step: int


@dataclass(frozen=True)
class Workflow:
    """A named, versioned unit of work; the same graph goes to every provider."""

    name: str
    title: str
    summary: str
    graph: Graph
    parameters: Mapping[str, Parameter]
    files: tuple[ModelFile, ...]
    execution: Execution
    licence: str
    commercial_use: bool
    vram_gb: int
    default_gpu: str
    min_comfyui: str

    @property
    def hash(self) -> str:
        """SHA-256 in hex over graph, parameters and files, whatever their order and formatting.

        Titles, licence summary and hardware advice are no part of it: they do not change the picture.
        """
        content = {
            "graph": self.graph,
            "parameters": {name: asdict(parameter) for name, parameter in self.parameters.items()},
            "files": {file.path: asdict(file) for file in self.files},
        }
        text = json.dumps(_plain(content), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def size_gb(self) -> float:
        """All model files together, decimal gigabytes."""
        return sum(file.size_gb for file in self.files)

    def values(self, params: Mapping[str, object]) -> dict[str, Any]:
        """`params` checked, with the defaults filled in; what has no default and is not given stays out.

        Raises InvalidParameter for an unknown name, a wrong type or a value out of range.
        """
        for name, value in params.items():
            if name not in self.parameters:
                near = did_you_mean(name, self.parameters) or "."
                takes = ", ".join(self.parameters)
                raise InvalidParameter(f"{self.name} has no parameter '{name}'{near} It takes {takes}.")
            if problem := self.parameters[name].problem(value):
                raise InvalidParameter(f"{self.name}: {name} {problem}.")
        defaults = {name: p.default for name, p in self.parameters.items() if p.default is not None}
        return defaults | dict(params)

    def render(self, params: Mapping[str, object]) -> dict[str, Any]:
        """The graph filled with `params`, ready for ComfyUI's `POST /prompt`; the workflow stays as it is.

        Raises InvalidParameter, also when a parameter without a default is not given.
        """
        values = self.values(params)
        if missing := [name for name in self.parameters if name not in values]:
            raise InvalidParameter(f"{self.name} needs a value for {', '.join(missing)}: no default exists.")
        return filled(self.graph, {p: v for name, v in values.items() for p in self.parameters[name].sets})

    def cost_shape(self, params: Mapping[str, object]) -> CostShape:
        """The denoiser work of a job with these `params`. Raises InvalidParameter like `values`.

        ComfyUI leaves the negative prompt out when cfg is 1.0 and runs it beside the prompt otherwise.
        """
        values = self.values(params)
        guided = not math.isclose(float(values.get("cfg", 1.0)), 1.0)
        run = self.execution
        forwards = run.forwards_per_step_guided if guided else run.forwards_per_step
        return CostShape(run.model, values["width"], values["height"], values["steps"], forwards)


def filled(graph: Graph, settings: Mapping[str, object]) -> dict[str, Any]:
    """A copy of `graph` with each dotted path `node.input` set to its value."""
    copy = deepcopy(dict(graph))
    for path, value in settings.items():
        node, _, field = path.rpartition(".")
        copy[node]["inputs"][field] = value
    return copy


def _plain(value: object) -> object:
    """JSON has one kind of number: 1.0 and 1 are the same content."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
