"""What every layer of the package must do, checked in one place."""

import numpy as np
import tensorflow as tf


def check_layer(make, channels=4, tmp_path=None):
    """Config round trip, dynamic sizes, `tf.function`, save and load, half precision.

    make: a function without arguments that returns a fresh layer for inputs [N, H, W, channels].
    """
    layer = make()
    clone = type(layer).from_config(layer.get_config())
    assert clone.get_config() == layer.get_config()

    image = tf.keras.Input((None, None, channels))
    model = tf.keras.Model(image, layer(image))
    compiled = tf.function(model, input_signature=[tf.TensorSpec([None, None, None, channels])])
    for size in ((8, 8), (16, 24)):
        x = tf.random.stateless_normal([2, *size, channels], seed=size)
        y = model(x)
        assert tuple(y.shape)[1:] == tuple(layer.compute_output_shape((2, *size, channels)))[1:]
        np.testing.assert_allclose(compiled(x), y, atol=1e-4)

    model.save(tmp_path / "layer.keras")
    loaded = tf.keras.models.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(loaded(x), model(x))

    half = type(layer).from_config({**layer.get_config(), "dtype": "mixed_float16"})
    half.build(x.shape)
    half.set_weights(layer.get_weights())
    low = half(tf.cast(x, tf.float16))
    assert low.dtype == tf.float16
    np.testing.assert_allclose(tf.cast(low, tf.float32), y, atol=0.03, rtol=0.03)
