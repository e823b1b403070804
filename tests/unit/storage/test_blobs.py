"""Blobs: whole or not at all, once, and thumbnails that a page can show."""

import hashlib
import io
import resource
from pathlib import Path

import pytest
from PIL import Image

from analysis.pictures import MOST_BYTES, pixels
from storage.blobs import Blobs, thumbnail
from storage.db import FolderUnusable
from tests.unit.analysis import hostile_pictures as hostile


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
    whole = pixels(png(1024, 512))
    small = thumbnail(whole)
    assert whole.size == (1024, 512)
    with Image.open(io.BytesIO(small)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (256, 128))
    assert len(small) < 5_000


# -- what is shown -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [hostile.png, hostile.jpeg, hostile.webp])
def test_an_original_is_kept_as_it_came_and_shown_without_what_it_carries(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    blobs, image = Blobs(tmp_path), make(48, 32)
    sha256 = blobs.put(image)
    shown = blobs.shown(sha256)
    assert blobs.get(sha256) == image
    assert shown is not None
    assert shown.startswith(b"\x89PNG")
    assert b"secret" not in shown
    assert pixels(shown).tobytes() == pixels(image).tobytes()


def test_what_was_drawn_anew_is_drawn_once(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    sha256 = blobs.put(png(48, 32))
    first = blobs.shown(sha256)
    blobs.path(sha256).write_bytes(b"gone bad meanwhile")
    assert blobs.shown(sha256) == first


def test_a_picture_that_we_drew_is_shown_as_it_is_and_is_no_original(tmp_path: Path) -> None:
    blobs, small = Blobs(tmp_path), thumbnail(pixels(png(512, 512)))
    sha256 = blobs.put_shown(small)
    assert (blobs.shown(sha256), blobs.has(sha256)) == (small, True)
    assert not blobs.path(sha256).exists()


@pytest.mark.parametrize(
    "image", [b"<html>", png(64, 64)[:-200], hostile.bomb(4096, 4096), hostile.other("GIF"), bytes(MOST_BYTES + 1)]
)
def test_what_is_no_whole_picture_within_limits_is_shown_to_nobody(tmp_path: Path, image: bytes) -> None:
    blobs = Blobs(tmp_path)
    sha256 = blobs.put(image)
    assert blobs.shown(sha256) is None
    assert blobs.get(sha256) == image
    assert blobs.has(sha256)


def test_nothing_is_shown_where_nothing_is(tmp_path: Path) -> None:
    assert Blobs(tmp_path).shown("0" * 64) is None
    assert not Blobs(tmp_path).has("0" * 64)


def test_a_folder_that_takes_no_more_files_still_shows_its_pictures(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    sha256 = blobs.put(png(48, 32))
    (tmp_path / "shown").write_text("a file where the folder would be")
    assert (blobs.shown(sha256) or b"").startswith(b"\x89PNG")
