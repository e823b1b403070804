"""The shared words: every enum that more than one package speaks. A leaf; docs/reference/glossary.md explains each."""

from enum import StrEnum


class Provider(StrEnum):
    """The companies that are compared, in the order in which pages show them."""

    MODAL = "modal"
    RUNPOD = "runpod"
    VAST = "vast"

    @property
    def label(self) -> str:
        """The name as a person writes it."""
        return {"modal": "Modal", "runpod": "Runpod", "vast": "Vast.ai"}[self.value]


def called(backend: str) -> str:
    """A backend as a person writes it: Modal, Runpod, Vast.ai; a provider's second product says so: Modal web."""
    name, _, product = backend.partition("-")
    known = Provider(name).label if name in set(Provider) else name
    return f"{known} {product}".strip()


class JobStatus(StrEnum):
    """Where a job stands: queued -> submitting -> submitted -> running -> one of the final five."""

    QUEUED = "queued"  # planned; nothing was sent
    SUBMITTING = "submitting"  # the intent is durable, the paid call may or may not have been sent
    SUBMITTED = "submitted"  # the provider acknowledged it
    RUNNING = "running"  # a worker picked it up
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"  # its fate is unknown and will stay so

    @property
    def final(self) -> bool:
        """True once the job can change no more."""
        return self in _FINAL


_FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.CANCELLED, JobStatus.LOST})


class FailureClass(StrEnum):
    """Whose failure it was; `ours` leaves the success rate and is counted on its own."""

    OURS = "ours"
    PROVIDER = "provider"
    CAPACITY = "capacity"
    QUALITY = "quality"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a job ended as it did, or a deployment failed (`FAILURE_OF` and `STATUS_OF` are total over it)."""

    INVALID_REQUEST = "invalid_request"
    AUTH_REFUSED = "auth_refused"
    BUDGET_REACHED = "budget_reached"
    OUR_FAULT = "our_fault"  # our own code failed
    NOT_SENT = "not_sent"  # its deployment never became ready, or the run stopped first
    UNREACHABLE = "unreachable"  # the provider did not take the job, though we asked again and again
    WORKER_LOST = "worker_lost"
    CRASH_LOOP = "crash_loop"  # its workers start and fail again and again
    NEVER_READY = "never_ready"  # a deployment that was rented and took no job in time
    OUT_OF_MEMORY = "out_of_memory"
    EXECUTION_ERROR = "execution_error"
    EXECUTION_TIMEOUT = "execution_timeout"
    RESULT_MISSING = "result_missing"  # reported as completed, without an image
    VANISHED = "vanished"  # the provider no longer knows the job
    NO_CAPACITY = "no_capacity"
    STUCK_IN_QUEUE = "stuck_in_queue"
    IMAGE_BROKEN = "image_broken"
    STOPPED = "stopped"
    SATURATED = "saturated"  # never sent: its lane could not carry what had come before
    FATE_UNKNOWN = "fate_unknown"
    UNEXPECTED_REPLY = "unexpected_reply"


_CLASSES = {
    "ours": "invalid_request auth_refused budget_reached our_fault not_sent",
    "provider": "unreachable worker_lost crash_loop never_ready out_of_memory execution_error execution_timeout "
    "result_missing vanished",
    "capacity": "no_capacity stuck_in_queue",
    "quality": "image_broken",
    "cancelled": "stopped saturated",
    "unknown": "fate_unknown unexpected_reply",
}
_STATUSES = {  # all others failed
    "cancelled": "budget_reached not_sent stopped saturated",
    "lost": "our_fault vanished fate_unknown",
    "timed_out": "execution_timeout stuck_in_queue",
}
FAILURE_OF = {Reason(name): FailureClass(kind) for kind, names in _CLASSES.items() for name in names.split()}
STATUS_OF = dict.fromkeys(Reason, JobStatus.FAILED)
STATUS_OF |= {Reason(name): JobStatus(status) for status, names in _STATUSES.items() for name in names.split()}


class WorkerState(StrEnum):
    """What a provider says of one of a deployment's workers; only these tell missing capacity from a crash loop."""

    STARTING = "starting"
    IDLE = "idle"  # up, without a job
    RUNNING = "running"  # at work on a job
    THROTTLED = "throttled"  # wanted, and no GPU is free for it
    UNHEALTHY = "unhealthy"  # it fails again and again


class StartKind(StrEnum):
    """Was capacity booted for the job, restored from a snapshot, or ready? Stored with its evidence."""

    COLD = "cold"
    RESTORED = "restored"
    WARM = "warm"
    UNKNOWN = "unknown"


class CostState(StrEnum):
    """How sure a sum of money is, weakest first; a sum takes the weakest state of its parts."""

    LIST = "list"  # price x quantity
    ESTIMATED = "estimated"  # our prediction from measured seconds
    OPEN = "open"  # billed, the bucket has not ended
    PROVISIONAL = "provisional"  # billed, may still change
    FINAL = "final"  # unchanged 48 h after its end and in two fetches 12 h apart


class ChargeFlag(StrEnum):
    """What is odd about a billing line. Such a line is kept and counted among the odd ones, never dropped."""

    NO_RESOURCE = "no_resource"  # it bills nothing that we know of
    NEGATIVE = "negative"  # below zero: a credit or a correction
    TWO_AMOUNTS = "two_amounts"  # one id came with two amounts in one reading: the larger one counts
    FOREIGN_CURRENCY = "foreign_currency"  # not in USD
    UNREADABLE = "unreadable"  # its amount is no number
    OVERLAPPING = "overlapping"  # another line bills the same of the same resource for part of its time
    WITHDRAWN = "withdrawn"  # it was on the bill, and a later reading of its time had it no more

    @property
    def sums(self) -> bool:
        """False if a line with this flag is in no sum: its amount is of another unit, unknown, or counted already."""
        return self not in _IN_NO_SUM


_IN_NO_SUM = frozenset(
    {ChargeFlag.FOREIGN_CURRENCY, ChargeFlag.UNREADABLE, ChargeFlag.OVERLAPPING, ChargeFlag.WITHDRAWN}
)


class BillOutcome(StrEnum):
    """How a reading of a backend's bills ended."""

    READ = "read"  # the whole window
    PARTIAL = "partial"  # some of its days; the others are asked for again at the next reading
    FAILED = "failed"  # nothing of it
    REFUSED = "refused"  # the key may not read bills
    NO_REPORT = "no_report"  # the plan has no bills to read: costs stay estimated


class LayerKind(StrEnum):
    """What a person lays over the prices that a provider states."""

    DISCOUNT = "discount"  # per cent off
    CREDIT = "credit"  # USD a month off
    COMMITTED = "committed"  # a price for a commitment
    OVERRIDE = "override"  # a price of one's own


class EffortKind(StrEnum):
    """What a person's time, or a measured wait, went into."""

    DEPLOY = "deploy"
    LOGS = "logs"
    DEBUG = "debug"
    SECRETS = "secrets"
    VOLUMES = "volumes"
    RECOVERY = "recovery"
    OTHER = "other"


class TrafficKind(StrEnum):
    """How a traffic profile says when requests come."""

    DAILY = "daily"  # so many a day, along a curve of 24 hours
    TRACE = "trace"  # instants of a file
    KNOWN = "known"  # the product's own volumes


class DeploymentState(StrEnum):
    """What `observe` sees of a provisioned resource."""

    INTENDED = "intended"  # the row exists, the paid call may not have been made
    PROVISIONING = "provisioning"
    READY = "ready"
    STOPPED = "stopped"
    FAILED = "failed"
    GONE = "gone"


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    TEARING_DOWN = "tearing_down"
    DONE = "done"
    STOPPED = "stopped"  # by a person, or at its cap
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """True once the run can change no more."""
        return self in (RunStatus.DONE, RunStatus.STOPPED, RunStatus.FAILED)


class LoadProfile(StrEnum):
    """How the jobs of a lane arrive."""

    SEQUENTIAL = "sequential"  # back to back, one in flight: warm
    CONCURRENT = "concurrent"  # closed loop: so many in flight, each followed by the next
    CONSTANT = "constant"  # open loop: evenly spaced
    POISSON = "poisson"  # open loop: memoryless arrivals
    GAMMA = "gamma"  # open loop: burstier or smoother than Poisson
    BURST = "burst"  # open loop: many at once, from zero
    RAMP = "ramp"  # open loop: from one rate to another
    TRACE = "trace"  # open loop: given instants, or a daily curve
    COLD_PROBE = "cold_probe"  # each after the capacity has gone away
    EVICTION_PROBE = "eviction_probe"  # after gaps laid out to find when the capacity goes away


class ScheduleStatus(StrEnum):
    """Where a schedule of blocks stands."""

    ACTIVE = "active"
    PAUSED = "paused"  # by a person, or because its budget cannot pay the next block
    DONE = "done"
    CANCELLED = "cancelled"


class BlockStatus(StrEnum):
    """Where a block stands."""

    PLANNED = "planned"
    STARTED = "started"  # its run exists
    DONE = "done"
    MISSED = "missed"  # it could not begin in its time
    CANCELLED = "cancelled"


class Mark(StrEnum):
    """What is wrong with the measurements of a run, or of one backend's side of it."""

    HOST_TOO_BUSY = "host_too_busy"  # jobs went out late: our own delay is in the latencies
    CACHED = "cached"  # answers came from a cache
    BELOW_FLOOR = "below_floor"  # faster than the GPU can be
    IGNORED_SEED = "ignored_seed"  # another prompt or seed gave the same pixels
    WRONG_SIZE = "wrong_size"  # images of another size than asked
    NO_OUTPUT = "no_output"  # reported as completed, without an image
    TOO_MANY_OURS = "too_many_ours"  # too many failures of our own
    SATURATED = "saturated"  # stopped, as more came in than it could carry
    PARTIAL = "partial"  # a ceiling was reached before the end
    UNEXPLAINED = "unexplained"  # of its bill, more than a twentieth: it is blocked

    @property
    def excludes(self) -> bool:
        """True if it keeps the measurements out of verdicts; the others count already, or say why there are few."""
        return self in _EXCLUDE

    @property
    def label(self) -> str:
        """As a person reads it: host too busy; a bill that blocks says so."""
        return "BLOCKED (unexplained)" if self is Mark.UNEXPLAINED else self.value.replace("_", " ")


_EXCLUDE = frozenset({Mark.HOST_TOO_BUSY, Mark.CACHED, Mark.BELOW_FLOOR, Mark.TOO_MANY_OURS, Mark.UNEXPLAINED})


class Gate(StrEnum):
    """One criterion of the rule, in the order in which they are shown."""

    SUCCESS = "success"  # rate of good first attempts
    WARM_P95 = "warm_p95"  # of the body of warm latencies, over the block's median
    STALLS = "stalls"  # share of good warm jobs that took more than twice the block's median
    COLD = "cold"  # latency of cold jobs
    QUALITY = "quality"  # images alike, or preferred as often
    SAVING = "saving"  # at equal service
    WORTH = "worth"  # dollars a month after operations, and paid back in time


class Verdict(StrEnum):
    """What the rule says of a candidate, of a workflow or of all; of a candidate the first that holds."""

    BLOCKED = "blocked"  # the measurements may not be believed, or something has to be answered first
    NO_GO = "no_go"  # surely worse
    NOT_WORTH_IT = "not_worth_it"  # stay: surely not cheap enough
    GO = "go"
    INSUFFICIENT = "insufficient"  # more data can decide
    NOT_SHOWN = "not_shown"  # stay: the plan is exhausted, and nothing was shown
    SPLIT = "split"  # of all: the workflows go to different places
    STALE = "stale"  # it was said of a world that has changed since


class AnswerKind(StrEnum):
    """A question that no measurement answers."""

    LICENCE = "licence"  # may the workflow's model be used so?
    CONTENT = "content"  # does the provider's policy allow what production makes?
    PARITY = "parity"  # does the provider have what production uses?


class VoteChoice(StrEnum):
    """Which of two images is better; names are hidden."""

    BASELINE = "baseline"
    OTHER = "other"
    NEITHER = "neither"  # no difference
    BROKEN = "broken"  # one of them cannot be judged


class RequestKind(StrEnum):
    """What the web process asks the collector to do; it holds no keys itself."""

    DRY_RUN = "dry_run"
    RECHECK = "recheck"
    STOP_RUN = "stop_run"
    STOP_ALL = "stop_all"


class RequestState(StrEnum):
    """Where a request stands."""

    ASKED = "asked"
    DONE = "done"
    REFUSED = "refused"


class Feature(StrEnum):
    """How backends differ; callers ask for a feature, never for a class."""

    LONG_POLL = "long_poll"  # `poll` may hold up to `wait_s`
    SCALES_TO_ZERO = "scales_to_zero"  # capacity leaves after an idle window, so a cold probe waits
    FRESH_HOST_IS_COLD = "fresh_host_is_cold"  # rented by the hour: the first job of a rental is the cold one
    FINDS_JOBS = "finds_jobs"  # a job can be looked up by its key after a lost reply
    BILLED = "billed"  # `charges` returns rows
    DEPLOYS = "deploys"  # rents capacity of its own (the production endpoint does not)
