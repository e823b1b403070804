"""What Runpod's REST v2 lets in: request bodies, strict. An unknown field is a 422 that names it."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Text = Annotated[str, Field(min_length=1)]
Cuda = Annotated[str, Field(pattern=r"^\d+\.\d+$")]
FlashBoot = Literal["OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT"]
Category = Literal["CPU", "NVIDIA", "AMD"]
B = TypeVar("B", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Gpu(_Strict):
    """Which cards. Pools are Runpod's pool ids, excluded types its GPU type ids."""

    pools: Annotated[list[str], Field(min_length=1)]
    excludedTypes: list[str] = []
    count: Annotated[int, Field(ge=1)] = 1
    allowedCudaVersions: list[Cuda] = []
    minCudaVersion: Cuda | None = None


class Workers(_Strict):
    """How many, and how long one stays idle, seconds. None = not sent."""

    min: Annotated[int, Field(ge=0)] | None = None
    max: Annotated[int, Field(ge=0)] | None = None
    idleTimeout: Annotated[int, Field(ge=1, le=3600)] | None = None


class QueueDelay(_Strict):
    """Scale when a job has waited that long, seconds."""

    type: Literal["QUEUE_DELAY"]
    queueDelay: Annotated[float, Field(ge=0.5)]


class RequestCount(_Strict):
    """Scale by open requests."""

    type: Literal["REQUEST_COUNT"]
    requestCount: Annotated[int, Field(ge=1)]


Scaling = Annotated[QueueDelay | RequestCount, Field(discriminator="type")]


class Container(_Strict):
    """What a container runs."""

    args: str | None = None
    disk: Annotated[int, Field(ge=1)] | None = None  # GB
    env: dict[str, str] | None = None
    image: str | None = None
    ports: list[str] | None = None
    registry: str | None = None


class CreateEndpoint(Container):
    """POST /v2/serverless."""

    name: Text
    type: Literal["QUEUE", "LOAD_BALANCER"]
    scaling: Scaling
    gpu: Gpu | None = None
    cpu: list[dict[str, Any]] | None = None
    workers: Workers = Workers()
    dataCenterIds: list[str] = []
    networkVolumes: list[str] = []
    flashboot: FlashBoot = "OFF"
    templateId: Text | None = None
    # The specification says 300000; 0 was observed when it is left out (Runpod's own plug-in notes, 2026-08-20).
    timeout: int = 0


class UpdateEndpoint(Container):
    """PATCH /v2/serverless/{id}: only what is sent changes."""

    name: Text | None = None
    scaling: Scaling | None = None
    gpu: Gpu | None = None
    workers: Workers | None = None
    dataCenterIds: list[str] | None = None
    networkVolumes: list[str] | None = None
    flashboot: FlashBoot | None = None
    templateId: Text | None = None
    timeout: int | None = None


class Persistent(_Strict):
    """A volume of a template."""

    size: Annotated[int, Field(ge=10)]
    path: str


class Mounts(_Strict):
    """A template's mounts."""

    persistent: Persistent | None = None


class CreateTemplate(Container):
    """POST /v2/templates."""

    name: Text
    image: Text
    allowedCudaVersions: list[Cuda] = []
    category: Category = "NVIDIA"
    mounts: Mounts = Mounts()
    public: bool = False
    serverless: bool = False
    startJupyter: bool = True
    startSsh: bool = True


class UpdateTemplate(Container):
    """PATCH /v2/templates/{id}."""

    name: Text | None = None
    allowedCudaVersions: list[Cuda] | None = None
    category: Category | None = None
    mounts: Mounts | None = None
    public: bool | None = None
    serverless: bool | None = None
    startJupyter: bool | None = None
    startSsh: bool | None = None


class Unprocessable(ValueError):
    """422: `errors` as the specification's example words them."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(errors[0])
        self.errors = errors


def read(model: type[B], body: Any) -> B:
    """The body as `model`. Raises Unprocessable."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise Unprocessable([_worded(problem) for problem in error.errors()]) from None


def _worded(problem: Any) -> str:
    path = [str(part) for part in problem["loc"]]
    if problem["type"] == "extra_forbidden":
        return f"{'.'.join(['$', *path[:-1]])}: additional properties '{path[-1]}' not allowed"
    return f"{'.'.join(['$', *path])}: {problem['msg']}"
