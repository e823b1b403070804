"""Gallery: do the images hold up? The same prompt and seed on each provider."""

import streamlit as st

from ui import draw, load
from ui.formats import plain, seconds
from ui.gallery_view import (
    ORDERS,
    PER_PAGE,
    Item,
    Shot,
    chosen,
    gallery_title,
    items,
    opposite,
    parity_rows,
    picture_url,
)
from ui.glossary import meaning
from ui.names import label
from ui.pair import Side, pair
from ui.runs_view import LIVE
from ui.source import source

at = load.version(source())
data = load.measured(at)
parity = load.parity(at)
everything = items(data.timed, data.images, parity.pairs)
head = st.container()


def forget_pair() -> None:
    """The address no longer names a pair once its dialog is closed."""
    st.query_params.pop("pair", None)


@st.dialog("Same prompt, same seed", width="large", on_dismiss=forget_pair)
def look(item: Item) -> None:
    """Two of the item's images in one view."""
    alone = opposite(item, None)
    if alone is None:
        return
    names = [shot.backend for shot in item.seen if shot is not alone[0]]
    against = st.segmented_control(
        f"Against {label(alone[0].backend)}", names, default=names[0], format_func=label, required=True
    )
    two = opposite(item, against) or alone
    urls = [picture_url(source().blobs, shot.sha256) for shot in two]
    if urls[0] is None or urls[1] is None:
        st.warning("An image of this pair is lost: its file is not in the blob folder.")
        return
    sides = [Side(url or "", label(shot.backend)) for url, shot in zip(urls, two, strict=True)]
    pair(sides[0], sides[1], simulated=any(shot.simulated for shot in two), key=f"pair-{two[0].job_id}-{two[1].job_id}")
    st.caption(f"{plain(item.prompt)} · seed {item.seed}")
    with st.container(horizontal=True, gap="small"):
        for shot in two:
            told = f"{label(shot.backend)}: job {shot.job_id}"
            st.page_link("job.py", label=told, query_params={"id": str(shot.job_id)})
    for distance in item.distances:
        jobs = f"jobs {distance.jobs[0]} and {distance.jobs[1]}"
        st.caption(f"{distance.words} (1 - SSIM, {jobs})", help=meaning("distance"))


def thumbnail(shot: Shot, item: Item) -> None:
    """One provider's image with its latency, or a grey tile that says why there is none."""
    url = picture_url(source().blobs, shot.thumbnail_sha256, shot.sha256)
    missing = shot.failure or f"image lost, job {shot.job_id}"
    alt = f"{label(shot.backend)}: {item.prompt}"
    ratio = shot.width / shot.height if shot.width and shot.height else 1.0
    draw.picture(url, alt=alt, missing=missing, ratio=ratio, simulated=shot.simulated)
    told = f"{label(shot.backend)} {seconds(shot.latency_s)}"
    st.page_link("job.py", label=told, query_params={"id": str(shot.job_id)})
    if shot.defect:
        st.badge(plain(shot.defect), icon=":material/broken_image:", color="red")


def tile(item: Item) -> None:
    """A prompt with its images side by side."""
    st.markdown(f"**{plain(item.prompt)}**")
    row = st.grid(3, min_column_width=84, gap="xsmall")
    for shot in item.shots:
        with row.container(gap="xxsmall"):
            thumbnail(shot, item)
    for distance in item.distances:
        st.caption(distance.words)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"seed {item.seed}", width="content")
        if len(item.seen) > 1 and st.button("Compare", key=f"c-{item.key}", type="tertiary", icon=":material/compare:"):
            st.query_params["pair"] = item.key


waiting = any(line.run.status in LIVE for line in load.runs(at))
workflows = list(dict.fromkeys(item.workflow for item in everything))
if not workflows:
    with head:
        draw.title(gallery_title([], waiting=waiting), "Images appear here as jobs finish.")
        st.page_link("launch.py", label="Launch a run", icon=":material/play_circle:")
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    workflow = st.segmented_control(
        "Workflow", workflows, default=workflows[0], key="wf", bind="query-params", required=True
    )
    of_workflow = [item for item in everything if item.workflow == workflow]
    strata = list(dict.fromkeys(item.stratum for item in of_workflow))
    kinds = st.pills("Prompts", strata, selection_mode="multi", key="kinds", bind="query-params")
    order = st.segmented_control("Order", ORDERS, default=ORDERS[0], key="order", bind="query-params", required=True)
    flagged = st.toggle("Broken only", key="broken", bind="query-params")
with head:
    draw.title(
        gallery_title(of_workflow, waiting=waiting),
        f"{workflow} · the same prompt and seed on each provider · newest job of each",
    )
    if rows := parity_rows(parity.judged, workflow):
        st.markdown("**Image parity** :small[:gray[likeness, not quality]]", help=meaning("parity"))
        draw.table(rows, simulated=bool(parity.pairs["simulated"].any()))
        st.page_link("vote.py", label="Vote blind", icon=":material/how_to_vote:", query_params={"wf": workflow})

left = chosen(everything, workflow=workflow, strata=kinds, order=order, flagged_only=flagged)
if not left:
    st.info("Nothing is broken here." if flagged else "No prompt of that kind has an image yet.")
    st.stop()
slot = st.container()
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    st.caption(f"{len(left)} prompts, {PER_PAGE} a page")
    number = st.pagination(max(1, -(-len(left) // PER_PAGE)), key="page", bind="query-params")
with slot:
    grid = st.grid(2, min_column_width=330, gap="small")
    for entry in left[(number - 1) * PER_PAGE : number * PER_PAGE]:
        with grid.container(border=True, height="stretch", gap="xsmall"):
            tile(entry)

named = st.query_params.get("pair")
if wanted := next((item for item in everything if item.key == named and len(item.seen) > 1), None):
    look(wanted)
