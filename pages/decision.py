"""decision"""

import streamlit as st

st.title("decision")
