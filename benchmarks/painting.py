"""What a simulated picture costs, against the least that any picture costs: its encoding as PNG by Pillow."""

import io
from statistics import median

from PIL import Image

from benchmarks.tables import Measured, timed
from simulator.picture import Picture, paint
from workflows.prompts import draw

SIZES_PX = (256, 512, 1024)
EACH = 12  # two of each stratum
BOUND_MS = 100  # a 512 px picture, at most


def measure() -> Measured:
    """Milliseconds a picture, by size."""
    return Measured(
        title="Painting a simulated picture",
        columns=("size", "median ms", "slowest ms", "Pillow encodes it in", "painting is", "bound"),
        rows=[_row(size) for size in SIZES_PX],
        note="Two pictures of each kind of prompt; the bound is for 512 px and for the slowest.",
    )


def _row(size: int) -> list[str]:
    painted, encoded = [], []
    for job in draw(EACH, size):  # pictures that nobody has painted yet
        picture = Picture(
            prompt=job.text,
            seed=job.seed,
            width=size,
            height=size,
            steps=20,
            reference_steps=20,
            variant="modal",
            precision="bf16",
        )
        png, took_s = timed(lambda picture=picture: paint(picture))  # type: ignore[misc]
        painted.append(took_s * 1e3)
        image = Image.open(io.BytesIO(png)).convert("RGB")
        encoded.append(timed(lambda image=image: image.save(io.BytesIO(), "PNG"))[1] * 1e3)  # type: ignore[misc]
    bound = ("kept" if max(painted) <= BOUND_MS else "MISSED") if size == 512 else ""
    least = median(encoded)
    return [
        f"{size} px",
        f"{median(painted):.0f}",
        f"{max(painted):.0f}",
        f"{least:.0f} ms",
        f"{median(painted) / least:.1f}x that",
        bound,
    ]
