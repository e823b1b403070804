"""How backends, states and reasons are called on a page, and in which order they stand."""

from collections.abc import Iterable
from typing import Literal

from words import FAILURE_OF, DeploymentState, FailureClass, JobStatus, Provider, Reason, RunStatus, called

_RUN = {
    RunStatus.QUEUED: "waits",
    RunStatus.RUNNING: "running",
    RunStatus.TEARING_DOWN: "tearing down",
    RunStatus.DONE: "done",
    RunStatus.STOPPED: "stopped",
    RunStatus.FAILED: "failed",
}
Tone = Literal["red", "yellow", "green", "gray"]
_DEPLOYMENT: dict[DeploymentState, tuple[str, Tone, str]] = {
    DeploymentState.INTENDED: ("waits", "gray", "hourglass_empty"),
    DeploymentState.PROVISIONING: ("booting", "yellow", "hourglass_top"),
    DeploymentState.READY: ("ready", "green", "check"),
    DeploymentState.STOPPED: ("stopped", "yellow", "pause"),
    DeploymentState.FAILED: ("failed", "red", "close"),
    DeploymentState.GONE: ("gone", "gray", "check"),
}


def provider_of(backend: str) -> str:
    """The provider's label, which is also the meaning that colours it; `muted` for one that is not compared."""
    name = backend.partition("-")[0]
    return Provider(name).label if name in set(Provider) else "muted"


label = called


def in_order(backends: Iterable[str]) -> list[str]:
    """Modal, Runpod, Vast.ai, then the rest by name: the order of every row and panel."""
    order = [provider.value for provider in Provider]
    return sorted(set(backends), key=lambda name: (order.index(name) if name in order else len(order), name))


def run_state(status: RunStatus) -> str:
    """One or two words."""
    return _RUN[status]


def deployment_badge(state: DeploymentState) -> tuple[str, Tone, str]:
    """Word, colour and icon: never colour alone."""
    return _DEPLOYMENT[state]


def reason_words(reason: str | None) -> str:
    """worker lost (provider); what we do not know stays as it is."""
    if reason is None:
        return ""
    words = reason.replace("_", " ")
    return f"{words} ({FAILURE_OF[Reason(reason)].value})" if reason in set(Reason) else words


def failure_class(reason: str | None) -> FailureClass | None:
    """Whose failure it was; None for a success or an unknown reason."""
    return FAILURE_OF[Reason(reason)] if reason in set(Reason) else None


def status_words(status: JobStatus) -> str:
    """timed out instead of timed_out"""
    return status.value.replace("_", " ")
