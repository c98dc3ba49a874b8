import numpy as np
import pytest
import tensorflow as tf
from helpers.prepared_folders import picture
from helpers.tf1_files import random_variables, write_checkpoint
from helpers.tiny_training import resnet_arrays, write_pictures

from animegan3_tf.common.images import write_image
from animegan3_tf.export.convert import convert_as_it_is
from animegan3_tf.models.weights import save_generator
from animegan3_tf.networks import build_generator


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder of models with weights of no meaning; negative.tflite turns a 64x64 photo into its negative."""
    folder = tmp_path_factory.mktemp("methods")
    tf.keras.utils.set_random_seed(0)
    (folder / "run").mkdir()
    save_generator(folder / "run" / "generator.h5", build_generator(tails="main"), {"style": "tiny"})
    for architecture in ("animegan1", "animegan2"):
        write_checkpoint(folder / f"{architecture}.ckpt", random_variables(architecture))
    photo = tf.keras.Input((64, 64, 3), batch_size=1)
    negative = tf.keras.Model(photo, tf.keras.layers.Rescaling(-1.0)(photo))
    (folder / "negative.tflite").write_bytes(convert_as_it_is(negative, 64))
    np.savez(folder / "half.npz", **resnet_arrays())
    return folder


@pytest.fixture
def folder(tmp_path):
    """Three photos, 64x64, one in a folder below; four anime pictures; the negatives of two of the photos."""
    write_pictures(tmp_path / "photo", 2, side=64)
    write_image(tmp_path / "photo" / "more" / "02.png", picture(2, 64))
    write_pictures(tmp_path / "anime", 4, side=64, first=20)
    write_image(tmp_path / "negatives" / "00.bmp", 255 - picture(0, 64))
    write_image(tmp_path / "negatives" / "more" / "02.bmp", 255 - picture(2, 64))
    return tmp_path
