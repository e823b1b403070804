"""launch"""

import streamlit as st

st.title("launch")
