"""When a page or a part of it fails: one sentence and a reference; the traceback goes to the log."""

import hashlib
import logging
import traceback

import streamlit as st

from storage.db import StorageError
from storage.plans import PlanError
from ui.formats import plain

_log = logging.getLogger("bakeoff.web")


def tell(error: Exception) -> bool:
    """Say what failed where it would have stood. True: nothing else needs to be shown."""
    if isinstance(error, StorageError | PlanError):
        st.error(plain(error))
        return True
    told = "".join(traceback.format_exception(error))
    reference = hashlib.sha256(told.encode()).hexdigest()[:8]
    _log.error("reference %s\n%s", reference, told)
    st.error(f"This part could not be drawn. The web server's log has the cause under the reference {reference}.")
    return True
