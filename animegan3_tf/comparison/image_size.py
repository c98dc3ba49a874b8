"""The sizes at which methods are timed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from animegan3_tf.errors import UserError
from animegan3_tf.sizes import check_side

_NAMED = {"1080p": "1920x1080", "720p": "1280x720"}


def parse_sizes(text: str) -> tuple[tuple[int, int], ...]:
    """Reads sizes such as `256,512,1920x1080`.

    Args:
        text: Sizes between commas, each the side of a square, WIDTHxHEIGHT, "720p" or "1080p".

    Returns:
        (H, W) of each size, in order of their pixels, without repetitions.

    Raises:
        UserError: There is no size, or one that cannot be read or is out of range.
    """
    sizes = set()
    for word in filter(None, (word.strip() for word in text.split(","))):
        found = re.fullmatch(r"(\d{1,5})(?:[x×](\d{1,5}))?", _NAMED.get(word, word))
        if found is None:
            raise UserError(f"--sizes {word!r} is no size; write --sizes 256,512,1920x1080")
        width, height = int(found[1]), int(found[2] or found[1])
        for side in (width, height):
            check_side(side, f"--sizes {word}: a side")
        sizes.add((height, width))
    if not sizes:
        raise UserError("--sizes names no size; write --sizes 256,512,1920x1080, or --no-timing")
    return by_pixels(sizes)


def by_pixels(sizes: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Sorts sizes (H, W) by their pixels, the smallest first."""
    return tuple(sorted(sizes, key=lambda size: (size[0] * size[1], size)))


def size_text(size: tuple[int, int]) -> str:
    """Writes a size (H, W) as WIDTHxHEIGHT."""
    return f"{size[1]}x{size[0]}"
