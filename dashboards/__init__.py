"""Streamlit pages over what is published. Start at `dashboards.app`; data only through `dashboards.data`."""
