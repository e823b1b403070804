"""The newest images as small tiles, each with the way to its job."""

import polars as pl
import streamlit as st

from ui import draw
from ui.gallery_view import picture_url
from ui.names import label
from ui.source import source

MOST, ACROSS = 12, 6


def newest(images: pl.DataFrame) -> None:
    """As many of each provider as of the others; a word where there is none."""
    tiles = st.grid(ACROSS, min_column_width=70, gap="xsmall")
    for row in newest_images(images, MOST).iter_rows(named=True):
        with tiles.container(gap="xxsmall"):
            url = picture_url(source().blobs, row["thumbnail_sha256"], row["sha256"])
            alt = f"{label(row['backend'])}: {row['prompt']}"
            draw.picture(url, alt=alt, missing="image lost", simulated=row["simulated"])
            st.page_link("job.py", label=label(row["backend"]), query_params={"id": str(row["job_id"])})
    if images.is_empty():
        st.caption("No image yet.")


def newest_images(images: pl.DataFrame, most: int) -> pl.DataFrame:
    """The newest images, as many of each provider as of the others."""
    newest = images.sort("image_id", descending=True)
    place = pl.int_range(pl.len()).over("backend")
    return newest.with_columns(place=place).sort("place", "backend", maintain_order=True).head(most)
