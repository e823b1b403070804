"""Bytes in a content-addressed folder: written once, found by their SHA-256, never changed.

Two kinds: originals as a provider sent them, kept as evidence and shown to nobody; and what is shown, drawn anew from
their pixels without any metadata (a ComfyUI file carries the whole graph), in the folder `shown`.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Lock

from PIL import Image

from analysis.pictures import MOST_BYTES, NoPicture, encoded, pixels
from storage.db import StorageError, told

THUMBNAIL_PX = 256
_THUMBNAIL_QUALITY = 80
_THUMBNAIL_EFFORT = 2  # of 6: 40 % quicker than 4, Pillow's own choice, for 5 % more bytes
_PNG_EFFORT = 3  # of 9: 0.15 s for a megapixel
_drawing = Lock()  # one picture at a time: a page full of large ones must not fill the memory


class Blobs:
    """A folder of blobs, two levels deep so that no folder grows too long to list."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Where the blob is, or would be."""
        return self._folder / sha256[:2] / sha256[2:4] / sha256

    def put(self, content: bytes) -> str:
        """Keep the bytes and give their SHA-256. A reader or a crash sees all of them or none. Raises StorageError."""
        sha256 = hashlib.sha256(content).hexdigest()
        _keep(self.path(sha256), content)
        return sha256

    def put_shown(self, content: bytes) -> str:
        """Keep a picture that we drew ourselves, to be shown as it is; gives its SHA-256. Raises StorageError."""
        sha256 = hashlib.sha256(content).hexdigest()
        _keep(self._shown_path(sha256), content)
        return sha256

    def has(self, sha256: str) -> bool:
        """Is there anything of that name that might be shown?"""
        return self._shown_path(sha256).is_file() or self.path(sha256).is_file()

    def shown(self, sha256: str) -> bytes | None:
        """What may be shown under that name: our own drawing, or the original drawn anew as PNG and then kept.

        None where there is nothing, or nothing that is a whole picture within limits.
        """
        path, original = self._shown_path(sha256), self.path(sha256)
        with _drawing, suppress(FileNotFoundError):
            if path.is_file():
                return path.read_bytes()
            if original.stat().st_size <= MOST_BYTES:
                return _drawn(original.read_bytes(), path)
        return None

    def _shown_path(self, sha256: str) -> Path:
        return self._folder / "shown" / sha256[:2] / sha256[2:4] / sha256

    def get(self, sha256: str) -> bytes:
        """The bytes; raises FileNotFoundError."""
        return self.path(sha256).read_bytes()


def thumbnail(picture: Image.Image, size_px: int = THUMBNAIL_PX) -> bytes:
    """A WebP no larger than size_px x size_px, aspect kept."""
    small = picture.copy()
    small.thumbnail((size_px, size_px))
    return encoded(small, "WEBP", quality=_THUMBNAIL_QUALITY, method=_THUMBNAIL_EFFORT)


def _drawn(original: bytes, path: Path) -> bytes | None:
    try:
        drawn = encoded(pixels(original), "PNG", compress_level=_PNG_EFFORT)
    except NoPicture:
        return None
    with suppress(StorageError):  # a folder that is full or read-only costs the time to draw it again
        _keep(path, drawn)
    return drawn


def _keep(path: Path, content: bytes) -> None:
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, content)
    except OSError as error:
        raise told(error) from error


def _write_whole(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
