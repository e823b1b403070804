"""Settings, read once at the edge (CLI, web server) and passed in; nothing else reads the environment."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(ValueError):
    """A setting that cannot be used; one sentence with the cause and the way out."""


class Settings(BaseSettings):
    """Environment variables of the same name with the prefix BAKEOFF_; keys under the providers' own names.

    An empty variable counts as unset. Raises pydantic's ValidationError, which `complaint` puts into a sentence.
    """

    model_config = SettingsConfigDict(
        env_prefix="BAKEOFF_", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    data_dir: Path = Path("data")
    address: str = "127.0.0.1"
    port: int = Field(default=8501, ge=1, le=65_535)
    spend_cap_usd: Decimal | None = Field(default=None, gt=0, lt=1_000_000)  # of all runs of the data folder together
    spend_cap_gpu_s: float | None = Field(default=None, gt=0)
    day_cap_usd: Decimal | None = Field(default=None, gt=0, lt=1_000_000)  # of a UTC day
    day_cap_gpu_s: float | None = Field(default=None, gt=0)
    job_cap_usd: Decimal | None = Field(default=None, gt=0, lt=1_000_000)  # of one job
    job_cap_gpu_s: float | None = Field(default=None, gt=0)
    touch_production: bool = False

    runpod_api_key: SecretStr | None = Field(default=None, validation_alias="RUNPOD_API_KEY")
    runpod_jobs_url: str = Field(
        default="https://api.runpod.ai/v2", validation_alias=AliasChoices("RUNPOD_ENDPOINT_BASE_URL")
    )
    runpod_rest_url: str = Field(default="https://api.runpod.io/v2", validation_alias="RUNPOD_REST_BASE_URL")
    runpod_image: str = "runpod/worker-comfyui:5.8.5-base"

    vast_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("VAST_API_KEY", "VAST_AI_API_KEY")
    )
    vast_console_url: str = Field(default="https://console.vast.ai", validation_alias="VAST_URL")
    vast_image: str = "vastai/comfy:v0.3.71-cuda-12.9-py312"

    modal_token_id: SecretStr | None = Field(default=None, validation_alias="MODAL_TOKEN_ID")
    modal_token_secret: SecretStr | None = Field(default=None, validation_alias="MODAL_TOKEN_SECRET")
    modal_server_url: str | None = Field(default=None, validation_alias="MODAL_SERVER_URL")
    modal_workspace: str = Field(default="ryla", validation_alias="MODAL_WORKSPACE")
    modal_web_url: str | None = None  # base URL of the production web endpoints, set in simulated worlds

    slack_webhook: SecretStr | None = None  # of one channel; whoever knows it can post there, so it is a secret

    hf_token: SecretStr | None = Field(default=None, validation_alias=AliasChoices("HF_TOKEN", "HUGGINGFACE_TOKEN"))

    @property
    def ready_line(self) -> Path:
        """Where a running simulator tells its addresses; present = this is a simulated world."""
        return self.data_dir / "simulator.json"


def complaint(error: ValidationError) -> str:
    """Which variable is wrong, and why; never its value, which may be a key."""
    first = error.errors(include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "settings"
    variable = f"BAKEOFF_{name.upper()}" if name in Settings.model_fields else name
    return f"The environment variable {variable} cannot be used: {first['msg']}. Correct it, or unset it."


def simulated_world(settings: Settings) -> dict[str, Any] | None:
    """The simulator's ready line: urls, world, seed, speed. None on real providers. Raises SettingsError."""
    try:
        line = json.loads(settings.ready_line.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{settings.ready_line} cannot be read: {error}. Run `bakeoff demo` anew.") from None
    if not isinstance(line, dict) or "urls" not in line:
        raise SettingsError(f"{settings.ready_line} is no simulator's ready line. Run `bakeoff demo` anew.")
    return line


def in_simulated_world(settings: Settings, line: dict[str, Any]) -> Settings:
    """The same settings with every address on loopback; a missing key becomes one that is worth nothing."""
    urls = line["urls"]
    nothing = SecretStr("simulated")
    return settings.model_copy(
        update={
            "runpod_api_key": settings.runpod_api_key or nothing,
            "runpod_jobs_url": f"{urls['runpod_jobs']}/v2",
            "runpod_rest_url": f"{urls['runpod_rest']}/v2",
            "vast_api_key": settings.vast_api_key or nothing,
            "vast_console_url": urls["vast_console"],
            "modal_token_id": settings.modal_token_id or SecretStr("ak-simulated"),
            "modal_token_secret": settings.modal_token_secret or SecretStr("as-simulated"),
            "modal_server_url": line["modal_grpc"],
            "modal_web_url": urls["modal_web"],
        }
    )
