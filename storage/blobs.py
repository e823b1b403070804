"""Bytes in a content-addressed folder: written once, found by their SHA-256, never changed."""

import hashlib
import io
import os
import tempfile
from pathlib import Path

from PIL import Image

from storage.db import told

THUMBNAIL_PX = 256
_THUMBNAIL_QUALITY = 80


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
        path = self.path(sha256)
        if path.exists():
            return sha256
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, content)
        except OSError as error:
            raise told(error) from error
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes; raises FileNotFoundError."""
        return self.path(sha256).read_bytes()


def thumbnail(image: bytes, size_px: int = THUMBNAIL_PX) -> bytes:
    """A WebP no larger than size_px x size_px, aspect kept; raises OSError on bytes that are no whole image."""
    with Image.open(io.BytesIO(image)) as picture:
        small = picture.convert("RGB")
    small.thumbnail((size_px, size_px))
    target = io.BytesIO()
    small.save(target, "WEBP", quality=_THUMBNAIL_QUALITY)
    return target.getvalue()


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
