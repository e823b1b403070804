"""The reference renderer: deterministic, follows its prompt, better with steps, breakable on demand."""

import hashlib
import io
import os
import subprocess
import sys
import tomllib
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from simulator.picture import Defect, Picture, paint, paint_array

ROOT = Path(__file__).parents[3]
PROMPTS: dict[str, str] = {
    name: prompt
    for stratum in tomllib.loads((ROOT / "workflows" / "prompts.toml").read_text()).values()
    for name, prompt in stratum.items()
}
SIDE = 256
PLAIN = Picture("a red bottle on a table at noon", 7, SIDE, SIDE, 20, 20)
SUBJECTS = {
    "landscape": "mountains and a lake{}",
    "city": "a city skyline{}",
    "portrait": "portrait of a woman{}",
    "animal": "a cat{}",
    "crowd": "a crowd in a market{}",
    "hands": "two hands holding an apple{}",
    "product": "a vase{}",
    "lettering": 'a wooden sign that reads "HELLO"{}',
}


def ordered(prompt: str, **changes: object) -> Picture:
    return replace(PLAIN, prompt=prompt, **changes)


def grey(picture: Picture) -> np.ndarray:
    return np.asarray(Image.fromarray(paint_array(picture)).convert("L"))


def likeness(one: Picture, other: Picture) -> float:
    return float(structural_similarity(grey(one), grey(other), data_range=255))


def unmarked(pixels: np.ndarray) -> np.ndarray:
    """The picture above the strip that holds the mark."""
    return pixels[: round(len(pixels) * 0.93)]


# ---------------------------------------------------------------- the same order, the same picture


def test_the_same_order_gives_the_same_bytes() -> None:
    assert paint(PLAIN) == paint(replace(PLAIN))


def test_another_process_with_another_hash_seed_gives_the_same_bytes() -> None:
    script = (
        "import hashlib; from simulator.picture import Picture, paint;"
        f"print(hashlib.sha256(paint({replace(PLAIN, variant='vast', steps=3)!r})).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert digests == {hashlib.sha256(paint(replace(PLAIN, variant="vast", steps=3))).hexdigest()}


def test_the_png_holds_the_pixels_and_nothing_else() -> None:
    image = Image.open(io.BytesIO(paint(PLAIN)))
    assert (image.format, image.mode, image.info) == ("PNG", "RGB", {})
    assert np.array_equal(np.asarray(image), paint_array(PLAIN))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_seed_composes_anew(subject: str) -> None:
    order = ordered(SUBJECTS[subject].format(" at noon"))
    assert likeness(order, replace(order, seed=8)) < 0.97


def test_pictures_of_the_prompt_set_can_be_told_apart() -> None:
    small = {
        name: np.asarray(Image.fromarray(paint_array(ordered(prompt))).resize((16, 16)), float)
        for name, prompt in PROMPTS.items()
    }
    nearest = min((float(np.abs(small[a] - small[b]).mean()), a, b) for a, b in combinations(small, 2))
    assert nearest[0] > 8, nearest


def test_the_composition_does_not_depend_on_the_size() -> None:
    large = paint_array(replace(PLAIN, width=SIDE * 2, height=SIDE * 2))
    halved = np.asarray(Image.fromarray(large).reduce(2).convert("L"))
    assert structural_similarity(halved, grey(PLAIN), data_range=255) > 0.95


# ---------------------------------------------------------------- it follows the prompt


def dominant_hue(prompt: str) -> float:
    """Hue in degrees, averaged over all pixels by their colourfulness, over three seeds."""
    turn = 0j
    for seed in (1, 2, 3):
        pixels = unmarked(paint_array(ordered(prompt, seed=seed))).reshape(-1, 3).astype(float)
        angle = np.exp(2j * np.pi * np.array([0, 1 / 3, 2 / 3]))
        turn += (pixels @ angle).sum()
    return float(np.degrees(np.angle(turn)) % 360)


@pytest.mark.parametrize(
    "prompt",
    [
        "a {} mountain landscape at noon",
        "a city skyline in {} tones at noon",
        "portrait of a woman, {} background, at noon",
        "a {} bottle on a white table at noon",
        'a {} poster with the words "GO"',
        "two hands, {} background, at noon",
    ],
)
@pytest.mark.parametrize(("colour", "hue"), [("red", 0), ("green", 140), ("blue", 220), ("purple", 280)])
def test_a_colour_word_sets_the_dominant_hue(prompt: str, colour: str, hue: float) -> None:
    apart = (dominant_hue(prompt.format(colour)) - hue + 180) % 360 - 180
    assert abs(apart) < 48


@pytest.mark.parametrize("subject", SUBJECTS)
def test_night_is_darker_than_noon(subject: str) -> None:
    night, noon = (grey(ordered(SUBJECTS[subject].format(f" at {hour}"))).mean() for hour in ("night", "noon"))
    assert night < 0.6 * noon


def test_neon_shines_at_night() -> None:
    at_night = paint_array(ordered('a red neon sign that reads "BAR", at night')).max(-1)
    assert at_night.mean() < 90 < 235 < np.percentile(at_night, 98)
    assert at_night[:, 20:34].max() > 235  # the tube at the edge, far from any lamplight


def test_hours_give_different_skies() -> None:
    skies = {
        hour: paint_array(ordered(f"mountains at {hour}"))[:110].mean((0, 1))
        for hour in ("dawn", "morning", "noon", "sunset", "dusk", "night")
    }
    assert min(float(np.abs(skies[a] - skies[b]).max()) for a, b in combinations(skies, 2)) > 12
    assert skies["sunset"][0] > skies["sunset"][2]  # warm
    assert skies["noon"][2] > skies["noon"][0]  # blue


# ---------------------------------------------------------------- better with steps


@pytest.mark.parametrize("subject", SUBJECTS)
def test_likeness_to_the_converged_picture_rises_with_each_doubling_of_steps(subject: str) -> None:
    converged = ordered(SUBJECTS[subject].format(" at noon"), steps=32, reference_steps=32)
    rising = [likeness(replace(converged, steps=steps), converged) for steps in (1, 2, 4, 8, 16, 32)]
    assert all(later - earlier > 0.02 for earlier, later in pairwise(rising)), rising
    assert rising[0] < 0.55
    assert rising[-2] > 0.7  # half of the steps give structure and most of the detail
    assert rising[-1] == 1


def test_steps_are_counted_against_the_reference() -> None:
    fast = replace(PLAIN, steps=4, reference_steps=4)
    assert np.array_equal(paint_array(fast), paint_array(PLAIN))
    assert np.array_equal(paint_array(replace(PLAIN, steps=40)), paint_array(PLAIN))
    assert likeness(replace(PLAIN, steps=4), PLAIN) < 0.9


# ---------------------------------------------------------------- hardware and precision


@pytest.mark.parametrize("subject", SUBJECTS)
def test_another_gpu_differs_by_a_hair_and_fp8_by_more(subject: str) -> None:
    order = ordered(SUBJECTS[subject].format(" at noon"), width=512, height=512)
    variants = [replace(order, variant=name) for name in ("modal", "runpod", "vast")]
    jitter = [likeness(one, other) for one, other in combinations(variants, 2)]
    assert 0.98 < min(jitter) <= max(jitter) < 0.9995
    lower = likeness(replace(variants[0], precision="fp8"), variants[1])
    assert 0.85 < lower < 1 - 2.5 * (1 - min(jitter))


def test_gpus_never_agree_to_the_last_bit_even_on_a_flat_picture() -> None:
    order = ordered("a ticket", steps=1, reference_steps=50)
    one, other = (unmarked(paint_array(replace(order, variant=name))) for name in ("a", "b"))
    assert (one != other).mean() > 0.01
    assert np.array_equal(one, unmarked(paint_array(replace(order, variant="a"))))


# ---------------------------------------------------------------- defects


def test_black_is_black_though_it_is_marked() -> None:
    pixels = paint_array(replace(PLAIN, defect=Defect.BLACK))
    assert pixels.mean() < 3
    assert not unmarked(pixels).any()
    assert pixels.any()


def test_noise_hides_the_picture() -> None:
    noisy = replace(PLAIN, defect=Defect.NOISE)
    assert likeness(noisy, PLAIN) < 0.3
    assert np.abs(grey(noisy).astype(int) - grey(PLAIN)).mean() > 40
    assert np.abs(np.diff(grey(noisy).astype(int))).mean() > 5 * np.abs(np.diff(grey(PLAIN).astype(int))).mean()


@pytest.mark.parametrize("size", [(256, 256), (321, 123), (16, 16)])
def test_wrong_size_is_another_size(size: tuple[int, int]) -> None:
    image = Image.open(io.BytesIO(paint(replace(PLAIN, width=size[0], height=size[1], defect=Defect.WRONG_SIZE))))
    assert image.size == (size[0] * 3 // 4, size[1] * 3 // 4)


def test_a_truncated_file_begins_as_the_whole_one_and_does_not_decode() -> None:
    cut, whole = paint(replace(PLAIN, defect=Defect.TRUNCATED)), paint(PLAIN)
    assert whole.startswith(cut)
    assert 0.3 < len(cut) / len(whole) < 0.7
    with Image.open(io.BytesIO(cut)) as image, pytest.raises(OSError, match="truncated"):
        image.load()


@pytest.mark.parametrize("steps", [1, 5, 20, 100])
def test_fewer_steps_are_worse_than_the_steps_asked_for(steps: int) -> None:
    order = replace(PLAIN, steps=steps)
    fewer = replace(order, defect=Defect.FEWER_STEPS)
    assert likeness(fewer, PLAIN) < likeness(order, PLAIN) - 0.02
    assert likeness(fewer, PLAIN) <= likeness(replace(PLAIN, steps=5), PLAIN)


def test_a_duplicate_is_the_earlier_picture_to_the_last_byte() -> None:
    earlier = ordered("a green mountain", seed=3, variant="runpod")
    duplicate = replace(PLAIN, defect=Defect.DUPLICATE, duplicate_of=earlier)
    assert paint(duplicate) == paint(earlier) != paint(PLAIN)
    assert np.array_equal(paint_array(duplicate), paint_array(earlier))
    broken = replace(earlier, defect=Defect.TRUNCATED)
    assert paint(replace(duplicate, duplicate_of=broken)) == paint(broken)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"width": 15}, "15x256 is no size"),
        ({"height": 4097}, "256x4097 is no size"),
        ({"steps": 0}, "0 of 20 steps"),
        ({"reference_steps": 0}, "20 of 0 steps"),
        ({"defect": Defect.DUPLICATE}, "names the picture it repeats"),
        ({"duplicate_of": PLAIN}, "names the picture it repeats"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(PLAIN, **wrong)


# ---------------------------------------------------------------- size and mark


@pytest.mark.parametrize("size", [(257, 255), (640, 211), (211, 640), (16, 16), (33, 400), (1000, 64), (1025, 801)])
def test_any_size_is_honoured(size: tuple[int, int]) -> None:
    assert paint_array(ordered("a city at night", width=size[0], height=size[1])).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("name", PROMPTS)
def test_every_prompt_of_the_set_is_painted_upright_and_across(name: str) -> None:
    for size in ((96, 160), (160, 96)):
        pixels = paint_array(ordered(PROMPTS[name], width=size[0], height=size[1]))
        assert unmarked(pixels).std() > 12


def corner(picture: Picture) -> np.ndarray:
    return paint_array(picture)[-28:, -200:].astype(int)


@pytest.mark.parametrize("defect", [None, Defect.NOISE, Defect.FEWER_STEPS, Defect.BLACK])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_picture_says_that_it_is_simulated(subject: str, defect: Defect | None) -> None:
    order = ordered(SUBJECTS[subject].format(" at noon"), width=512, height=512, defect=defect)
    red, green, blue = np.moveaxis(corner(order), -1, 0)
    chip = (blue > red) & (red > green + 10)
    assert chip.mean() > 0.35
    light = luminance(corner(order)[6:-8])
    assert (np.percentile(light, 99) + 0.05) / (np.median(light) + 0.05) > 3  # letters on the chip


def luminance(pixels: np.ndarray) -> np.ndarray:
    """WCAG 2 relative luminance."""
    unit = pixels / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def test_the_mark_reads_the_same_on_every_picture() -> None:
    ink = [
        corner(ordered(prompt, width=512, height=512)).min(-1) > 150
        for prompt in ("a dark city at night", "a purple ball")
    ]
    assert ink[0][8:-9, 30:-20].sum() > 200
    assert (ink[0] == ink[1])[8:-9, 30:-20].mean() > 0.97
