import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.images import write_image
from animegan3_tf.networks import build_generator, save_generator


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A run folder whose generator has batch norm moments as training leaves them, not the initial ones."""
    folder = tmp_path_factory.mktemp("run")
    tf.keras.utils.set_random_seed(0)
    generator = build_generator(tails="main")
    for weight in generator.non_trainable_weights:
        weight.assign(weight * 0.1 + 0.01)
    save_generator(folder / "generator.h5", generator, {"style": "tiny", "step": 7, "version": "0.1"})
    return folder


@pytest.fixture(scope="session")
def generator(run):
    from animegan3_tf.networks import load_generator

    return load_generator(run / "generator.h5")


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of three smooth pictures of different shapes, a stand-in for photos."""
    folder = tmp_path_factory.mktemp("photos")
    for i, (height, width) in enumerate([(40, 70), (64, 64), (90, 50)]):
        rows, columns = np.mgrid[:height, :width]
        picture = np.stack([rows * 2, columns * 2, (rows + columns) * (i + 1)], axis=-1) % 256
        write_image(folder / f"{i}.png", picture.astype(np.uint8))
    return folder
