"""The generators that this version knows, the facts about each that other modules need, and the sizes they take.

TensorFlow is not imported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from animegan3_tf.common.errors import UserError

MULTIPLE = 8  # AnimeGANv3's generator halves its input three times; for others see architectures.py
MIN_SIDE = 16


def least_side(multiple: int) -> int:
    """Returns the least side that a network takes: its smallest map must be 2 pixels wide to be padded by reflection.

    Args:
        multiple: Sides are multiples of this; see `Architecture`.
    """
    return max(MIN_SIDE, 2 * multiple)


def check_side(side: int, name: str, multiple: int = MULTIPLE) -> None:
    """Checks that a network can take images of a side.

    Args:
        side: Height or width in pixels.
        name: The option or key that the user set, for the message.
        multiple: As in `least_side`.

    Raises:
        UserError: The side is too small or not a multiple.
    """
    if side < least_side(multiple) or side % multiple:
        raise UserError(f"{name} is {side}; it must be a multiple of {multiple} from {least_side(multiple)} up")


@dataclass(frozen=True)
class Architecture:
    """One generator architecture.

    Attributes:
        name: Its name in weights files and styles.
        title: Its published name.
        multiple: Height and width of an input must be multiples of this.
        reach: How many pixels away an input pixel can change an output pixel, apart from the image's statistics,
            rounded up to a multiple of 8; counted from the kernels as 67, 51, 55, 76 and 157 in this order.
        tails: Number of output images in training; 0 where it only runs published weights.
        memory: Memory that a large image takes, as a multiple of AnimeGANv3's; measured.
    """

    name: str
    title: str
    multiple: int
    reach: int
    tails: int
    memory: float


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("animegan1", "AnimeGAN", multiple=4, reach=72, tails=1, memory=2.2),
        Architecture("animegan2", "AnimeGANv2", multiple=4, reach=56, tails=1, memory=1.8),
        Architecture("animegan3", "AnimeGANv3", multiple=8, reach=64, tails=2, memory=1.0),
        Architecture("jp_face", "AnimeGANv3 JP_face", multiple=8, reach=80, tails=0, memory=1.0),
        Architecture("tiny", "AnimeGANv3 tiny", multiple=16, reach=160, tails=0, memory=0.3),
    )
}
TRAINED = {name: architecture for name, architecture in ARCHITECTURES.items() if architecture.tails}


def architecture_of(header: Mapping[str, object], path: str | os.PathLike) -> Architecture:
    """Looks up the architecture that a weights file's header names.

    Args:
        header: The file's header.
        path: The file, for the error message.

    Raises:
        UserError: The header names no architecture of `ARCHITECTURES`.
    """
    name = header.get("architecture")
    if not isinstance(name, str) or name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UserError(f"weights {os.fsdecode(path)!r} are for architecture {name!r}; this version knows {known}")
    return ARCHITECTURES[name]
