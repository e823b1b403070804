"""Whether an image is whole, and what is measured of it."""

import io
import math

import numpy as np
import pytest
import skimage.data
from PIL import Image

from analysis.quality import ImageFacts, inspect

SIZE = (96, 64)


def encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    target = io.BytesIO()
    picture.save(target, kind)
    return target.getvalue()


def picture(luma: np.ndarray) -> bytes:
    return encoded(Image.fromarray(luma.astype(np.uint8), "L").convert("RGB"))


def gradient() -> np.ndarray:
    return np.tile(np.linspace(20, 235, SIZE[0]), (SIZE[1], 1))


def flat(value: float, *, spots: int = 0, spot: float = 255) -> np.ndarray:
    luma = np.full((SIZE[1], SIZE[0]), float(value))
    luma.ravel()[:spots] = spot
    return luma


PIXELS = SIZE[0] * SIZE[1]


def facts_of(image: bytes) -> ImageFacts:
    return inspect(image, None)[0]


def defect_of(image: bytes, asked: tuple[int, int] | None) -> str | None:
    return inspect(image, asked)[0].defect


def test_a_whole_picture_has_no_defect_and_all_its_facts() -> None:
    facts, seen = inspect(picture(gradient()), SIZE)
    assert seen is not None
    assert seen.size == SIZE
    assert (facts.defect, facts.width, facts.height) == (None, *SIZE)
    assert len(facts.pixel_sha256) == 64
    assert len(facts.perceptual_hash) == 16
    assert facts.luma_mean == pytest.approx(127, abs=1)
    assert facts.luma_sd == pytest.approx(62.7, abs=0.5)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_image_are_undecodable(content: bytes) -> None:
    facts = vars(inspect(content, SIZE)[0]).copy()
    assert facts.pop("defect") == "undecodable"
    assert set(facts.values()) == {None}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_image_cut_short_is_broken_and_has_no_pixels(kind: str) -> None:
    noisy = np.random.default_rng(1).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(noisy), kind)
    facts, seen = inspect(whole[: len(whole) // 2], SIZE)
    assert seen is None
    assert facts.defect in ("truncated", "undecodable")
    assert facts.pixel_sha256 is None
    if kind == "PNG":
        assert (facts.defect, facts.width, facts.height) == ("truncated", *SIZE)


def test_another_size_than_asked_for_is_a_defect_unless_nobody_asked() -> None:
    assert defect_of(picture(gradient()), (64, 96)) == "wrong_size"
    assert defect_of(picture(gradient()), None) is None


def test_the_wrong_size_of_a_black_image_is_told_first() -> None:
    assert defect_of(picture(flat(0)), (64, 96)) == "wrong_size"


@pytest.mark.parametrize(
    ("luma", "defect"),
    [
        (flat(0), "black"),
        (flat(2), "black"),
        (flat(3), "flat"),
        (flat(255), "flat"),
        (flat(128), "flat"),
        (flat(0, spots=PIXELS // 50, spot=120), "black"),  # mean 2.3, however bright the spots
        (flat(255, spots=PIXELS // 20, spot=215), "flat"),  # mean 253
        (flat(0, spots=PIXELS // 10, spot=120), None),
        (flat(255, spots=PIXELS // 4, spot=215), None),
    ],
)
def test_one_tone_is_no_picture(luma: np.ndarray, defect: str | None) -> None:
    assert defect_of(picture(luma), SIZE) == defect


def test_almost_one_value_is_flat_however_far_off_the_rest_is() -> None:
    block = flat(100)
    block[:7, :8] = 255  # 56 of 6,144 pixels, sd 14.7
    assert defect_of(picture(block), SIZE) == "flat"
    block[:8, :8] = 255  # 64 pixels: 1.04 %
    assert defect_of(picture(block), SIZE) is None


def test_a_faint_picture_is_flat_below_a_spread_of_5() -> None:
    faint = 128 + (gradient() - 127) / 62.7 * 4.5
    assert defect_of(picture(faint), SIZE) == "flat"
    assert defect_of(picture(128 + (gradient() - 127) / 62.7 * 6), SIZE) is None


@pytest.mark.parametrize("seed", range(5))
def test_white_noise_is_no_picture_and_a_noisy_picture_is_one(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 1, (SIZE[1], SIZE[0]))
    assert defect_of(picture(np.clip(128 + 50 * noise, 0, 255)), SIZE) == "noise"
    assert defect_of(picture(np.clip(gradient() + 40 * noise, 0, 255)), SIZE) is None


def grainy(sd: float, *, colours: int) -> bytes:
    """A gradient under blocks of colour, with grain that is the same in `4 - colours` of the three colours."""
    dice = np.random.default_rng(4)
    blocks = np.kron(dice.integers(0, 90, (8, 12, 3)), np.ones((8, 8, 1)))
    grain = dice.normal(0, sd, (SIZE[1], SIZE[0], colours))
    shade = gradient()[..., None] * 0.4 + blocks + 20
    return encoded(Image.fromarray(np.clip(shade + grain, 0, 255).astype(np.uint8)))


def test_coloured_grain_all_over_is_noise_even_where_a_picture_shines_through() -> None:
    assert defect_of(grainy(30, colours=3), SIZE) == "noise"


@pytest.mark.parametrize(("sd", "colours"), [(30, 1), (15, 3)])
def test_grey_grain_and_faint_grain_leave_a_picture_one(sd: float, colours: int) -> None:
    assert defect_of(grainy(sd, colours=colours), SIZE) is None


def test_grain_in_one_colour_alone_is_noise() -> None:
    red = (
        np.full((SIZE[1], SIZE[0], 3), 90.0) + np.kron(np.eye(2), np.ones((SIZE[1] // 2, SIZE[0] // 2)))[..., None] * 80
    )
    red[..., 0] += np.random.default_rng(5).normal(0, 60, red.shape[:2])
    assert defect_of(encoded(Image.fromarray(np.clip(red, 0, 255).astype(np.uint8))), SIZE) == "noise"


@pytest.mark.parametrize("size", [(2, 2), (2, 9), (9, 2)])
def test_a_picture_too_small_to_have_grain_is_judged_all_the_same(size: tuple[int, int]) -> None:
    halves = np.full((size[1], size[0]), 40.0)
    halves[:, : size[0] // 2] = 200
    assert defect_of(picture(halves), size) is None


@pytest.mark.parametrize("share", [1, 2, 3])
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "grass", "gravel", "brick", "rocket", "text"])
def test_photographs_are_pictures_and_so_are_those_of_nothing_but_texture(name: str, share: int) -> None:
    photograph = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    size = (photograph.width // share, photograph.height // share)
    assert defect_of(encoded(photograph.resize(size)), size) is None


def test_stripes_are_a_picture_in_whichever_direction_they_run() -> None:
    stripes = np.tile(np.where(np.arange(SIZE[0]) % 2 == 0, 40.0, 220.0), (SIZE[1], 1))
    assert defect_of(picture(stripes), SIZE) is None
    assert defect_of(picture(stripes[:, : SIZE[1]].T), None) is None


def test_one_odd_row_does_not_make_a_picture_noise() -> None:
    columns = np.random.default_rng(2).integers(30, 220, SIZE[0]).astype(float)
    luma = np.tile(columns, (SIZE[1], 1))
    luma[0] = 250 - luma[0]
    assert defect_of(picture(luma), SIZE) is None


def test_the_pixel_hash_knows_pixels_and_not_the_file() -> None:
    colours = Image.fromarray(gradient().astype(np.uint8), "L").convert("RGB")
    png, webp = encoded(colours), io.BytesIO()
    colours.save(webp, "WEBP", lossless=True)
    assert facts_of(png).pixel_sha256 == facts_of(webp.getvalue()).pixel_sha256
    changed = colours.copy()
    changed.putpixel((0, 0), (255, 0, 0))
    assert facts_of(encoded(changed)).pixel_sha256 != facts_of(png).pixel_sha256


def test_the_shape_is_part_of_the_pixel_hash() -> None:
    luma = flat(128, spots=PIXELS // 2, spot=10)
    turned = luma.reshape(SIZE[0], SIZE[1])
    assert facts_of(picture(luma)).pixel_sha256 != facts_of(picture(turned)).pixel_sha256


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    checks = np.indices((SIZE[1], SIZE[0])).sum(axis=0) % 2 * 100.0
    assert facts_of(picture(checks)).sharpness == pytest.approx(400.0**2)
    ramp = np.tile(np.arange(SIZE[0]) * 2.0, (SIZE[1], 1))
    assert facts_of(picture(ramp)).sharpness == pytest.approx(0)
    assert facts_of(picture(np.array([[0.0, 255.0], [0.0, 255.0]]))).sharpness is None


def test_colourfulness_is_that_of_hasler_and_suesstrunk() -> None:
    photograph = skimage.data.coffee()
    red, green, blue = (photograph[..., i].astype(float) for i in range(3))
    ones, twos = red - green, (red + green) / 2 - blue
    spread, mean = np.hypot(ones.std(), twos.std()), np.hypot(ones.mean(), twos.mean())

    assert facts_of(encoded(Image.fromarray(photograph))).colourfulness == pytest.approx(spread + 0.3 * mean)
    assert facts_of(picture(gradient())).colourfulness == 0
    one_colour = encoded(Image.new("RGB", SIZE, (200, 100, 50)))
    assert facts_of(one_colour).colourfulness == pytest.approx(0.3 * math.hypot(100, 100))


def test_like_pictures_have_like_perceptual_hashes() -> None:
    plain = gradient()
    plain[20:40, 30:60] = 230
    again = np.clip(plain + np.random.default_rng(3).normal(0, 3, plain.shape), 0, 255)
    here, there = (int(facts_of(picture(luma)).perceptual_hash, 16) for luma in (plain, again))
    assert (here ^ there).bit_count() <= 6
    assert math.isfinite(here)
