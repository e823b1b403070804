"""What a stranger sends as a picture is opened within limits, or named for what is wrong with it."""

import tracemalloc

import pytest
import skimage.data
from PIL import Image

from analysis.parity import dissimilarity, luma
from analysis.pictures import MOST_BYTES, MOST_PIXELS, NoPicture, encoded, pixels, worsened
from analysis.quality import inspect
from tests.unit.analysis import hostile_pictures as hostile

SIDE = 4096
assert SIDE * SIDE > MOST_PIXELS


def refused(image: bytes) -> NoPicture:
    with pytest.raises(NoPicture) as caught:
        pixels(image)
    return caught.value


@pytest.mark.parametrize("make", [hostile.png, hostile.jpeg, hostile.webp])
@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_pixels_carry_nothing_but_themselves(make, form: str) -> None:  # type: ignore[no-untyped-def]
    image = make(48, 32)
    assert any(hint in image for hint in (hostile.SECRET, b"secret"))
    colour = pixels(image)
    copy = encoded(colour, form)
    assert (colour.mode, colour.size) == ("RGB", (48, 32))
    assert b"secret" not in copy
    assert not any(
        mark in copy for mark in (b"iCCP", b"ICCP", b"eXIf", b"EXIF", b"tEXt", b"iTXt", b"zTXt", b"pHYs", b"XMP")
    )


def test_what_was_drawn_anew_has_the_same_pixels() -> None:
    image = hostile.png(48, 32)
    assert pixels(encoded(pixels(image), "PNG")).tobytes() == pixels(image).tobytes()


@pytest.mark.parametrize(
    ("image", "size"),
    [
        (hostile.bomb(SIDE, SIDE), (SIDE, SIDE)),
        (hostile.claims(MOST_PIXELS + 1, 1), (MOST_PIXELS + 1, 1)),
        (hostile.claims(12_000, 12_000), (None, None)),  # Pillow warns, which is an error here
        (hostile.claims(2**31 - 1, 2**31 - 1), (None, None)),
        (hostile.webp_canvas(16_384, 16_384), (None, None)),
        (hostile.png(8, 8) + bytes(MOST_BYTES), (None, None)),
    ],
)
def test_a_bomb_is_called_too_large_and_never_unpacked(image: bytes, size: tuple[int | None, int | None]) -> None:
    tracemalloc.start()
    error = refused(image)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (error.defect, error.size, str(error)) == ("too_large", size, "The image is too_large.")
    assert peak < 3_000_000


def test_the_largest_picture_that_we_take_is_taken() -> None:
    assert pixels(hostile.bomb(MOST_PIXELS // 2048, 2048)).size == (4096, 2048)


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "ICO", "PPM", "PDF", "EPS", "TGA"])
def test_other_formats_are_not_even_tried(form: str) -> None:
    assert refused(hostile.other(form)).defect == "undecodable"


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"<svg onload='alert(1)'>",
        b"%!PS-Adobe-3.0 EPSF",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x00\x00\x00\x00WEBP",
        hostile.text_bomb(),
    ],
)
def test_what_has_no_header_of_a_picture_cannot_be_decoded(image: bytes) -> None:
    assert refused(image).defect == "undecodable"


def test_a_header_without_its_pixels_is_truncated() -> None:
    error = refused(hostile.claims(100, 50))
    assert (error.defect, error.size) == ("truncated", (100, 50))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2), (MOST_PIXELS, 1)])
def test_a_picture_of_any_shape_can_be_judged(size: tuple[int, int]) -> None:
    facts, _ = inspect(hostile.bomb(*size), None)
    assert ((facts.width, facts.height), facts.defect) == (size, "black")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of corrupt EXIF
def test_a_thousand_mangled_files_are_pictures_or_named() -> None:
    seen = {inspect(image, (24, 16))[0].defect for image in hostile.mangled(seed=1, count=1000)}
    assert {"undecodable", "truncated"} <= seen


@pytest.mark.parametrize("side", [128, 512, 1024])
def test_a_picture_made_worse_on_purpose_is_worse_at_every_size(side: int) -> None:
    whole = Image.fromarray(skimage.data.astronaut()).resize((side, side))
    worse = worsened(whole)
    assert (worse.size, worse.mode) == (whole.size, "RGB")
    assert dissimilarity(luma(encoded(whole, "PNG")), luma(encoded(worse, "PNG"))) > 0.3
