import numpy as np
import pytest

from animegan3_tf.export.mobile import mobile_generator
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


def test_an_unknown_padding(generator):
    with pytest.raises(ValueError, match="padding is 'mirror'; it must be one of slices, op"):
        mobile_generator(generator, padding="mirror")
