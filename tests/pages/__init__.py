"""The pages, run by Streamlit's AppTest on a seeded database."""
