import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.layers import LADE, ReflectConv2D, SpectralNormalization


def test_the_kernel_used_has_singular_value_one_and_the_kernel_kept_is_untouched():
    layer = SpectralNormalization(ReflectConv2D(2, 1))
    layer.build((None, None, None, 2))
    layer.layer.set_weights([np.diag([3.0, 1.0]).reshape(1, 1, 2, 2)])
    x = tf.constant([3.0, 3.0], shape=[1, 1, 1, 2])
    for _ in range(30):
        y = layer(x, training=True)
    np.testing.assert_allclose(np.ravel(y), [3.0, 1.0], rtol=1e-4)
    np.testing.assert_array_equal(np.diag(layer.layer.get_weights()[0][0, 0]), [3.0, 1.0])


def test_the_vector_rests_outside_training():
    layer = SpectralNormalization(LADE())
    x = tf.random.stateless_normal([1, 4, 4, 3], seed=(1, 2))
    layer(x, training=False)
    before = layer.u.numpy()
    layer(x, training=False)
    np.testing.assert_array_equal(layer.u.numpy(), before)
    layer(x, training=True)
    assert not np.array_equal(layer.u.numpy(), before)


@pytest.mark.parametrize("inner", [lambda: ReflectConv2D(3), lambda: LADE()])
def test_scaling_the_kernel_changes_nothing(inner):
    layer = SpectralNormalization(inner())
    x = tf.random.stateless_normal([1, 8, 8, 3], seed=(1, 2))
    y = layer(x, training=False)
    layer.layer.set_weights([5.0 * w for w in layer.layer.get_weights()])
    np.testing.assert_allclose(layer(x, training=False), y, atol=1e-4)


def test_save_and_load(tmp_path):
    image = tf.keras.Input((None, None, 3))
    model = tf.keras.Model(image, SpectralNormalization(ReflectConv2D(4), name="conv")(image))
    x = tf.random.stateless_normal([1, 8, 8, 3], seed=(3, 4))
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(tf.keras.models.load_model(tmp_path / "model.keras")(x), model(x))
