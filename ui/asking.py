"""Ask the collector something and watch for its reply, on any page."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from storage.db import StorageError
from storage.models import Request
from ui import actions
from ui.formats import plain
from ui.source import source
from words import RequestKind, RequestState

_LOOK_S = 1


def ask_button(text: str, kind: RequestKind, arguments: Mapping[str, Any], *, icon: str, help_text: str) -> None:
    """A button that puts a request into the collector's inbox; `ask_reply` shows what comes of it."""
    if st.button(text, icon=icon, help=help_text):
        try:
            st.session_state[_key(kind)] = actions.ask(source(), kind, arguments)
        except StorageError as error:
            st.error(plain(error))


def ask_reply(kind: RequestKind, show: Callable[[Request], None]) -> None:
    """The reply to the last request of this kind in this session, once it is there; until then it looks again."""
    request_id = st.session_state.get(_key(kind))
    if request_id is None:
        return
    asked = actions.answer(source(), request_id)
    waits = asked is not None and asked.state is RequestState.ASKED
    st.fragment(_reply, run_every=_LOOK_S if waits else None)(request_id, show)


def _key(kind: RequestKind) -> str:
    return f"asked-{kind.value}"


def _reply(request_id: int, show: Callable[[Request], None]) -> None:
    found = actions.answer(source(), request_id)
    if found is None or found.state is RequestState.ASKED:
        st.caption("Asked. The collector answers within seconds.")
    elif found.state is RequestState.REFUSED:
        st.error(plain(found.reply.get("error", "The collector refused.")))
    else:
        show(found)
