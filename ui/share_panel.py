"""Share, on the page Decision: the address of a frozen snapshot, and its report in every format."""

from collections.abc import Callable
from urllib.parse import urlsplit

import streamlit as st
from sqlmodel import Session

from storage import verdicts
from storage.db import StorageError
from storage.models import Snapshot
from storage.plans import PlanError
from ui import actions, load, load_verdict
from ui.formats import day_time, plain
from ui.source import source
from ui.verdict_view import Document

LINK = 16  # signs of a hash in an address
FORMATS = {"pdf": "PDF", "html": "HTML", "md": "Markdown", "json": "JSON", "zip": "All"}
_NEWEST = 3


def share(at: load.Version, said: Document) -> None:
    """The popover. What is not frozen has no address of its own yet."""
    with st.popover("Share", icon=":material/share:"):
        if said["snapshot"]:
            _frozen(said["snapshot"])
        else:
            _freeze()
            _before(at)


def path(digest: str) -> str:
    """Where a snapshot is read: /?snapshot=7f3a..."""
    return f"/?snapshot={digest[:LINK]}"


def freezing(digest: str) -> Callable[[Session], Snapshot]:
    """What gives the frozen snapshot of that hash; empty: of what the rule says now, gathered outside of the write.

    Both raise what `storage.verdicts` does.
    """
    blobs, now = source().blobs, source().now()
    if digest:
        return lambda session: verdicts.kept(session, blobs, digest)
    with st.spinner("Freezing the inputs, other volumes too"), source().reading() as session:
        found = verdicts.whole(session, blobs, now=now)
    return lambda session: verdicts.keep(session, blobs, found, now=now)


def _frozen(digest: str) -> None:
    st.caption("This address says the same for ever, and what people said to it.")
    here = urlsplit(st.context.url or "")
    origin = f"{here.scheme}://{here.netloc}" if here.netloc else ""
    st.code(f"{origin}{path(digest)}", language=None, wrap_lines=True)
    st.caption("The report. It is made when you ask for it.")
    with st.container(horizontal=True, gap="small"):
        for form, label in FORMATS.items():
            st.link_button(label, f"/export/{digest[:LINK]}?format={form}", icon=":material/download:")


def _freeze() -> None:
    st.caption("An address must say the same for ever: what is seen is frozen as a snapshot first.")
    if st.button("Freeze and share", key="share-freeze", type="primary"):
        try:
            kept = freezing("")
            digest = actions.change(source(), lambda session: kept(session).digest)
        except (PlanError, StorageError) as error:
            st.error(plain(str(error)), icon=":material/block:")
            return
        st.query_params["snapshot"] = digest[:LINK]
        st.rerun()


def _before(at: load.Version) -> None:
    """The newest that were frozen."""
    for row in load_verdict.frozen(at)[:_NEWEST]:
        label = f"{row.digest[:8]}, {day_time(row.made_at)}"
        st.page_link(
            "decision.py", label=label, icon=":material/ac_unit:", query_params={"snapshot": row.digest[:LINK]}
        )
