"""bills"""

import streamlit as st

st.title("bills")
