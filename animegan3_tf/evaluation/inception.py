"""The two InceptionV3 networks for distances. No other module of `evaluation` imports TF-GAN or TF-Hub."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from animegan3_tf.common.errors import UserError, one_line
from animegan3_tf.common.files import regular_file, sha256_of
from animegan3_tf.evaluation.features import FeatureNetwork, keras_network
from animegan3_tf.models.array_file import check_hdf5
from animegan3_tf.models.exported import load_saved_model

try:
    import tensorflow_hub
    from tensorflow_gan import eval as tfgan

    INCEPTION_TFHUB, INCEPTION_SIZE = tfgan.INCEPTION_TFHUB, tfgan.INCEPTION_DEFAULT_IMAGE_SIZE
    INCEPTION_FINAL_POOL = tfgan.INCEPTION_FINAL_POOL
except ImportError:  # TF-GAN's constants, for Pythons that it does not import on
    tensorflow_hub = None
    INCEPTION_TFHUB, INCEPTION_SIZE = "https://tfhub.dev/tensorflow/tfgan/eval/inception/1", 299
    INCEPTION_FINAL_POOL = "pool_3"

KERAS_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
KERAS_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{KERAS_FILE}"
_RESIZE = "bicubic"  # clean-fid's
_OTHERS = "or measure in another network: inception-keras, resnet18 or saved_model:FOLDER"


def inception_2015(folder: str | None = None) -> FeatureNetwork:
    """Loads the network of FID: InceptionV3 as released in 2015, layer pool_3, TF-GAN's module on TensorFlow Hub.

    The module and the layer are those of `tfgan.eval.run_inception`; the resizing is clean-fid's. Tested with a
    stand-in for the module, not yet with the module itself.

    Args:
        folder: The unpacked module; downloaded without it.

    Raises:
        UserError: The module cannot be loaded.
    """
    if folder is not None and not Path(folder, "saved_model.pb").is_file():
        raise UserError(f"features 'inception-2015:{folder}': the folder holds no saved_model.pb; {_get_2015()}")
    try:
        place = folder or _fetched()
        module = load_saved_model(Path(place))
    except UserError:
        raise
    except Exception as error:  # urllib, a proxy or the file system may raise anything
        raise UserError(f"the InceptionV3 of FID cannot be loaded ({one_line(error)[:200]}); {_get_2015()}") from None

    @tf.function(input_signature=[tf.TensorSpec([None, *[INCEPTION_SIZE] * 2, 3], tf.float32)], autograph=False)
    def features(images: tf.Tensor) -> tf.Tensor:
        pooled = module(images / 127.5 - 1.0)[INCEPTION_FINAL_POOL]
        return tf.reshape(pooled, [tf.shape(images)[0], -1])

    layer = f"{INCEPTION_FINAL_POOL} of {INCEPTION_TFHUB}"
    dimension, digest = features(tf.zeros([1, *[INCEPTION_SIZE] * 2, 3])).shape[-1], sha256_of(place)
    return FeatureNetwork(
        "InceptionV3 of 2015", layer, digest, INCEPTION_SIZE, _RESIZE, dimension, lambda b: features(b).numpy(), True
    )


def _fetched() -> str:
    if tensorflow_hub is not None:
        return tensorflow_hub.resolve(INCEPTION_TFHUB)
    url = f"{INCEPTION_TFHUB}?tf-hub-format=compressed"
    return tf.keras.utils.get_file("tfgan-inception-1.tar.gz", url, cache_subdir="models", extract=True)


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

    return keras_network("InceptionV3 of keras.applications", "last, mean-pooled", file, model, 299, _RESIZE)


def _get_2015() -> str:
    return (
        f"download {INCEPTION_TFHUB}?tf-hub-format=compressed, unpack it and give "
        f"--features inception-2015:FOLDER; {_OTHERS}"
    )
