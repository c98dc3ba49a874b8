"""TFLite: float32, float16, dynamic range and int8."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.util import modify_model_io_type
from tensorflow.lite.tools import flatbuffer_utils

from animegan3_tf.common.runtime import silence
from animegan3_tf.export.mobile import mobile_generator

# TensorFlow 2.15's converter gives a model byte inputs and outputs itself, but not a selectively quantised one.

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


_FIRST_SIZE = 256


def convert_tflite(
    generator: tf.keras.Model,
    size: int | None,
    precisions: Sequence[str],
    calibration: np.ndarray | None = None,
) -> dict[str, bytes]:
    """Converts a generator to TFLite files of builtin ops.

    Args:
        generator: A deployed generator, [N, H, W, 3] in [-1, 1].
        size: Height and width in pixels; None leaves both open, which only float32 allows.
        precisions: Some of `plan.PRECISIONS`. With "float16" and "dynamic" (8 bits) the weights are stored so; with
            "int8" the convolutions compute in 8 bits.
        calibration: Photos for "int8", float32 [N, size, size, 3] in [-1, 1].

    Returns:
        {precision: the file's bytes}; "int8" adds "int8_uint8io", whose input and output are bytes.

    Raises:
        ValueError: "int8" has no calibration photos.
    """
    # From a SavedModel: conversion from concrete functions has given NaN without an error.
    with tempfile.TemporaryDirectory() as folder, silence():
        _save(mobile_generator(generator, (size, size)), size, folder)
        contents: dict[str, bytes] = {}
        for precision in precisions:
            if precision == "int8":
                if calibration is None:
                    raise ValueError("precision int8 needs calibration photos")
                contents |= convert_int8(_converter(folder), calibration)
            else:
                contents[precision] = _converter(folder, precision).convert()
    return contents if size else {name: _with_first_size(content) for name, content in contents.items()}


def convert_as_it_is(model: tf.keras.Model, size: int) -> bytes:
    """Converts any model from and to [1, size, size, 3] to a float32 file with no change of form, for comparison."""
    with tempfile.TemporaryDirectory() as folder, silence():
        _save(model, size, folder)
        return _converter(folder).convert()


def _with_first_size(content: bytes) -> bytes:
    """Sets the initial size of a file of open sizes to 256x256: the converter's 1x1 is too small to be reflected."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [1, _FIRST_SIZE, _FIRST_SIZE, 3]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _save(model: tf.keras.Model, size: int | None, folder: str) -> None:
    module = tf.Module()
    module.model = model
    signature = [tf.TensorSpec([1, size, size, 3], tf.float32, "photo")]
    function = tf.function(lambda photo: {"anime": model(photo, training=False)}, signature, autograph=False)
    tf.saved_model.save(module, folder, signatures={"serving_default": function})


def _converter(folder: str, precision: str = "float32") -> tf.lite.TFLiteConverter:
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter
