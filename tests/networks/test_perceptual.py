import os
import pickle

import h5py
import numpy as np
import pytest
import tensorflow as tf
from helpers.golden import shared
from helpers.tiny_training import resnet_arrays

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.perceptual import load_perceptual, read_vgg19
from animegan3_tf.models.pickled import read_pickled_arrays
from animegan3_tf.networks.perceptual import random_vgg19


def gradient_image(size):
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    return np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], 0.0), axis=-1)[None].astype(np.float32)


@pytest.fixture(scope="module")
def vgg_weights():
    return random_vgg19()


@pytest.mark.parametrize("layout", ["block{}_conv{}/{}_W_1:0 {}_b_1:0", "block{}_conv{}/block{}/kernel:0 bias:0"])
def test_vgg19_from_a_keras_file(tmp_path, vgg_weights, layout):
    path = tmp_path / "vgg.h5"
    with h5py.File(path, "w") as file:
        for name, (kernel, bias) in vgg_weights.items():
            group = file.create_group(f"block{name[4]}_conv{name[6]}")
            nested = group if "_W_1" in layout else group.create_group(group.name.strip("/"))
            nested["kernel:0"], nested["bias:0"] = kernel, bias
    for name, (kernel, bias) in read_vgg19(path).items():
        np.testing.assert_array_equal(kernel, vgg_weights[name][0])
        np.testing.assert_array_equal(bias, vgg_weights[name][1])


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_vgg19_from_the_lineages_pickled_file_without_unpickling(tmp_path, vgg_weights, protocol):
    path = tmp_path / "vgg19.npy"
    dictionary = np.array({name: [kernel, bias] for name, (kernel, bias) in vgg_weights.items()})
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(dictionary))
        pickle.dump(dictionary, file, protocol=protocol)
    for name, arrays in read_vgg19(path).items():
        for ours, expected in zip(arrays, vgg_weights[name]):
            np.testing.assert_array_equal(ours, expected)


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def test_a_pickle_that_calls_anything_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("evil.npy", np.array({"conv1_1": Malicious()}), allow_pickle=True)
    with pytest.raises(ValueError, match="mkdir"):
        read_pickled_arrays("evil.npy")
    with pytest.raises(UserError, match=r"evil\.npy.*mkdir"):
        read_vgg19("evil.npy")
    assert not (tmp_path / "executed").exists()


def test_vgg19_misshapen_and_missing(tmp_path, vgg_weights):
    with pytest.raises(UserError, match=r"nowhere\.h5' do not exist; download https"):
        load_perceptual(f"vgg19:{tmp_path}/nowhere.h5")
    np.save(tmp_path / "plain.npy", np.zeros(3))
    with pytest.raises(UserError, match="does not hold a dictionary"):
        read_vgg19(tmp_path / "plain.npy")
    with h5py.File(tmp_path / "odd.h5", "w") as file:
        for name, (kernel, bias) in vgg_weights.items():
            group = file.create_group(f"block{name[4]}_conv{name[6]}")
            group["kernel"], group["bias"] = kernel[:1] if name == "conv3_1" else kernel, bias
    with pytest.raises(UserError, match=r"conv3_1 has kernel \(1, 3, 128, 256\)"):
        read_vgg19(tmp_path / "odd.h5")


def test_vgg19_is_not_believed(tmp_path):
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("block1_conv1/kernel", (3, 3, 3, 10**12), "f4")
    with pytest.raises(UserError, match=r"huge\.h5' cannot be read: 'kernel' declares 108,000,000,000,000 bytes"):
        read_vgg19(tmp_path / "huge.h5")
    endless = []
    endless.append(endless)
    np.save(tmp_path / "endless.npy", np.array({"conv1_1": endless}), allow_pickle=True)
    (tmp_path / "header.npy").write_bytes(b"\x93NUMPY\x01\x00\x02\x00((")
    for name in ("endless.npy", "header.npy"):
        with pytest.raises(UserError, match=rf"{name}' cannot be read: .*; download"):
            read_vgg19(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
@pytest.mark.parametrize("name", ["vgg19:p.h5", "vgg19:p.npy", "vgg19:p.whl", "resnet18:p.npz"])
def test_a_pipe_is_not_opened(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    os.mkfifo(name.partition(":")[2])
    with pytest.raises(UserError, match=r"'p\.\w+' is not a regular file"):
        load_perceptual(name)


def test_unknown_networks_and_taps():
    with pytest.raises(UserError, match="'alexnet' is not known"):
        load_perceptual("alexnet")
    with pytest.raises(UserError, match="no tap conv9_9"):
        load_perceptual("random", taps=["conv9_9"])
    with pytest.raises(UserError, match="needs its weights file"):
        load_perceptual("resnet18")


def test_random_is_seeded_and_frozen():
    images = gradient_image(32)
    first, second = (load_perceptual("random", taps=["conv1_2"]) for _ in range(2))
    np.testing.assert_array_equal(first(images)["conv1_2"], second(images)["conv1_2"])
    assert first.model.trainable_weights == []


def test_resnet18_pads_like_the_network_it_comes_from(tmp_path):
    """A constant image: the top left output of the stem sees 4x4 real pixels of its 7x7 window, stride 2, pad 3."""
    arrays = resnet_arrays()
    arrays["193"][:] = 0
    arrays["193"][0] = 1.0  # channel 0 sums the window of all three normalised colours
    np.savez(tmp_path / "r.npz", **arrays)
    network = load_perceptual(f"resnet18:{tmp_path}/r.npz", taps=["A"])
    white = (1 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    features = network(np.ones([1, 16, 16, 3], np.float32))["A"]
    assert features.shape == (1, 8, 8, 64)
    np.testing.assert_allclose(features[0, 0, 0, 0], 3.82 * 16 * white.sum(), rtol=1e-3)
    np.testing.assert_allclose(features[0, 4, 4, 0], 3.82 * 49 * white.sum(), rtol=1e-3)


def test_resnet18_taps_and_sizes(tmp_path):
    np.savez(tmp_path / "r.npz", **resnet_arrays())
    network = load_perceptual(f"resnet18:{tmp_path}/r.npz")
    shapes = {tap: tuple(value.shape) for tap, value in network(gradient_image(64)).items()}
    assert shapes == {"A": (1, 32, 32, 64), "B": (1, 16, 16, 64), "C": (1, 8, 8, 128)}
    assert network.scales == {"A": 1.0, "B": 1.0, "C": 1.0}
    assert network.gram_scales == {"A": 64.0, "B": 64.0, "C": 128.0}


def test_resnet18_errors(tmp_path):
    arrays = resnet_arrays()
    del arrays["211"]
    np.savez(tmp_path / "short.npz", **arrays)
    with pytest.raises(UserError, match="array 211 is missing"):
        load_perceptual(f"resnet18:{tmp_path}/short.npz")
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(UserError, match="cannot be read"):
        load_perceptual(f"resnet18:{tmp_path}/text.npz")


def test_the_shipped_resnet18_weights_have_the_documented_scale():
    """The first two taps were divided by their standard deviation over anime faces, so on them it is near 1."""
    path, folder = shared("weights", "resnet18_anime.npz"), shared("data", "selfie2anime", "anime")
    faces = [tf.io.decode_image(tf.io.read_file(str(p)), channels=3) for p in sorted(folder.iterdir())[:16]]
    features = load_perceptual(f"resnet18:{path}")(tf.cast(tf.stack(faces), tf.float32) / 127.5 - 1.0)
    for tap in "AB":
        assert 0.85 < np.std(features[tap]) < 1.15
