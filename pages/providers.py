"""providers"""

import streamlit as st

st.title("providers")
