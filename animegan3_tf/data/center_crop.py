"""For folders of pictures that are faces already, such as anime faces: the middle of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from animegan3_tf.data.face import Face


class CenterCrop:
    """A detector to which the largest square in the middle of each picture is its face; use it with margin 0."""

    settings = {"detector": "center"}  # noqa: RUF012  (read only)

    def __call__(self, pictures: Sequence[np.ndarray], names: Sequence[str] = ()) -> list[list[Face]]:
        """One face a picture, without landmarks; names are not needed."""
        return [[_central(*picture.shape[:2])] for picture in pictures]


def _central(height: int, width: int) -> Face:
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    return Face((left, top, left + side, top + side))
