"""A detector for folders of images that are faces already, such as anime faces: it takes the middle of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from animegan3_tf.data.face import Face


class CenterCrop:
    """A detector that takes the largest square in the middle of each image for its face; use it with margin 0."""

    settings = {"detector": "center"}  # noqa: RUF012  (read only)

    def __call__(self, photos: Sequence[np.ndarray], names: Sequence[str] = ()) -> list[list[Face]]:
        """Returns one face for each image, without landmarks; names are not needed."""
        return [[_central(*photo.shape[:2])] for photo in photos]


def _central(height: int, width: int) -> Face:
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    return Face((left, top, left + side, top + side))
