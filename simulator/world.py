"""The schema of a world: what is true in it. One TOML file; `docs/reference/world.md` documents each field.

Every figure carries its ground in `source`: "measured: ..", "published: .." or "assumed: ..".
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

SHIPPED = Path(__file__).parent / "worlds"
Rate = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


# Figures of a provider that carry no `source` of their own; `grounds` has one for each that is stated.
FIGURES = (
    "host_sigma", "job_sigma", "overhead_s", "capacity", "failures", "restore_share", "price_spread",
    "crash_share", "disk_usd_gb_month", "network_usd_gb", "cpu_core_usd_s", "memory_gib_usd_s", "cache_share",
    "work_share", "clock_skew_s", "ids_reused", "listing_lag_s", "bad_host_share", "day_drift",
)  # fmt: skip


class WorldError(ValueError):
    """A world file that cannot be used; the text names the field and the way out."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("needs a time zone, for example 2026-11-02T08:00:00Z")
    return at


def _grounded(source: str) -> str:
    if not source.startswith(("measured: ", "published: ", "assumed: ")):
        raise ValueError("must start with 'measured: ', 'published: ' or 'assumed: '")
    return source


Source = Annotated[str, AfterValidator(_grounded)]


class Duration(_Strict):
    """A lognormal duration: its median and the standard deviation of its logarithm."""

    median_s: Positive
    sigma: Annotated[float, Field(ge=0, le=2)] = 0.0
    source: Source


class Step(_Strict):
    """One denoiser forward pass of a model on a GPU at the model's reference size."""

    s: Positive
    source: Source


class Model(_Strict):
    """How long a graph of this model takes: steps x forwards x step, plus the fixed part."""

    reference_px: Annotated[int, Field(gt=0)]  # width = height of the step times
    fixed_s: Positive  # text encoders and VAE
    fixed_source: Source
    load: dict[str, Duration]  # provider -> weights to VRAM, paid by the first job of a worker
    step: dict[str, Step]  # GPU -> forward pass


class Price(_Strict):
    """What one GPU costs per second of a worker's life."""

    usd_per_s: Positive
    source: Source


class Failures(_Strict):
    """Chance per job of each fate; the rest are good images."""

    out_of_memory: Rate = 0.0
    execution_error: Rate = 0.0
    worker_lost: Rate = 0.0
    result_missing: Rate = 0.0
    black: Rate = 0.0
    noise: Rate = 0.0
    wrong_size: Rate = 0.0
    truncated: Rate = 0.0
    fewer_steps: Rate = 0.0
    duplicate: Rate = 0.0

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if sum(self.model_dump().values()) > 1:
            raise ValueError("failure rates add up to more than 1")
        return self


class Billing(_Strict):
    """When bills appear and how they misbehave."""

    lag_s: Annotated[float, Field(ge=0)]  # a bucket shows this long after the seconds it bills
    source: Source
    phantom_share: Rate = 0.0  # billed on top, caused by nothing: what "unexplained" must find
    late_correction: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0  # applied to closed buckets..
    correct_after_s: Annotated[float, Field(ge=0)] = 0.0  # ..this long after their end
    early_s: Annotated[float, Field(ge=0, le=600)] = 0.0  # a worker is billed from so long before its start
    gap_share: Rate = 0.0  # of the buckets: billed, and never published
    fee_usd_h: Annotated[float, Field(ge=0)] = 0.0  # a platform fee for each hour with use (Runpod)
    volume_usd_h: Annotated[float, Field(ge=0)] = 0.0  # a volume that nobody uses (Runpod, Vast.ai)
    other_usd_h: Annotated[float, Field(ge=0)] = 0.0  # something of the account that is not ours
    reports: bool = True  # False: the plan has no bills to read (Modal)


class ProviderWorld(_Strict):
    """One provider's truth."""

    pull: Duration  # image to host, before the worker's life begins
    boot: Duration  # container start until ready for its first job
    restore: Duration | None = None  # a start from a snapshot instead of a boot..
    restore_share: Rate = 0.0  # ..happens this often
    host_sigma: Annotated[float, Field(ge=0, le=1)]  # spread between hosts, log
    job_sigma: Annotated[float, Field(ge=0, le=1)]  # spread between jobs on one host, log
    overhead_s: Annotated[float, Field(ge=0)]  # handler, encoding, upload: per job inside execution
    capacity: dict[str, Annotated[int, Field(ge=0)]]  # GPU -> workers or hosts that exist
    price: dict[str, Price]
    failures: Failures = Failures()
    crash_share: Rate = 0.0  # of its workers: they start and fail again and again, and never take a job
    billing: Billing
    variant: str  # labels the pixel-level variation of its GPUs
    host_kinds: Annotated[int, Field(ge=1, le=64)] = 4  # whose pixels differ a little: a deployment has one of them
    disk_usd_gb_month: float = 0.0
    network_usd_gb: float = 0.0
    cpu_core_usd_s: float = 0.0
    memory_gib_usd_s: float = 0.0
    bad_host_share: Rate = 0.0  # of its hosts..
    bad_host_factor: Annotated[float, Field(ge=1, le=100)] = 3.0  # ..take so many times as long for GPU work
    day_drift: Annotated[float, Field(ge=0, le=10)] = 0.0  # GPU work takes so much longer at noon than at midnight, UTC
    price_spread: Annotated[float, Field(ge=0, le=1)] = 0.0  # offers of a market differ by this, log sd
    precision: Literal["bf16", "fp8"] = "bf16"
    cache_share: Rate = 0.0  # a cheat: what was asked before is answered from a cache this often
    work_share: Annotated[float, Field(gt=0, le=1)] = 1.0  # a cheat: of the denoiser's work that was asked for
    clock_skew_s: Annotated[float, Field(ge=0, le=3600)] = 0.0  # each worker's clock is off by up to this, for good
    ids_reused: bool = False  # a new worker gets the id of one that is gone, dead ones included
    listing_lag_s: Annotated[float, Field(ge=0, le=3600)] = 0.0  # lists of workers and calls are late by up to this
    grounds: dict[str, Source] = Field(default_factory=dict)  # field -> where its figure comes from

    @model_validator(mode="after")
    def _grounded(self) -> Self:
        defaults = {name: type(self).model_fields[name].default for name in FIGURES}
        stated = {name for name in FIGURES if getattr(self, name) != defaults[name]}
        if loose := sorted(stated - set(self.grounds)):
            raise ValueError(f"grounds does not say where {loose[0]} comes from")
        if strange := sorted(set(self.grounds) - set(FIGURES)):
            raise ValueError(f"grounds names {strange[0]}, which needs none here; it is for {', '.join(FIGURES)}")
        return self

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if unpriced := sorted(set(self.capacity) - set(self.price)):
            raise ValueError(f"capacity names {unpriced[0]}, which has no price")
        if self.restore_share and self.restore is None:
            raise ValueError("restore_share needs a restore duration")
        return self


class World(_Strict):
    """A whole world."""

    name: str
    title: str
    epoch: Annotated[datetime, AfterValidator(_aware)]
    models: dict[Literal["flux-dev", "qwen-image-2512"], Model]
    modal: ProviderWorld
    runpod: ProviderWorld
    vast: ProviderWorld

    @model_validator(mode="after")
    def _loads(self) -> Self:
        for name, model in self.models.items():
            if missing := sorted({"modal", "runpod", "vast"} - set(model.load)):
                raise ValueError(f"models.{name}.load has no {missing[0]}")
        return self

    def provider(self, name: str) -> ProviderWorld:
        """The truth of "modal", "runpod" or "vast"."""
        worlds: dict[str, ProviderWorld] = {"modal": self.modal, "runpod": self.runpod, "vast": self.vast}
        return worlds[name]


def laid_over(told: Mapping[str, Any]) -> World:
    """The world of these fields; where `over` names a shipped one, what is not told here is as it is there.

    Raises ValidationError, and WorldError where there is none of that name.
    """
    fields = dict(told)
    if (under := fields.pop("over", None)) is not None:
        if under not in shipped():
            raise WorldError(f"There is no world '{under}' to lay this one over. Name one of {', '.join(shipped())}.")
        fields = _merged(tomllib.loads((SHIPPED / f"{under}.toml").read_text(encoding="utf-8")), fields)
    return World.model_validate(fields)


def _merged(under: Any, over: Any) -> Any:
    if not (isinstance(under, Mapping) and isinstance(over, Mapping)):
        return over
    return {**under, **{name: _merged(under.get(name), value) for name, value in over.items()}}


def shipped() -> list[str]:
    """Names of the worlds that come with the program."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_world(name_or_path: str) -> World:
    """A shipped world by name, or one from a file. Raises WorldError with the field at fault."""
    path = SHIPPED / f"{name_or_path}.toml"
    path = path if path.exists() else Path(name_or_path)
    try:
        return laid_over(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        known = ", ".join(shipped())
        raise WorldError(f"There is no world '{name_or_path}'. Name one of {known}, or a TOML file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise WorldError(f"The world file {path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise WorldError(f"The world file {path} is no valid TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part != "[key]")
        where = f" at '{field}'" if field else ""
        why = first["msg"].removeprefix("Value error, ")
        message = f"The world file {path} is wrong{where}: {why}. See docs/reference/world.md."
        raise WorldError(message) from None
