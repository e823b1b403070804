"""Job: what happened? Timeline, image, evidence, cost, raw replies."""

import json

import streamlit as st

from storage.queries import JobDetail
from ui import charts, draw, load
from ui.formats import clock_time, plain
from ui.gallery_view import picture_url
from ui.glossary import meaning
from ui.job_view import (
    boot_before,
    bracket,
    bracket_words,
    cost_line,
    evidence_lines,
    image_figures,
    instant_rows,
    job_caption,
    job_title,
    phase_rows,
    phase_table,
)
from ui.names import label
from ui.source import source


def asked_for() -> int | None:
    """The job that the address names."""
    text = st.query_params.get("id", "")
    return int(text) if text.isdecimal() else None


def timeline(detail: JobDetail) -> None:
    """Where the time went, with the bracket of the completion, and the instants behind it."""
    rows = phase_rows(detail)
    with draw.card(st.container(), "Where the time went", bracket_words(detail.job), term="bracket"):
        if rows.is_empty() or detail.job.intended_at is None:
            st.caption("It has not been sent yet.")
            return
        spec = charts.joblife(rows, bracket(detail.job), started=clock_time(detail.job.intended_at))
        said = ", ".join(f"{row['phase']} {row['seconds']:.1f} s" for row in rows.iter_rows(named=True))
        draw.chart(spec, alt=f"Phases of the job: {said}")
        if said := boot_before(detail):
            st.caption(said)
        draw.frame(phase_table(detail), alt="Phases of the job")
        draw.frame(instant_rows(detail), alt="Instants of the job, UTC")


def images(detail: JobDetail) -> None:
    """What came back, and what the checks found."""
    st.markdown("**Image**", help=meaning("good image"))
    for image in detail.images:
        ratio = image.width / image.height if image.width and image.height else 1.0
        url = picture_url(source().blobs, image.sha256)
        missing = f"image lost, job {detail.job.id}"
        draw.picture(url, alt=detail.prompt.text, missing=missing, ratio=ratio, simulated=detail.run.simulated)
        verdict = "passes the checks" if image.good else f"broken: {plain(image.defect)}"
        st.caption(f"{image.width} x {image.height} px · {verdict} · sha256 {image.sha256[:12]}")
        st.caption(image_figures(image), help=meaning("image figures"))
    if not detail.images:
        st.caption("No image came back.")
    st.caption(f"Prompt: {plain(detail.prompt.text)}")


def why(detail: JobDetail) -> None:
    """Start kind with its evidence, cost, and where it ran."""
    kind = detail.job.start_kind.value if detail.job.start_kind else "not decided yet"
    st.markdown(f"**Why {kind}**", help=meaning("start kind"))
    facts(evidence_lines(detail.job.evidence), nothing="No evidence is stored.")
    st.markdown("**Cost**", help=meaning("estimated"))
    st.markdown(cost_line(detail).replace("$", "\\$"))
    st.markdown("**Where**")
    places = {"worker": detail.job.worker_id, "provider's job": detail.job.provider_job_id}
    known = {name: value for name, value in {**places, **detail.deployment.provenance}.items() if value}
    facts([(name, str(value)) for name, value in known.items()], nothing="Nothing is known.")


def facts(pairs: list[tuple[str, str]], *, nothing: str) -> None:
    """Names and values as stored, a line each."""
    if pairs:
        st.markdown("  \n".join(f":gray[{plain(name.replace('_', ' '))}] {plain(value)}" for name, value in pairs))
    else:
        st.caption(nothing)


def replies(detail: JobDetail) -> None:
    """Strangers' words exactly as they came, as text and never as Markdown."""
    if detail.job.error:
        st.markdown("**As the provider said it**")
        st.code(detail.job.error, language=None, wrap_lines=True)
    with st.expander(f"Raw replies, {len(detail.observations)}"):
        for seen in detail.observations:
            st.caption(f"{clock_time(seen.seen_at)} UTC, read as {seen.status.value}")
            st.code(json.dumps(seen.raw, indent=1, ensure_ascii=False), language="json", wrap_lines=True)
        if not detail.observations:
            st.caption("None is stored: no terminal reply has come.")


wanted = asked_for()
detail = load.job(load.version(source()), wanted) if wanted is not None else None
if detail is None:
    draw.title("No such job", f"There is no job {wanted}." if wanted else "The address names no job: /job?id=1.")
    st.page_link("runs.py", label="All runs", icon=":material/list:")
    st.stop()

draw.title(job_title(detail), job_caption(detail))
with st.container(horizontal=True, gap="small"):
    st.page_link(
        "run.py", label=f"Run {detail.run.id}", icon=":material/list:", query_params={"id": str(detail.run.id)}
    )
    pair = f"{detail.workflow.name}:{detail.prompt.id}:{detail.job.seed}"
    st.page_link("gallery.py", label="Same prompt elsewhere", icon=":material/compare:", query_params={"pair": pair})
    if detail.job.retry_of:
        retried = {"id": str(detail.job.retry_of)}
        st.page_link("job.py", label=f"Retry of {detail.job.retry_of}", icon=":material/replay:", query_params=retried)
timeline(detail)
grid = st.grid(2, min_column_width=330, gap="small")
with grid.container(border=True, height="stretch"):
    images(detail)
with grid.container(border=True, height="stretch"):
    why(detail)
replies(detail)
st.caption(f"{label(detail.deployment.backend)} deployment {plain(detail.deployment.key)}")
