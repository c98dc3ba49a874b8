import os

import numpy as np
import pytest
import tensorflow as tf
from helpers.prepared_folders import picture
from helpers.tiny_training import resnet_arrays, write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import find_images, write_image
from animegan3_tf.evaluation.features import FeatureNetwork, FeatureStore, load_features


@pytest.fixture
def means():
    """A network that counts what it is asked: the mean colour of each picture."""
    asked = []

    def forward(batch):
        asked.append(len(batch))
        return batch.mean(axis=(1, 2))

    return FeatureNetwork("mean colour", "pixels", "0" * 64, 8, "bilinear, antialiased", 3, forward), asked


def test_features_are_computed_once_for_each_content(tmp_path, means):
    network, asked = means
    write_pictures(tmp_path / "photos", 40)
    first_photo, *_ = find_images(tmp_path / "photos")
    (tmp_path / "photos" / "again.png").write_bytes(first_photo.read_bytes())
    (tmp_path / "photos" / "broken.png").write_bytes(b"nothing")
    paths = find_images(tmp_path / "photos")
    store = FeatureStore(network, tmp_path / "cache")
    first = store.features(paths, tmp_path / "first")
    assert sum(asked) == 40
    assert [path.name for path in first.rejected] == ["broken.png"]
    assert first.rows.shape == (41, 3)
    assert first.paths == [path for path in paths if path.name != "broken.png"]
    by_name = dict(zip((path.name for path in first.paths), np.array(first.rows)))
    np.testing.assert_array_equal(by_name["again.png"], by_name[first_photo.name])

    again = store.features(paths, tmp_path / "again")
    assert sum(asked) == 40
    np.testing.assert_array_equal(again.rows, first.rows)

    write_image(first_photo, picture(77))
    store.features(find_images(tmp_path / "photos"), tmp_path / "third")
    assert sum(asked) == 41


def test_a_half_written_entry_is_made_anew(tmp_path, means):
    network, asked = means
    write_pictures(tmp_path / "photos", 1)
    store = FeatureStore(network, tmp_path / "cache")
    rows = np.array(store.features(find_images(tmp_path / "photos"), tmp_path / "a").rows)
    (entry,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    entry.write_bytes(entry.read_bytes()[:5])
    np.testing.assert_array_equal(store.features(find_images(tmp_path / "photos"), tmp_path / "b").rows, rows)
    assert asked == [1, 1]


def test_other_weights_or_resizing_have_other_keys(means):
    network, _ = means
    keys = {network.key}
    for values in (("1" * 64, 8, "bilinear, antialiased"), ("0" * 64, 8, "bicubic, antialiased")):
        keys.add(FeatureNetwork(network.name, network.layer, *values, 3, network.forward).key)
    assert len(keys) == 3


def test_a_saved_model_gives_its_own_features(tmp_path):
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, 12, 12, 3], tf.float32, name="picture")])
    def serve(picture):
        return {"features": tf.reduce_max(picture, (1, 2))}

    tf.saved_model.save(module, str(tmp_path / "brightest"), signatures=serve)
    network = load_features(f"saved_model:{tmp_path / 'brightest'}")
    assert (network.size, network.dimension, network.is_fid) == (12, 3, False)
    assert network.name == "SavedModel brightest"
    image = np.zeros((12, 12, 3), np.uint8)
    image[3, 4] = 7, 200, 9
    np.testing.assert_array_equal(network.forward(network.prepare(image)[None]), [[7, 200, 9]])


def test_the_half_resnet_is_named_and_not_fid(tmp_path):
    np.savez(tmp_path / "half.npz", **resnet_arrays())
    network = load_features(f"resnet18:{tmp_path / 'half.npz'}")
    assert (network.size, network.dimension, network.is_fid) == (224, 256, False)
    assert network.name == "half ResNet-18 of anime-or-not"
    assert network.forward(network.prepare(picture(0))[None]).shape == (1, 256)


def test_inception_of_a_folder_gives_pool_3(tmp_path):
    class Stand(tf.Module):
        """What TF-GAN's module looks like from outside."""

        @tf.function(input_signature=[tf.TensorSpec([None, 299, 299, 3], tf.float32)])
        def __call__(self, images):
            return {"logits": images[:, 0, 0], "pool_3": tf.reduce_mean(images, (1, 2), keepdims=True)}

    tf.saved_model.save(Stand(), str(tmp_path / "module"))
    network = load_features(f"inception-2015:{tmp_path / 'module'}")
    assert (network.size, network.dimension, network.resize, network.is_fid) == (299, 3, "bicubic, antialiased", True)
    white = np.full((10, 10, 3), 255, np.uint8)
    np.testing.assert_allclose(network.forward(network.prepare(white)[None]), [[127 / 128] * 3], atol=1e-6)


def test_inception_of_keras_takes_a_file(tmp_path, monkeypatch):
    (tmp_path / "weights.h5").write_bytes(b"weights")
    asked = []

    def stand(*arguments, **options):
        asked.append((*arguments, options["pooling"]))
        picture = tf.keras.Input(options["input_shape"])
        return tf.keras.Model(picture, tf.keras.layers.GlobalAveragePooling2D()(picture))

    monkeypatch.setattr(tf.keras.applications, "InceptionV3", stand)
    network = load_features(f"inception-keras:{tmp_path / 'weights.h5'}")
    assert asked == [(False, str(tmp_path / "weights.h5"), "avg")]
    assert (network.size, network.dimension, network.resize, network.is_fid) == (299, 3, "bicubic, antialiased", False)
    batch = network.prepare(picture(0))[None]
    expected = tf.keras.applications.inception_v3.preprocess_input(batch.copy()).mean(axis=(1, 2))
    np.testing.assert_allclose(network.forward(batch), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("specification", "words"),
    [
        ("inception", "features 'inception' are not known; give inception-2015"),
        ("saved_model", "features 'saved_model' are not known"),
        ("resnet18:none.npz", "'none.npz' does not exist"),
        (
            "inception-2015:.",
            "the folder holds no saved_model.pb; get it with: animegan3 networks get inception-2015, or measure in",
        ),
        ("saved_model:.", "is not a SavedModel, or it is damaged"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(specification, words):
    with pytest.raises(UserError) as caught:
        load_features(specification)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_its_file_the_command_that_gets_it_is_named():
    with pytest.raises(UserError, match="is missing or cut short; get it with: animegan3 networks get inception-2015"):
        load_features("inception-2015")


def test_a_cache_that_cannot_be_written_is_told_once_and_done_without(tmp_path, means, monkeypatch):
    network, asked = means
    write_pictures(tmp_path / "photos", 40)
    paths, told = find_images(tmp_path / "photos"), []
    expected = np.array(FeatureStore(network, tmp_path / "cache").features(paths, tmp_path / "a").rows)
    (tmp_path / "file").touch()
    store = FeatureStore(network, tmp_path / "file", told.append)
    found = store.features(paths, tmp_path / "b")
    assert not found.rejected
    np.testing.assert_array_equal(found.rows, expected)
    store.features(paths, tmp_path / "c")
    assert sum(asked) == 80  # kept for this run
    (line,) = told
    assert line.startswith(f"cache '{tmp_path / 'file'}' cannot be written (Not a directory); ")

    def full(self, content):
        with open(self, "wb") as file:
            file.write(content[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(tmp_path), "write_bytes", full)
    rows = FeatureStore(network, tmp_path / "full", told.append).features(paths, tmp_path / "d").rows
    np.testing.assert_array_equal(rows, expected)
    assert "(No space left on device)" in told[1]
    assert [path for path in (tmp_path / "full").rglob("*") if path.is_file()] == []


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="Windows cannot set space aside")
def test_no_room_for_the_rows_is_one_line(tmp_path, means, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    write_pictures(tmp_path / "photos", 1)
    monkeypatch.setattr(os, "posix_fallocate", full)
    words = r"has no room for 12 bytes of features \(No space left on device\); set TMPDIR to another"
    with pytest.raises(UserError, match=words):
        FeatureStore(means[0], tmp_path / "cache").features(find_images(tmp_path / "photos"), tmp_path / "a")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_a_named_pipe_is_refused(tmp_path, means):
    write_pictures(tmp_path / "photos", 1)
    os.mkfifo(tmp_path / "photos" / "pipe.jpg")
    found = FeatureStore(means[0], tmp_path / "cache").features(find_images(tmp_path / "photos"), tmp_path / "a")
    assert len(found.paths) == 1
    assert "is not a regular file" in found.rejected[tmp_path / "photos" / "pipe.jpg"]
