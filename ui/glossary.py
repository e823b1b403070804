"""One definition per label: what stands behind the question mark beside it."""

from typing import Final

DEFINITIONS: Final[dict[str, str]] = {
    "simulated": "Every provider, price, bill and image here comes from the built-in simulator. "
    "Set provider keys and run `bakeoff up` to measure real clouds.",
    "workflow": "A ComfyUI graph with its parameters and model files, content-hashed: the same one on each provider.",
    "gpu": "Jobs are compared on the same GPU. Only GPUs the workflow fits on are offered.",
    "good image": "A job that succeeded and whose image passes the quality checks.",
    "latency": "Intended start to result in our hands. A job that failed stays in as unbounded, so that failing fast "
    "never looks quick. Quantile = value at rank ceil(q n).",
    "warm p50": "Median latency of jobs that found capacity ready. The interval is by order statistics, 95 %; "
    "it needs 6 jobs.",
    "warm p95": "95th percentile of the latency of jobs that found capacity ready. A two-sided 95 % interval needs "
    "72 jobs; below that the number is withheld.",
    "cold": "Capacity was booted for this job (boot and model load). Stored with its evidence, never guessed: "
    "what cannot be told is `unknown` and enters neither row.",
    "cold latency": "Latency of jobs for which capacity was booted. Each is drawn; few colds make no mean.",
    "success": "good images / (good + provider + capacity + quality failures), first attempts only. "
    "Our own failures are left out and counted apart. 95 % Wilson interval; it needs 30 jobs.",
    "failure class": "Whose failure it was: provider, capacity, quality; ours leaves the success rate.",
    "time to get a GPU": "Order to ready, by deployment. An order that came to nothing took for ever. A scaling "
    "endpoint is ready before it has a GPU: there the wait for a worker tells. p50 needs 6 orders, p95 72.",
    "wait for a worker": "Of a cold job: accepted to its worker's start, where the provider says. A job that found no "
    "capacity waited at least as long as we did.",
    "no capacity": "Jobs that no worker took in time, since none was free. Workers that crash again and again are "
    "no lack of capacity: the provider's list of workers tells. 95 % Wilson interval; it needs 30 jobs.",
    "fully loaded": "Every dollar of the deployments (idle, cold, failed jobs, storage, network, fees) / good images.",
    "marginal": "Busy seconds of good warm jobs x unit price / good images. What one more image costs "
    "while a worker is up.",
    "blended": "Our traffic replayed through what was measured: billed / estimated x (paid seconds x rate + boots x "
    "their price) + what is due at rest, over the good images of the month. This basis alone decides.",
    "equal service": "Each provider, the baseline too, at its cheapest setting whose blended p95 is at most 1.25 times "
    "the baseline's as it is now, at the upper end of its interval. The interval of such a saving holds each at the "
    "other's setting too, unless that is surely slower.",
    "as is": "Both as they are deployed now. Most of such a saving is a shorter window, which the baseline can have "
    "too.",
    "blended p95": "95th percentile of cold and warm latencies, mixed by the replayed cold share, with the replayed "
    "waits.",
    "cold share": "Replayed requests that meet no ready worker and wait for a boot, of all.",
    "eviction": "P(cold | idle gap) from eviction probes. Where no gap was both warm and cold, the window lies in a "
    "bracket; else it is drawn anew each time, with a 95 % band from 64 probes on.",
    "gate": "One criterion of the locked card. It passes where its limit clears the margin at this look, and is harm "
    "where the other limit does. Limits are one-sided; early looks ask for more, so that all together keep 5 %.",
    "flip": "The nearest value of one input, all others as they are, at which the rule says something else. Found by "
    "running the rule itself, and held to it 1 % on each side.",
    "tornado": "How far one assumption, wrong within what is plausible, moves the money: prices half to twice, "
    "operations 10 hours a month either way, the work of moving a quarter to four times, volume a fifth to five times.",
    "buy next": "What would settle an open gate: the jobs that it lacks, the chance that it then passes, and their "
    "price on both sides. First the gate that most likely fails for the least: ascending price / (1 - chance). Nothing "
    "is named where all of it costs more than knowing is worth in a year.",
    "definition of done": "What the initiative asked for, each line ticked by what is measured, timed or frozen, never "
    "by hand.",
    "worth": "The saving at equal service of what the baseline would cost a month at our traffic, less what operations "
    "cost more. Summed over the workflows that move; limits are those of the look that decided.",
    "chance": "Of 100,000 draws of the saving by its t distribution, the share above the card's target. The baseline's "
    "dollars a month are taken as they stand.",
    "saving": "1 - the candidate's dollars per good image over the baseline's, both at equal service, metered dollars "
    "before credits. Jackknife over blocks.",
    "traffic profile": "When requests come: so many a day along 24 hourly weights (UTC), a CSV of instants, or volumes "
    "that the product's own documents project.",
    "price layer": "What a person laid over measured prices: discounts first, then a committed price, then a price of "
    "one's own; credits lower no cost. Named, dated, revoked with one click; costs under it count as estimated.",
    "what if": "A price of your own that lives in the address alone: nothing is stored, nobody else sees it.",
    "effort": "Minutes of people's work by kind, entered here or with `bakeoff effort`, and waits that deployments "
    "tell (measured). The two are never in one sum.",
    "payback": "One-off dollars / (saving a month - operations, plan and storage a month more than the baseline's). "
    "Its ends belong to those of the saving.",
    "idle": "Lifetime of the deployment - boot - busy seconds, x unit price.",
    "cost state": "○ estimated: our prediction. ◐ open or provisional: billed, may still change. ● final: unchanged "
    "48 h after the bucket ended and in two fetches 12 h apart. A sum takes the weakest state of its parts.",
    "estimated": "Measured seconds x the unit price seen when the deployment was made.",
    "billed": "Billing lines as the provider reports them, fetched again until they are final.",
    "unexplained": "billed - what our measured seconds explain. Above 5 % of a bill no verdict is given.",
    "correction": "A line whose amount changed after its bucket had ended. Both versions are kept; sums take the "
    "newest.",
    "flag": "What is odd about a line: it bills no resource of ours, is negative, came with two amounts, is in a "
    "foreign currency, unreadable, overlaps another line, or was withdrawn. It is kept and counted, never dropped.",
    "focus": "FOCUS 1.2, the FinOps Foundation's open format of bills: one row a line, all three providers, with "
    "x_run_id, x_workflow_hash, x_backend, x_cost_state and whether it is simulated.",
    "open period": "A billing bucket that has not ended, or ended less than 48 h ago: it may still change.",
    "phases": "Means of good jobs, since only means add up. dispatch: intended to sent. queue: accepted to picked up. "
    "boot, load: as the worker reports. execute: as the provider reports, without the load.",
    "bracket": "A job finished between the last look that saw it unfinished and the first that saw it done.",
    "cap": "Checked before each paid call. At the cap everything of the run is torn down; jobs in flight come "
    "home. It counts what was spent at most, what is promised, and what teardown takes.",
    "likely cost": "Jobs x (execution + boot and load of the cold ones) x unit price + one idle tail per deployment. "
    "From measured seconds where there are some, else from the assumptions named below.",
    "worst cost": "Every cold start and execution a third slower, and every idle tail in full.",
    "warm jobs": "Back to back on ready capacity, one in flight.",
    "cold jobs": "Each waits until nothing is warm, or rents a fresh host where only that is cold.",
    "load profile": "How jobs arrive. Closed loop: so many in flight. Open loop: at their instants, whether or not "
    "answers come; latency counts from the intended start. The same parameters and seed give the same schedule.",
    "hosts": "A rented machine is cold once: each cold job there needs a rental of its own.",
    "dry run": "Asks the providers' read-only calls what a launch would find, and starts nothing. Free.",
    "block": "One day-part of one day with all providers side by side, each on fresh capacity: what is replicated. "
    "It starts on a whole UTC hour and ends in its day-part. On rented machines it has two halves with fresh hosts.",
    "stop everything": "Within a minute nothing costs money. What providers still list is told; 0 is the proof.",
    "a/a": "The baseline against itself: its warm jobs of each block, split in two by the block's seed. At most 1 "
    "honest campaign in 100 differs on any of: mean log latency, share above its p95, success.",
    "left running": "Resources of ours that the providers still listed when the run ended. 0 is the proof.",
    "spent": "Estimated from measured seconds until the bill is in.",
    "start kind": "cold: booted for this job. restored: from a snapshot. warm: ready. unknown: no evidence.",
    "dispatch delay": "Intended start to request sent: ours, and part of the latency.",
    "decision card": "The criteria, locked and hashed before the first sample. An edit is a new version and a draft: "
    "the lock, the review and the verdicts of the one before are void.",
    "margin": "How much worse a candidate may be, or cheaper it has to be. Ratios are candidate over baseline, shares "
    "are differences. The limit of the interval is held against it, not the estimate.",
    "minimum": "Below any of these nothing is decided for a candidate, or no longer.",
    "alpha": "One-sided error of each gate over all looks together. The candidates of a workflow share it (Holm).",
    "look": "A count of blocks, fixed on the card, after which the rule may speak; between two nothing changes.",
    "decides": "A verdict rests on blocks of a schedule, as many as the card's looks say. This is what so many blocks "
    "of these jobs would show, told before any dollar is spent.",
    "needed blocks": "By formula, each gate alone with 95 %, at the last look's alpha and the spread that the pilot "
    "measured, for the candidate that needs most. The grey side is too few.",
    "power": "How often the whole rule says GO in 500 seeded campaigns, drawn by the pilot's laws and judged at the "
    "plan's looks. Brackets: 95 %, by the number of campaigns; the pilot's spread is taken as the truth.",
    "post hoc": "Locked after the first sample. Verdicts say so, and stay blocked until a second person has reviewed "
    "the card: neither who made it nor who locked it.",
    "pin": "What is compared of each workflow: the hash of its files, its settings and the GPU, filled when the card "
    "is made from its newest schedule, run or its own file. What was measured otherwise blocks the verdict.",
    "licence": "May production use the workflow's model commercially, and does the provider allow what production "
    "makes? No measurement answers that: a person does, and the newest answer counts.",
    "parity gap": "What production uses on the baseline: 2 as there, 1 with work, 0 missing. The newest answer counts.",
    "verdict": "GO, NO-GO, STAY or SPLIT under limits that are locked before the first sample.",
    "image figures": "Sharpness: variance of the Laplacian, below 50 blurry. Brightness, contrast: mean and deviation "
    "of luma, 0 to 255. Colourfulness: Hasler and Suesstrunk, 0 grey, 59 high. They describe; they judge nothing.",
    "distance": "1 - SSIM of luma at 512 px, same prompt and seed. 0 is the same picture.",
    "parity": "60 pairs of images with the same prompt and seed, held to the largest 1 - SSIM of 59 pairs of Modal's "
    "own from different containers. Passes if surely at most 15 % differ more (4 of 60). It says alike, never better; "
    "what does not pass is for people to judge.",
    "vote": "Blind: sides are drawn, names are hidden. Ties count half. As good: 50 % ± 10 points by two one-sided "
    "tests over pairs, from 230 votes of 3 raters on who found 10 of 12 pairs that were made worse on purpose.",
    "real money": "What providers have billed or will bill for our resources. In a simulated world it is $0.",
}


def meaning(term: str) -> str:
    """The definition of `term` for a `help=`; a term without one is a mistake of ours and raises KeyError."""
    return DEFINITIONS[term].replace("$", "\\$")
