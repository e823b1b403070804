"""A rented instance: its states on the wire, its ports, its row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from simulator.engine import US, us
from simulator.pool import Capacity, Pool, SimWorker
from simulator.vast.market import Host

WRAPPER_PORT = "8288"
# How long the first states last; the image pull itself is the world's `pull`.
_UNSTATED_US, _CREATED_US = us(3), us(8)
# `sleep`, then a DELETE of itself by the restricted key (Vast.ai's guide) that the container finds in its environment.
_TIMER = re.compile(r"sleep (\d+); *curl [^\n]*-X DELETE [^\n]*\$CONTAINER_ID[^\n]*\$CONTAINER_API_KEY")
# Images of these names can be pulled; any other is unknown to the registry.
_PULLABLE = ("vastai/",)


class OneHost(Capacity):
    """The one machine of a contract: taken once, and never given back to it (a dead host stays dead)."""

    def __init__(self, gpu: str) -> None:
        super().__init__({gpu: 1})

    def give_back(self, gpu: str) -> None:
        """The market gets it back when the contract ends, the contract itself never."""


@dataclass(kw_only=True)
class Rental:
    """One contract. `name` is the label it was created with, by which the ledger knows it."""

    id: int
    host: Host
    name: str
    label: str | None
    image: str
    disk_gb: float
    env: Mapping[str, str]
    onstart: str | None
    runtype: str
    dph_base: Decimal  # USD an hour: the host's, or the bid
    is_bid: bool
    pool: Pool
    port: int
    password: str
    created_us: int
    model_gb: float
    destroyed_us: int | None = None
    stopped: bool = False  # by its owner
    results: dict[str, Any] = field(default_factory=dict)  # the wrapper's memory, by request id

    @property
    def usd_per_s(self) -> Decimal:
        """The GPU's rate while it runs."""
        return self.dph_base / 3600

    @property
    def worker(self) -> SimWorker | None:
        """The container; None while its image cannot be pulled."""
        return self.pool.workers[0] if self.pool.workers else None

    @property
    def timer_us(self) -> int | None:
        """The life that `onstart` gives the instance; it is not run under `args` (Vast.ai's docs, 2026-08-07)."""
        armed = _TIMER.search(self.onstart or "") if self.runtype != "args" else None
        return us(float(armed[1])) if armed else None

    @property
    def pullable(self) -> bool:
        """Does the registry know the image?"""
        return self.image.startswith(_PULLABLE)

    def start(self) -> None:
        """Begin to pull."""
        if self.pullable:
            self.pool.start_worker()

    def stop(self) -> None:
        """Stop the container: the GPU is billed no more, storage is."""
        self.stopped = True
        for job in [job for job in self.pool.jobs.values() if not job.final]:
            self.pool.cancel(job)
        if self.worker:
            self.pool.stop(self.worker)

    def destroy(self, now_us: int) -> None:
        """End the contract."""
        self.destroyed_us = now_us
        self.pool.close()

    def stood_at(self, at_us: int) -> bool:
        """Was it a contract then?"""
        return self.created_us <= at_us and (self.destroyed_us is None or at_us < self.destroyed_us)

    def status(self, now_us: int) -> str | None:
        """`actual_status`: null while nothing is known yet, then created, loading, running."""
        worker, age_us = self.worker, now_us - self.created_us
        if worker and worker.lost:
            return "exited"
        if self.stopped:
            return "stopped"
        if worker and worker.pulled_us is not None:
            return "running"
        if age_us < _UNSTATED_US:
            return None
        return "created" if age_us < _CREATED_US else "loading"

    def row(self, now_us: int) -> dict[str, Any]:
        """The instance as the API tells it, `ports` left out: only the list gives them (Vast's QA code, 2026-08-21)."""
        status = self.status(now_us)
        running, state = status == "running", "stopped" if self.stopped else "running"
        return {
            "id": self.id,
            **self.host.hardware(),
            **self.host.prices(self.disk_gb, self.dph_base),
            "actual_status": status,
            "intended_status": state,
            "cur_state": state if status else "unloaded",
            "next_state": state,
            "status_msg": self._status_msg(status),
            "label": self.label,
            "template_id": None,
            "template_hash_id": None,
            "template_name": None,
            "image_uuid": self.image,
            "image_args": [],
            "image_runtype": self.runtype,
            "extra_env": [[name, str(value)] for name, value in self.env.items()],
            "onstart": self.onstart,
            "jupyter_token": f"{self.id:064x}",
            "public_ipaddr": "127.0.0.1",
            "local_ipaddrs": "10.0.0.5 172.17.0.2",
            "ssh_host": "ssh4.vast.ai",
            "ssh_idx": "4",
            "ssh_port": 10_000 + self.id % 50_000,
            "machine_dir_ssh_port": 21_000,
            "gpu_totalram": self.host.gpu_ram,
            "disk_space": self.disk_gb,
            "rentable": False,
            "is_bid": self.is_bid,
            "external": False,
            "volume_info": [],
            **self._times(status, now_us),
            **self._load(running=running),
        }

    def listed(self, now_us: int) -> dict[str, Any]:
        """The row of the list, with the port mappings once it runs."""
        ports = {f"{WRAPPER_PORT}/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(self.port)}]}  # noqa: S104 - as Docker says
        running = self.status(now_us) == "running"
        return self.row(now_us) | ({"ports": ports if self._maps_wrapper else {}} if running else {})

    @property
    def _maps_wrapper(self) -> bool:
        return any(name.startswith("-p ") and name.endswith(f":{WRAPPER_PORT}") for name in self.env)

    def _status_msg(self, status: str | None) -> str | None:
        if status is None:
            return None
        if not self.pullable:
            return f"Error response from daemon: manifest for {self.image} not found: manifest unknown"
        if status == "running":
            return f"success, running {self.image}/{self.runtype}"
        return {"exited": "container exited", "stopped": "stopped"}.get(status, f"Pulling from {self.image}")

    def _times(self, status: str | None, now_us: int) -> dict[str, Any]:
        # Null start_date and uptime while nothing is known: the official client 1.9.1 raises TypeError on them.
        pulled_us = self.worker.pulled_us if self.worker else None
        end_us = self.created_us + us(60 * 86400)
        return {
            "start_date": None if status is None else self.created_us / US,
            "end_date": end_us / US,
            "duration": (end_us - now_us) / US,
            "uptime_mins": (now_us - pulled_us) / US / 60 if status == "running" and pulled_us else None,
            "time_remaining": "",
            "time_remaining_isbid": "",
            "client_run_time": 1.1,
            "host_run_time": 2592000.0,
        }

    def _load(self, *, running: bool) -> dict[str, Any]:
        return {
            "disk_usage": 54.2 if running else -1,  # -1 until it runs
            "disk_util": 0.4 if running else -1,
            "gpu_util": 0.0 if running else None,
            "gpu_temp": 41.0 if running else None,
            "cpu_util": 0.1,
            "mem_usage": 4.1 if running else None,
            "mem_limit": 60.0 if running else None,
            "vmem_usage": None,
            "direct_port_start": -1,
            "direct_port_end": -1,
        }
