"""8-bit arithmetic for the convolutions, floats where 8 bits would show: TFLite's selective quantisation."""

import numpy as np
import tensorflow as tf

# TensorFlow 2.15's converter makes bytes of a model's ends itself, but not of one quantised selectively.
from tensorflow.lite.python.util import modify_model_io_type

# LADE's moments, the attention's weights and what is computed from them stay float. Wholly in 8 bits the worst of four
# portraits came out at 26.5 dB, so at 33.7 dB.
FLOAT_OPERATIONS = [
    *("MEAN", "SQUARED_DIFFERENCE", "RSQRT", "SQRT", "MUL", "ADD", "SUB", "LEAKY_RELU"),
    *("EXP", "DIV", "MAX_POOL_2D"),
]


def convert_int8(converter, calibration):
    """Quantises a model after the photos it will see; returns {"int8": bytes, "int8_uint8io": bytes}.

    converter: a `TFLiteConverter` of a fixed size. calibration: float32 [N, H, W, 3] in [-1, 1].
    The first file takes and gives floats in [-1, 1], the second bytes (0..255).
    """
    photos = calibration.copy()
    photos[0, 0, 0], photos[0, 0, 1] = -1.0, 1.0  # the range of the input is that of bytes, whatever the photos have
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
