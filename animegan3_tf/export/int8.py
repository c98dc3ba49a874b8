"""Quantises a generator selectively: 8 bits for the convolutions, floats where 8 bits would be visible."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

# TensorFlow 2.15's converter gives a model byte inputs and outputs itself, but not a selectively quantised one.
from tensorflow.lite.python.util import modify_model_io_type

# LADE's moments, the attention's weights and what is computed from them stay float. The worst of four portraits had a
# PSNR of 33.7 dB then, and 26.5 dB with 8 bits throughout.
FLOAT_OPERATIONS = [
    *("MEAN", "SQUARED_DIFFERENCE", "RSQRT", "SQRT", "MUL", "ADD", "SUB", "LEAKY_RELU"),
    *("EXP", "DIV", "MAX_POOL_2D"),
]


def convert_int8(converter: tf.lite.TFLiteConverter, calibration: np.ndarray) -> dict[str, bytes]:
    """Quantises a model with ranges measured on photos.

    Args:
        converter: A converter of a model of fixed size.
        calibration: Photos like those that the model will see, float32 [N, H, W, 3] in [-1, 1].

    Returns:
        Two files: "int8", whose input and output are floats in [-1, 1], and "int8_uint8io", where they are bytes
        (0..255).
    """
    photos = calibration.copy()
    photos[0, 0, 0], photos[0, 0, 1] = -1.0, 1.0  # the input covers all byte values, even if the photos do not
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([photo[None]] for photo in photos)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=FLOAT_OPERATIONS)
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=lambda: ([np.zeros_like(photos[:1])] for _ in range(1)),
        debug_options=options,
    )
    content = debugger.get_nondebug_quantized_model()
    return {"int8": content, "int8_uint8io": modify_model_io_type(content, tf.uint8, tf.uint8)}
