"""A generator as the teacher of pairs: any model that `stylize` takes, with the sha256 of its file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from animegan3_tf.checkpoints import weights_of
from animegan3_tf.evaluation.feature_network import sha256_of
from animegan3_tf.stylizer import load_stylizer


class ModelTeacher:
    """Draws with a model.

    Attributes:
        name: The name of the model's file.
        sha256: SHA-256 of that file.
        fixed_size: Its (height, width) where it takes no other size.
    """

    def __init__(self, model: str | os.PathLike) -> None:
        """Loads the model.

        Args:
            model: A model for `animegan3_tf.stylizer.load_stylizer`.

        Raises:
            UserError: The model does not exist or cannot be read.
        """
        path = weights_of(model)
        self._stylizer = load_stylizer(model)
        self.name, self.sha256 = Path(path).name, sha256_of(path)
        self.fixed_size = self._stylizer.fixed_size

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Draws one image, uint8 [H, W, 3] to the same size."""
        return self._stylizer(rgb)
