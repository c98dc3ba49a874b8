import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.models.weights import weight_name
from animegan3_tf.training.trainer import GeneratorAverage


def network():
    """One dense weight and a batch normalisation: what a generator is to its average."""
    picture = tf.keras.Input([1])
    x = tf.keras.layers.Dense(1, use_bias=False, name="dense")(picture)
    return tf.keras.Model(picture, tf.keras.layers.BatchNormalization(momentum=0.999, name="norm")(x))


def weights(model):
    return {weight_name(w): w for w in model.weights}


@pytest.fixture
def pair():
    return network(), network()


def average_of(pair, decay, values):
    source, average = pair
    dense = weights(source)["dense/kernel"]
    dense.assign([[values[0]]])
    ema = GeneratorAverage(source, average, decay)
    for step, value in enumerate(values[1:]):
        dense.assign([[value]])
        ema.update(tf.constant(step, tf.int64))
    return float(weights(average)["dense/kernel"][0, 0])


def test_it_starts_as_a_copy_that_is_not_trained(pair):
    source, average = pair
    weights(source)["dense/kernel"].assign([[3.0]])
    GeneratorAverage(source, average, 0.9)
    assert weights(average)["dense/kernel"] == 3.0
    assert average.trainable_weights == []
    assert len(source.trainable_weights) == 3


def test_early_steps_forget_the_start_faster(pair):
    # decays 1/10, 2/11: 0.1 * 0 + 0.9 * 1 = 0.9; (2 * 0.9 + 9 * 2) / 11 = 1.8
    assert average_of(pair, 0.998, [0.0, 1.0, 2.0]) == pytest.approx(1.8, rel=1e-6)


def test_the_decay_is_the_styles_once_it_is_the_smaller(pair):
    # 0.15 from step 1 on, where (1 + t) / (10 + t) is 2/11 = 0.18: 0.15 * 0.9 + 0.85 * 2 = 1.835
    assert average_of(pair, 0.15, [0.0, 1.0, 2.0]) == pytest.approx(1.835, rel=1e-6)


def test_late_steps_use_the_decay(pair):
    source, average = pair
    ema = GeneratorAverage(source, average, 0.998)
    weights(average)["dense/kernel"].assign([[1.0]])
    weights(source)["dense/kernel"].assign([[2.0]])
    ema.update(tf.constant(100_000, tf.int64))
    assert float(weights(average)["dense/kernel"][0, 0]) == pytest.approx(1.002, rel=1e-6)


@pytest.mark.parametrize("steps", [1, 5, 200])
def test_constant_batch_moments_are_those_of_the_average_at_any_age(pair, steps):
    """Batches of 1 and 5, 1 and 5, ...: mean 3, variance 4; the moving moments themselves still lean on 0 and 1."""
    source, average = pair
    weights(source)["dense/kernel"].assign([[1.0]])
    ema = GeneratorAverage(source, average, 0.998)
    batch = tf.constant([[1.0], [5.0]])

    @tf.function
    def step(number):
        source(batch, training=True)
        ema.update(number)

    for number in tf.range(steps, dtype=tf.int64):
        step(number)
    np.testing.assert_allclose(weights(average)["norm/moving_mean"], [3.0], rtol=1e-3)
    np.testing.assert_allclose(weights(average)["norm/moving_variance"], [4.0], rtol=1e-3)
    assert float(weights(source)["norm/moving_mean"][0]) == pytest.approx(3.0 * (1 - 0.999**steps), rel=1e-3)


def test_the_moments_are_their_own_and_not_averaged_again(pair):
    """Batch means 10 then 20: 0.999 * 10 / 1000 + 20 / 1000, over 1 - 0.999^2, is 15.0025."""
    source, average = pair
    weights(source)["dense/kernel"].assign([[1.0]])
    ema = GeneratorAverage(source, average, 0.5)
    for number, value in enumerate((10.0, 20.0)):
        source(tf.fill([4, 1], value), training=True)
        ema.update(tf.constant(number, tf.int64))
    np.testing.assert_allclose(weights(average)["norm/moving_mean"], [(9.99 + 20) / 1.999], rtol=1e-4)
