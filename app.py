"""The web server. `streamlit run app.py` and `uvicorn app:app` are the same.

The pages' entry is `pages/_router.py`, not this file: with the entry beside a folder `pages/`, a deep link to a cold
server runs the page alone, without the router and so without its sign-in (Streamlit 1.67).
"""

from pathlib import Path

import streamlit as st

from ui import faults
from ui.server import MIDDLEWARE, ROUTES, lifespan

app = st.App(
    Path(__file__).parent / "pages" / "_router.py",
    lifespan=lifespan,
    routes=ROUTES,
    middleware=MIDDLEWARE,
    on_script_error=faults.tell,
)
