"""The distance between two images, and when a candidate's pairs are as alike as the baseline's own."""

import io
import math

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageFilter
from scipy.special import bdtr
from skimage.metrics import structural_similarity

from analysis import parity
from analysis.parity import dissimilarity, likeness, luma
from analysis.pictures import NoPicture, encoded

SPREAD = [number / 1000 for number in range(1, 60)]  # its limit is 0.059
LIMIT = 0.059


def photograph(side: int = 512) -> Image.Image:
    return Image.fromarray(skimage.data.astronaut()).convert("RGB").resize((side, side), Image.Resampling.BOX)


def png(picture: Image.Image) -> bytes:
    return encoded(picture, "PNG")


def apart(one: bytes, other: bytes) -> float:
    return dissimilarity(luma(one), luma(other))


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(radius))


# ---------------------------------------------------------------- distance


def test_a_picture_is_no_distance_from_itself_however_it_is_packed() -> None:
    whole = photograph()

    assert apart(png(whole), png(whole)) == 0.0
    assert apart(png(whole), encoded(whole, "WEBP", lossless=True)) == 0.0


@pytest.mark.parametrize("radius", [0.4, 1, 3])
def test_the_distance_is_one_less_the_structural_similarity_of_luma(radius: float) -> None:
    one, other = photograph(), blurred(photograph(), radius)
    grey = [np.asarray(each.convert("L"), dtype=np.float64) for each in (one, other)]

    assert apart(png(one), png(other)) == pytest.approx(1 - structural_similarity(*grey, data_range=255), abs=2e-6)


def test_it_grows_with_the_difference_and_knows_no_first_and_second() -> None:
    whole = photograph()
    near, far = png(blurred(whole, 0.5)), png(blurred(whole, 2))

    assert 0 < apart(png(whole), near) < apart(png(whole), far) < 1
    assert apart(png(whole), far) == apart(far, png(whole))


def test_a_negative_is_further_than_anything_unrelated() -> None:
    whole = photograph()
    negative = Image.fromarray(255 - np.asarray(whole))

    assert 1 < apart(png(whole), png(negative)) <= 2


def test_large_pictures_are_compared_at_512_px_and_small_ones_as_they_are() -> None:
    large, small = photograph(1024), photograph(512).resize((512, 512), Image.Resampling.BOX)
    soft = blurred(large, 2)
    halves = [each.convert("L").resize((512, 512), Image.Resampling.BOX) for each in (large, soft)]

    assert apart(png(large), png(soft)) == apart(*(png(each) for each in halves))
    tiny = small.resize((40, 24))
    assert apart(png(tiny), png(tiny)) == 0.0


def test_the_longer_side_becomes_512_px_and_the_shape_stays() -> None:
    wide, soft = (each.resize((1200, 600)) for each in (photograph(), blurred(photograph(), 3)))
    shrunk = [each.convert("L").resize((512, 256), Image.Resampling.BOX) for each in (wide, soft)]

    assert apart(png(wide), png(soft)) == apart(*(png(each) for each in shrunk))


@pytest.mark.parametrize(
    ("other", "defect"),
    [
        (png(photograph(500)), "wrong_size"),
        (b"no picture at all", "undecodable"),
        (b"", "undecodable"),
        (png(photograph())[:40_000], "truncated"),
    ],
)
def test_what_cannot_be_compared_has_no_distance(other: bytes, defect: str) -> None:
    for two in ((png(photograph()), other), (other, png(photograph()))):
        with pytest.raises(NoPicture) as refused:
            apart(*two)
        assert refused.value.defect == defect


def test_below_the_window_there_is_nothing_to_compare() -> None:
    sliver = png(photograph().resize((40, 6)))

    with pytest.raises(NoPicture, match="wrong_size"):
        apart(sliver, sliver)


# ---------------------------------------------------------------- pairs


def beyond(count: int, of: int = 60) -> list[float]:
    return [1.0] * count + [0.0] * (of - count)


def test_four_of_sixty_pairs_beyond_the_spread_pass_and_five_do_not() -> None:
    four, five = likeness(beyond(4), SPREAD), likeness(beyond(5), SPREAD)

    assert (four.alike, five.alike) == (True, False)
    assert four.high == pytest.approx(0.1461, abs=5e-5)
    assert (four.pairs, four.beyond, four.spread, four.limit) == (60, 4, 59, LIMIT)


@pytest.mark.parametrize(("count", "of", "alike"), [(0, 18, False), (0, 19, True), (1, 29, False), (1, 30, True)])
def test_fewer_pairs_pass_by_the_same_bound(count: int, of: int, alike: bool) -> None:
    assert likeness(beyond(count, of), SPREAD).alike is alike


def test_as_far_apart_as_the_furthest_of_the_baseline_is_not_beyond() -> None:
    assert likeness([LIMIT] * 60, SPREAD).beyond == 0
    assert likeness([math.nextafter(LIMIT, 1)] * 60, SPREAD).beyond == 60


def test_images_that_are_all_the_same_pass_a_baseline_that_always_gives_the_same() -> None:
    assert likeness([0.0] * 60, [0.0] * 59).alike
    assert not likeness([0.000001] * 60, [0.0] * 59).alike


def test_below_59_pairs_of_the_baseline_nothing_is_told() -> None:
    found = likeness([0.0] * 60, SPREAD[:58])

    assert (found.limit, found.high, found.alike, found.spread) == (None, None, False, 58)
    assert found.sentence == "needs 1 more pairs of the baseline with itself, for its own spread"


def test_more_pairs_of_the_baseline_do_not_widen_the_limit() -> None:
    assert likeness([0.5] * 60, [*SPREAD, 0.9]).beyond == 60


def test_what_could_not_be_read_is_left_out_and_told() -> None:
    found = likeness([*beyond(4), None, None], [None, *SPREAD])

    assert (found.pairs, found.unread, found.alike, found.limit) == (60, 2, True, LIMIT)
    assert found.sentence.endswith("; 2 more could not be read")


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -0.01, 2.01])
def test_no_dissimilarity_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 2"):
        likeness([wrong], SPREAD)
    with pytest.raises(ValueError, match="between 0 and 2"):
        likeness([0.1], [wrong, *SPREAD])


def test_the_sentence_has_its_numbers() -> None:
    head = "4 of 60 pairs differ more than the baseline's images among themselves (1 - SSIM above 0.0590, "
    assert likeness(beyond(4), SPREAD).sentence == (
        head + "the largest of 59 pairs): at most 14.6 % of all, where 15 % may"
    )
    assert likeness(beyond(0, 10), SPREAD).sentence.endswith("25.9 % of all, where 15 % may; needs 9 more pairs")
    assert likeness(beyond(30), SPREAD).sentence.endswith("only votes can tell whether they are worse")
    assert likeness([], []).sentence == "no pair was compared"
    assert likeness([], SPREAD).sentence == "no pair was compared"


def test_with_too_many_beyond_no_more_pairs_are_asked_for() -> None:
    assert likeness(beyond(5, 20), SPREAD).missing is None
    assert likeness(beyond(4, 58), SPREAD).missing == 1
    assert likeness(beyond(4), SPREAD).missing == 0


def test_equal_images_pass_in_97_sets_of_100() -> None:
    """Whatever the law of their distances: only ranks count."""
    dice = np.random.default_rng(5)
    passed = [likeness(dice.exponential(size=60) % 2, dice.exponential(size=59) % 2).alike for _ in range(4000)]

    assert np.mean(passed) == pytest.approx(0.970, abs=0.008)


def test_with_a_true_share_at_the_margin_it_passes_in_less_than_5_sets_of_100() -> None:
    assert bdtr(4, 60, parity.MOST_BEYOND) == pytest.approx(0.042, abs=5e-4)
    dice = np.random.default_rng(6)
    passed = [likeness(list(dice.random(60) < parity.MOST_BEYOND), SPREAD).alike for _ in range(4000)]

    assert np.mean(passed) == pytest.approx(0.042, abs=0.01)


def test_the_pictures_compared_are_decoded_within_the_usual_limits() -> None:
    bomb = io.BytesIO()
    Image.new("L", (4000, 4000)).save(bomb, "PNG")

    with pytest.raises(NoPicture, match="too_large"):
        apart(bomb.getvalue(), bomb.getvalue())
