import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.networks.patch_discriminator import build_pair_discriminator


def images(seed, shape=(2, 24, 16, 3)):
    return tf.random.stateless_uniform(shape, seed=(seed, 0), minval=-1, maxval=1)


@pytest.fixture(scope="module")
def discriminator():
    tf.keras.utils.set_random_seed(0)
    return build_pair_discriminator()


def test_one_logit_for_each_eight_pixels(discriminator):
    assert discriminator([images(0), images(1)]).shape == (2, 3, 2, 1)


def test_it_sees_the_photo_too(discriminator):
    answers = [discriminator([images(seed), images(9)]).numpy() for seed in (0, 1)]
    assert np.abs(answers[0] - answers[1]).max() > 1e-3


def test_fine_lines_are_enlarged_four_times(discriminator):
    """What the first convolution gets of a flat drawing with one pixel 0.25 brighter, whose 5x5 mean is 0.01 above."""
    seen = tf.keras.Model(discriminator.inputs, discriminator.get_layer("seen").output)
    drawing = np.zeros((1, 16, 16, 3), np.float32)
    drawing[0, 8, 8] = 0.25
    found = seen([tf.ones([1, 16, 16, 3]), tf.constant(drawing)]).numpy()[0]
    assert found.shape == (16, 16, 9)
    np.testing.assert_allclose(found[8, 8], [1, 1, 1, *[0.25] * 3, *[4 * (0.25 - 0.01)] * 3], rtol=1e-5)
    np.testing.assert_allclose(found[7, 6, 6:], -4 * 0.01, rtol=1e-5)
    np.testing.assert_allclose(found[7, 5], [1, 1, 1, 0, 0, 0, 0, 0, 0], atol=1e-6)


def test_images_of_a_batch_do_not_see_each_other(discriminator):
    photo, drawing = images(2), images(3)
    together = discriminator([photo, drawing])
    tf.debugging.assert_near(together[:1], discriminator([photo[:1], drawing[:1]]), atol=1e-4)
