"""Files that claim to be pictures and mean harm, made by hand: Pillow would not write them."""

import io
import random
import struct
import zlib
from collections.abc import Iterator

from PIL import Image, PngImagePlugin

SECRET = b"a red fox, by our secret graph"


def png(width: int, height: int) -> bytes:
    """A whole picture with all the metadata that a file can carry."""
    target, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_text("prompt", SECRET.decode())
    text.add_itxt("workflow", SECRET.decode(), zip=True)
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    _shaded(width, height).save(target, "PNG", pnginfo=text, exif=exif, icc_profile=SECRET * 9, dpi=(300, 300))
    return target.getvalue() + b"trailer " + SECRET


def jpeg(width: int, height: int) -> bytes:
    target, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = SECRET.decode()
    _shaded(width, height).save(target, "JPEG", exif=exif, icc_profile=SECRET * 9, comment=SECRET)
    return target.getvalue()


def webp(width: int, height: int) -> bytes:
    target, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = SECRET.decode()
    _shaded(width, height).save(target, "WEBP", exif=exif, icc_profile=SECRET * 9, xmp=SECRET)
    return target.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of zeros: some kilobytes that unpack to three bytes a pixel."""
    packer = zlib.compressobj(9)
    row = b"\x00" + b"\x00" * 3 * width
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return _png(_header(width, height), _chunk(b"IDAT", packed))


def claims(width: int, height: int) -> bytes:
    """A PNG whose header promises so many pixels and that holds none."""
    return _png(_header(width, height), _chunk(b"IDAT", zlib.compress(b"")))


def webp_canvas(width: int, height: int) -> bytes:
    """An animated WebP of a hundred bytes whose canvas is as large as it says."""
    target = io.BytesIO()
    Image.new("RGB", (64, 64), (5, 6, 7)).save(target, "WEBP", lossless=True)
    canvas = bytes([2, 0, 0, 0]) + _three(width - 1) + _three(height - 1)
    frame = _three(0) * 2 + _three(63) * 2 + _three(100) + b"\0" + target.getvalue()[12:]
    parts = ((b"VP8X", canvas), (b"ANIM", bytes(6)), (b"ANMF", frame))
    body = b"WEBP" + b"".join(name + struct.pack("<I", len(part)) + part for name, part in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def text_bomb() -> bytes:
    """A PNG whose text chunks unpack to 90 MB."""
    text = _chunk(b"zTXt", b"prompt\x00\x00" + zlib.compress(b"x" * 900_000, 9))
    return _png(_header(8, 8), text * 100, _chunk(b"IDAT", zlib.compress(b"\0" * 25 * 8)))


def other(form: str) -> bytes:
    """A whole picture in a format that we do not take."""
    target = io.BytesIO()
    _shaded(64, 64).save(target, form)
    return target.getvalue()


def mangled(seed: int, count: int) -> Iterator[bytes]:
    """Whole files with some bytes changed, cut or doubled."""
    draw = random.Random(seed)
    for _ in range(count):
        content = bytearray(draw.choice((png, jpeg, webp))(24, 16))
        for _ in range(draw.randrange(1, 12)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        at = draw.randrange(len(content))
        yield bytes(draw.choice((content, content[:at], content[:at] + content)))


def _shaded(width: int, height: int) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def _png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + _chunk(b"IEND", b"")


def _header(width: int, height: int) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _three(number: int) -> bytes:
    return struct.pack("<I", number)[:3]
