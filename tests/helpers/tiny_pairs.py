"""Pairs and a recipe for them small enough that a training step takes a fraction of a second."""

import json

import numpy as np

from animegan3_tf.common.images import resize, write_image
from animegan3_tf.styles import Style, override
from animegan3_tf.styles.style import tomllib

PAIRS_TOML = """
description = "For tests: two kinds of small batches"
objective = "pairs"
[pairs]
held_out = 0.2
validated = 3
shown = 2
validation_size = 64
warmup_steps = 0
[pairs.batches.small]
turns = 2
count = 4
crop = 16
scales = [24, 48]
[pairs.batches.large]
turns = 1
count = 2
crop = 24
scales = [48, 72]
[perceptual.vgg19]
features = { conv1_1 = 0.1, conv1_2 = 0.2 }
"""
TINY_PAIRS = {"name": "tiny-pairs", **tomllib.loads(PAIRS_TOML)}


def pairs_style(settings=None):
    """The recipe, with values replaced as by `override`."""
    return override(Style.from_dict(TINY_PAIRS), settings or {})


def smooth_photo(seed, side=64):
    """A few soft blobs of colour, uint8 [side, side, 3]."""
    rng = np.random.default_rng(seed)
    return resize(rng.integers(30, 226, (4, 4, 3), dtype=np.uint8), (side, side))


def teacher(photo):
    """The made-up teacher: a fixed filter that swaps red and blue and halves the contrast."""
    return (photo[..., ::-1] // 2 + 64).astype(np.uint8)


def write_pairs(folder, count, side=64, landmarks=True):
    """`count` pairs in a folder, as `animegan3 pairs` leaves them; returns it."""
    for i in range(count):
        photo = smooth_photo(i, side)
        write_image(folder / "photo" / f"{i:02d}.png", photo)
        write_image(folder / "anime" / f"{i:02d}.png", teacher(photo))
    if landmarks:
        points = [[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]]
        entry = {"landmarks": [[x * side, y * side] for x, y in points], "margin": 1.0}
        manifest = {"pairs": {f"{i:02d}": entry for i in range(count)}, "teachers": ["made up"]}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
