import numpy as np
import pytest
import tensorflow as tf
from helpers.golden import golden

from animegan3_tf.models.weights import named_weights
from animegan3_tf.networks.animegan1 import build_animegan1, build_animegan1_discriminator
from animegan3_tf.networks.animegan2 import build_animegan2, build_animegan2_discriminator

THEIRS = {  # layer of ours -> scope of the original code
    "conv_in_conv": "conv_0",
    "level_1_down_conv": "conv_s2_1",
    "level_1_conv": "conv_s1_1",
    "level_1_norm": "1_norm_1",
    "level_2_down_conv": "conv_s2_2",
    "level_2_conv": "conv_s1_2",
    "level_2_norm": "1_norm_2",
    "last_conv": "last_conv",
    "last_norm": "2_ins_norm",
    "logit_conv": "D_logit",
}
ROLES = {"sn_u": "u"}


def load_discriminator(model, arrays):
    for name, weight in named_weights(model).items():
        layer, role = name.split("/")
        weight.assign(arrays[f"var:discriminator/{THEIRS[layer]}/{ROLES.get(role, role)}"])


def test_animegan2s_discriminator_answers_as_the_original_code():
    arrays = np.load(golden("v2", "discriminator.npz"))
    model = build_animegan2_discriminator()
    load_discriminator(model, arrays)
    np.testing.assert_allclose(model(arrays["input"], training=True), arrays["logit"], atol=1e-4)
    for layer in ("conv_in_conv", "last_conv", "logit_conv"):
        expected = arrays[f"u_after_one_call:discriminator/{THEIRS[layer]}/u"]
        np.testing.assert_allclose(named_weights(model)[f"{layer}/sn_u"], expected, atol=1e-5)


def test_animegan1s_discriminator_is_animegan2s_but_for_its_normalisation():
    shapes = [
        {name: tuple(weight.shape) for name, weight in named_weights(build()).items()}
        for build in (build_animegan1_discriminator, build_animegan2_discriminator)
    ]
    assert shapes[0] == shapes[1]
    assert build_animegan1_discriminator().get_layer("last_norm").epsilon == 1e-5


@pytest.mark.parametrize(
    ("build", "build_discriminator"),
    [(build_animegan1, build_animegan1_discriminator), (build_animegan2, build_animegan2_discriminator)],
)
@pytest.mark.parametrize("size", [(16, 16), (20, 36)])
def test_any_multiple_of_four_from_sixteen(build, build_discriminator, size):
    photo = tf.random.stateless_uniform([2, *size, 3], seed=(1, 2), minval=-1)
    image = build()(photo)
    assert image.shape == photo.shape
    assert float(tf.reduce_max(tf.abs(image))) <= 1
    assert build_discriminator()(photo).shape == (2, size[0] // 4, size[1] // 4, 1)


@pytest.mark.parametrize("build", [build_animegan1, build_animegan2])
def test_mixed_precision_keeps_the_image(build):
    full = build()
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half = build()
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    half.set_weights(full.get_weights())
    photo = tf.random.stateless_uniform([1, 32, 32, 3], seed=(3, 4), minval=-1)
    image = half(photo)
    assert image.dtype == tf.float32
    np.testing.assert_allclose(image, full(photo), atol=0.06)


@pytest.mark.parametrize("build", [build_animegan1, build_animegan2])
def test_the_resizing_grid_matters(build):
    legacy, half_pixel = build("legacy"), build("half_pixel")
    half_pixel.set_weights(legacy.get_weights())
    photo = tf.random.stateless_uniform([1, 32, 32, 3], seed=(3, 4), minval=-1)
    assert np.abs(legacy(photo) - half_pixel(photo)).max() > 1e-2
