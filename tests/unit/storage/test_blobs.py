"""Blobs: whole or not at all, once, and thumbnails that a page can show."""

import hashlib
import io
import resource
from pathlib import Path

import pytest
from PIL import Image

from storage.blobs import Blobs, thumbnail
from storage.db import FolderUnusable


def png(width: int, height: int) -> bytes:
    target = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(target, "PNG")
    return target.getvalue()


def test_a_blob_is_found_by_the_hash_of_its_content(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    sha256 = blobs.put(b"image")
    assert sha256 == hashlib.sha256(b"image").hexdigest()
    assert blobs.get(sha256) == b"image"
    assert blobs.path(sha256) == tmp_path / sha256[:2] / sha256[2:4] / sha256
    with pytest.raises(FileNotFoundError):
        blobs.get("0" * 64)


def test_the_same_bytes_are_kept_once_and_nothing_else_is_left(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    assert blobs.put(b"image") == blobs.put(b"image")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_write_that_fails_leaves_nothing_half_written(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # as a disk that is full after 1,000 bytes
    try:
        with pytest.raises(FolderUnusable, match="File too large"):
            Blobs(tmp_path).put(b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_thumbnail_is_a_small_webp_of_the_same_shape() -> None:
    small = thumbnail(png(1024, 512))
    with Image.open(io.BytesIO(small)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (256, 128))
    assert len(small) < 5_000


def test_a_thumbnail_of_a_truncated_image_is_refused() -> None:
    with pytest.raises(OSError, match=r"truncated|broken"):
        thumbnail(png(256, 256)[:-200])
