import numpy as np
import pytest

from animegan3_tf.export.mobile import mobile_generator
from animegan3_tf.models.weights import build_deployed
from animegan3_tf.networks import build_generator


def noise(height, width):
    return np.random.default_rng(0).uniform(-1, 1, (1, height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("padding", ["slices", "op"])
@pytest.mark.parametrize("shape", [(16, 40), (None, None)])
def test_the_twin_is_the_same_function(generator, padding, shape):
    photo = noise(16, 40)
    twin = mobile_generator(generator, shape, padding)
    assert not twin.weights  # constants
    np.testing.assert_allclose(twin(photo), generator(photo, training=False), atol=1e-5)


def test_the_upsampling_grid_stays_that_of_the_weights():
    generator = build_generator(tails="main", resize="legacy")
    photo = noise(16, 16)
    np.testing.assert_allclose(
        mobile_generator(generator, (16, 16))(photo), generator(photo, training=False), atol=1e-5
    )


@pytest.mark.parametrize("padding", ["slices", "op"])
@pytest.mark.parametrize("architecture", ["animegan1", "animegan2", "jp_face", "tiny"])
def test_the_other_generators(architecture, padding):
    generator = build_deployed(architecture, "legacy")
    draw = np.random.default_rng(1)
    for weight in generator.weights:  # gamma, beta and biases begin at one and zero, where an error would not show
        weight.assign(weight + draw.normal(0, 0.05, weight.shape))
    size = (32, 48) if architecture == "tiny" else (16, 24)
    photo = noise(*size)
    twin = mobile_generator(generator, size, padding)
    assert not twin.weights
    # AnimeGAN itself rounds by 3e-5
    np.testing.assert_allclose(twin(photo), generator(photo, training=False), atol=1e-4)


def test_constants_and_normalisation_stay_those_of_the_weights():
    epsilons = {"lade": 0.5, "attention": 0.25, "attention_norm": 0.125}
    generator = build_deployed("animegan3", "legacy", epsilons=epsilons, attention_norm="layer")
    photo = noise(16, 16)
    np.testing.assert_allclose(mobile_generator(generator, (16, 16))(photo), generator(photo), atol=1e-5)


def test_an_unknown_padding(generator):
    with pytest.raises(ValueError, match="padding is 'mirror'; it must be one of slices, op"):
        mobile_generator(generator, padding="mirror")
