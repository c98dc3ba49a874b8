import numpy as np
import pytest
import tensorflow as tf
from helpers.prepared_folders import picture
from helpers.tiny_training import resnet_arrays

from animegan3_tf.common.errors import UserError
from animegan3_tf.evaluation.image_scores import load_perceptual_distance

# AlexNet's convolutions in the package lpips: outputs, inputs, size, stride, padding
LAYERS = {
    "net.slice1.0": (64, 3, 11, 4, 2),
    "net.slice2.3": (192, 64, 5, 1, 2),
    "net.slice3.6": (384, 192, 3, 1, 1),
    "net.slice4.8": (256, 384, 3, 1, 1),
    "net.slice5.10": (256, 256, 3, 1, 1),
}


def lpips_arrays():
    rng = np.random.default_rng(0)
    arrays = {}
    for number, (name, (out, inputs, size, _, _)) in enumerate(LAYERS.items()):
        arrays[f"{name}.weight"] = rng.normal(0, np.sqrt(2 / (inputs * size**2)), (out, inputs, size, size))
        arrays[f"{name}.bias"] = rng.normal(0, 0.1, out)
        arrays[f"lin{number}.model.1.weight"] = rng.uniform(0, 1, (1, out, 1, 1))
    return arrays


def by_the_package(arrays, first, second):
    """LPIPS as the package lpips computes it, in operations: AlexNet's features, unit length, weights, means, sum."""

    def features(rgb):
        x = (tf.constant(rgb[None] / 127.5 - 1) - [-0.030, -0.088, -0.188]) / [0.458, 0.448, 0.450]
        for number, (name, (*_, stride, pad)) in enumerate(LAYERS.items()):
            if number in (1, 2):
                x = tf.nn.max_pool2d(x, 3, 2, "VALID")
            kernel = arrays[f"{name}.weight"].transpose(2, 3, 1, 0)
            x = tf.nn.relu(
                tf.nn.conv2d(x, kernel, stride, [[0, 0], [pad, pad], [pad, pad], [0, 0]]) + arrays[f"{name}.bias"]
            )
            yield x.numpy()

    total = 0.0
    for number, (a, b) in enumerate(zip(features(first), features(second))):
        a, b = (x / (np.sqrt((x**2).sum(-1, keepdims=True)) + 1e-10) for x in (a, b))
        total += ((a - b) ** 2 @ arrays[f"lin{number}.model.1.weight"].ravel()).mean()
    return total


def test_lpips_of_a_file_is_what_the_package_computes(tmp_path):
    arrays = lpips_arrays()
    np.savez(tmp_path / "lpips.npz", **arrays)
    distance = load_perceptual_distance(f"lpips:{tmp_path / 'lpips.npz'}")
    assert (distance.name, distance.is_lpips) == ("LPIPS (AlexNet)", True)
    first, second = picture(0, 96), picture(1, 96)
    assert distance(first, second) == pytest.approx(by_the_package(arrays, first, second), rel=1e-4)
    assert distance(first, first) == 0.0


def test_the_stand_in_is_not_called_lpips(tmp_path):
    np.savez(tmp_path / "half.npz", **resnet_arrays())
    distance = load_perceptual_distance(f"resnet18:{tmp_path / 'half.npz'}")
    assert not distance.is_lpips
    assert "LPIPS" not in distance.name
    photo = picture(0, 64)
    near, far = (np.clip(photo + np.random.default_rng(1).normal(0, s, photo.shape), 0, 255) for s in (5, 60))
    assert 0 < distance(photo, near.astype(np.uint8)) < distance(photo, far.astype(np.uint8))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.pop("lin3.model.1.weight"), "array lin3.model.1.weight is missing, expected (1, 256, 1, 1)"),
        (lambda a: a.update({"net.slice1.0.bias": np.zeros(3)}), "array net.slice1.0.bias is (3,), expected (64,)"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_how_to_make_one(tmp_path, change, words):
    arrays = lpips_arrays()
    change(arrays)
    np.savez(tmp_path / "lpips.npz", **arrays)
    with pytest.raises(UserError) as caught:
        load_perceptual_distance(f"lpips:{tmp_path / 'lpips.npz'}")
    assert words in str(caught.value)
    assert 'lpips.LPIPS(net="alex")' in str(caught.value)


@pytest.mark.parametrize("specification", ["alex", "vgg19", ""])
def test_an_unknown_distance_is_refused(specification):
    with pytest.raises(UserError, match=r"is not known; give lpips\[:FILE\.tar\.gz or \.npz\], lpips-vgg"):
        load_perceptual_distance(specification)


@pytest.mark.parametrize("specification", ["lpips", "lpips-vgg"])
def test_lpips_that_is_not_there_says_how_to_get_it(specification):
    with pytest.raises(UserError, match="is missing or cut short; get it with: animegan3 networks get lpips"):
        load_perceptual_distance(specification)
