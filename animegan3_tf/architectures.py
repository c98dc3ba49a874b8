"""The generators that are known here and what the rest of the system must know of each. No TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from animegan3_tf.errors import UserError


@dataclass(frozen=True)
class Architecture:
    """One generator.

    name: in weights files and styles. title: its published name. multiple: what height and width must be multiples of.
    reach: pixels a result depends on to either side, beside the picture's own statistics, on a grid of 8 (67, 51, 55,
    76 and 157, counted from the kernels). tails: how many pictures come out in training, 0 where only published weights
    are drawn with. memory: what a large picture takes, in multiples of AnimeGANv3's, measured.
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
    """The architecture that a weights file's header names; the file's path is for the error where it is not known."""
    name = header.get("architecture")
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise UserError(
            f"weights {os.fsdecode(path)!r} are of architecture {name!r}; this version knows {', '.join(ARCHITECTURES)}"
        )
    return ARCHITECTURES[name]
