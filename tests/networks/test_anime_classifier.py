import numpy as np
import pytest
import tensorflow as tf
from helpers.golden import shared

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import find_images, read_image
from animegan3_tf.networks.measuring import (
    SHORTCUTS,
    STAGES,
    build_anime_classifier,
    installed_classifier,
    read_anime_classifier,
)


def random_weights():
    rng, weights, fan_in = np.random.default_rng(0), {}, 64

    def add(number, out, fan_in, size):
        weights[str(number)] = rng.normal(0, np.sqrt(1 / (fan_in * size**2)), (out, fan_in, size, size))
        weights[str(number + 1)] = rng.normal(0, 0.1, out)

    add(193, 64, 3, 7)
    for channels, numbers in STAGES.items():
        for number, inputs in zip(numbers, (fan_in, channels, channels, channels)):
            add(number, channels, inputs, 3)
        if channels in SHORTCUTS:
            add(SHORTCUTS[channels], channels, fan_in, 1)
        fan_in = channels
    weights.update({"fc.weight": rng.normal(size=(2, 512)), "fc.bias": rng.normal(size=2)})
    return weights


def by_the_paper(weights, image):
    """ResNet-18 (He et al., 2016) in NumPy's order of axes, with operations instead of layers."""

    def conv(x, number, stride=1):
        kernel = tf.constant(weights[str(number)].transpose(2, 3, 1, 0))
        pad = kernel.shape[0] // 2
        padding = [[0, 0], [pad, pad], [pad, pad], [0, 0]]
        return tf.nn.conv2d(x, kernel, stride, padding) + weights[str(number + 1)]

    x = tf.nn.relu(conv((image + 1) / 2 * (1 / STD) - MEAN / STD, 193, 2))
    x = tf.nn.max_pool2d(x, 3, 2, [[0, 0], [1, 1], [1, 1], [0, 0]])
    for channels, (a, b, c, d) in STAGES.items():
        same = conv(x, SHORTCUTS[channels], 2) if channels in SHORTCUTS else x
        x = tf.nn.relu(same + conv(tf.nn.relu(conv(x, a, 2 if channels in SHORTCUTS else 1)), b))
        x = tf.nn.relu(x + conv(tf.nn.relu(conv(x, c)), d))
    features = tf.reduce_mean(x, (1, 2)).numpy()
    return features, features @ weights["fc.weight"].T + weights["fc.bias"]


MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def test_it_is_a_resnet_18():
    weights = random_weights()
    model = build_anime_classifier(weights)
    image = np.random.default_rng(1).uniform(-1, 1, (1, 224, 224, 3))
    features, logits = by_the_paper(weights, image)
    found = model(image.astype(np.float32))
    np.testing.assert_allclose(found["features"], features, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found["logits"], logits, rtol=1e-3, atol=1e-3)
    # torchvision's 11,689,512 without its 513,000 of the head and 4,800 of batch norm's 9,600, with 1,026 of this head
    assert sum(np.size(w) for w in weights.values()) == model.count_params() == 11_172_738


def test_the_wheels_own_network_under_onnx_runtime_agrees():
    pytest.importorskip("onnx", reason="the extra 'resnet18' is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    path = installed_classifier()
    if path is None:
        pytest.skip("the wheel anime-or-not is not installed")
    model = build_anime_classifier(read_anime_classifier(path))
    photos, anime = (
        np.stack(
            [tf.image.resize(read_image(path).rgb, (224, 224)) for path in find_images(shared("data", *parts))[:8]]
        )
        for parts in (("selfie2anime", "photo"), ("selfie2anime", "anime"))
    )
    images = np.concatenate([photos, anime]).astype(np.float32)
    inputs = ((images / 255 - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32)
    (expected,) = runtime.InferenceSession(str(path)).run(None, {"input": inputs})
    logits = model(images / 127.5 - 1)["logits"].numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    likeness = tf.nn.softmax(logits)[:, 1].numpy()
    assert likeness[:8].mean() < 0.1 < likeness[8:].mean()


def test_another_file_is_refused_in_one_line(tmp_path):
    pytest.importorskip("onnx", reason="the extra 'resnet18' is not installed")
    (tmp_path / "a.onnx").write_bytes(b"\x00nothing")
    with pytest.raises(UserError, match=r"a.onnx' is not the classifier of anime-or-not 0.0.7"):
        read_anime_classifier(tmp_path / "a.onnx")
