"""Draws the cel-shaded images that `animegan3 demo --train` learns from, and that the package carries as JPEGs.

.venv/bin/python tools/demo_drawings.py           # rewrites animegan3_tf/data/drawings/
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from cel.landscape import draw_landscape
from cel.portrait import draw_portrait

from animegan3_tf.common.images import write_image
from animegan3_tf.data.demo import DRAWINGS

COUNT, SIZE = 48, 128
_LANDSCAPE_EVERY = 4


def drawing(number: int, size: int = SIZE, seed: int = 0) -> tuple[str, np.ndarray]:
    """Draws one image: a landscape after every three portraits.

    Args:
        number: Which image; it depends on this and the seed alone.
        size: Its side in pixels.
        seed: Seed of the drawings.

    Returns:
        Its name without a suffix, and the image, uint8 [size, size, 3].
    """
    rng = np.random.default_rng([seed, number])
    kind, draw = ("landscape", draw_landscape) if number % _LANDSCAPE_EVERY == 3 else ("portrait", draw_portrait)
    return f"{kind}_{number:03d}", draw(rng, size)


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DRAWINGS, help="folder to write")
    options = parser.parse_args(arguments)
    for number in range(COUNT):
        name, image = drawing(number)
        write_image(options.out / f"{name}.jpg", image)
    return 0


if __name__ == "__main__":
    sys.exit(main())
