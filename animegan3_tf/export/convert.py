"""Writes a generator in each format: SavedModel, ONNX, and TFLite in float32, float16, dynamic range and int8."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.util import modify_model_io_type
from tensorflow.lite.tools import flatbuffer_utils
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from animegan3_tf.common.console import silence
from animegan3_tf.common.files import work_folder
from animegan3_tf.export.mobile import mobile_generator
from animegan3_tf.export.plan import Card
from animegan3_tf.models.exported import CARD, OPSET
from animegan3_tf.models.weights import KERAS_3, plain
from animegan3_tf.networks.architectures import MULTIPLE


def write_saved_model(path: Path, generator: tf.keras.Model, card: Card, multiple: int = MULTIPLE) -> None:
    """Writes a SavedModel with two signatures, both from `photo` to `anime`, for any height and width from 16.

    The signature `serving_default` takes and returns float32 in [-1, 1]; `uint8` takes and returns 0..255.

    Args:
        path: The folder to write, which does not exist yet.
        generator: A deployed generator, [N, H, W, 3] in [-1, 1].
        card: The description, written into the folder.
        multiple: The generator takes sides that are multiples of this; the SavedModel pads to them by reflection.
    """

    def forward(photo: tf.Tensor) -> tf.Tensor:
        height, width = tf.unstack(tf.shape(photo)[1:3])
        padding = [[0, 0], [0, -height % multiple], [0, -width % multiple], [0, 0]]
        anime = generator(tf.pad(photo, padding, mode="REFLECT"), training=False)
        return anime[:, :height, :width]

    def serving_default(photo: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"anime": forward(photo)}

    def uint8(photo: tf.Tensor) -> dict[str, tf.Tensor]:
        anime = forward(tf.cast(photo, tf.float32) / 127.5 - 1.0)
        return {"anime": tf.cast(tf.clip_by_value(tf.round((anime + 1.0) * 127.5), 0.0, 255.0), tf.uint8)}

    archive = tf.__internal__.tracking.AutoTrackable()
    # of TensorFlow, which Keras 3 wraps: its own ExportArchive writes them twice
    archive.variables = [plain(variable) for variable in generator.variables]
    archive.trainable_variables = [plain(variable) for variable in generator.trainable_variables]
    shape, signatures = [None, None, None, 3], {}
    for function, dtype in ((serving_default, tf.float32), (uint8, tf.uint8)):
        traced = tf.function(function, [tf.TensorSpec(shape, dtype, "photo")], autograph=False)
        signatures[function.__name__] = traced
        setattr(archive, function.__name__, traced)
    with silence():
        tf.saved_model.save(archive, str(path), signatures)
    (path / CARD).parent.mkdir(exist_ok=True)
    (path / CARD).write_text(json.dumps(card.to_dict(), indent=2) + "\n", encoding="utf-8")


def convert_onnx(generator: tf.keras.Model, card: Card) -> bytes:
    """Converts a generator to an ONNX file.

    Args:
        generator: A deployed generator, [N, H, W, 3] in [-1, 1].
        card: The description that goes into the file's metadata.

    Returns:
        The file's bytes. It maps `photo`, float32 [1, H, W, 3] in [-1, 1], to `anime`; H and W are open and must be
        multiples of the architecture's.
    """
    import tf2onnx

    # ONNX Runtime pads by reflection in one operation
    twin = mobile_generator(generator, padding="op")
    signature = [tf.TensorSpec([1, None, None, 3], tf.float32, "photo")]
    function = tf.function(lambda photo: {"anime": twin(photo, training=False)}, signature, autograph=False)
    with silence():
        model, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET)
    model.doc_string = card.description
    for end in (model.graph.input[0], model.graph.output[0]):
        for dimension, name in zip(end.type.tensor_type.shape.dim[1:3], ("height", "width")):
            dimension.dim_param = name
    for name, text in card.to_dict().items():
        model.metadata_props.add(key=name, value=text)
    return model.SerializeToString()


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
    with warnings.catch_warnings():  # newer TensorFlow warns of the interpreter that its own debugger uses
        warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter")
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter,
            debug_dataset=lambda: ([np.zeros_like(photos[:1])] for _ in range(1)),
            debug_options=options,
        )
    content = debugger.get_nondebug_quantized_model()
    return {"int8": content, "int8_uint8io": modify_model_io_type(content, tf.uint8, tf.uint8)}


_FIRST_SIZE = 256


def convert_tflite(
    generator: tf.keras.Model, size: int | None, precisions: Sequence[str], calibration: np.ndarray | None = None
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
    with work_folder() as folder, silence():
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
    with work_folder() as folder, silence():
        _save(model, size, folder)
        return _converter(folder).convert()


def _with_first_size(content: bytes) -> bytes:
    """Sets the initial size of a file of open sizes to 256x256: the converter's 1x1 is too small to be reflected."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [1, _FIRST_SIZE, _FIRST_SIZE, 3]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _save(model: tf.keras.Model, size: int | None, folder: Path) -> None:
    module = tf.Module()
    module.model = model
    signature = [tf.TensorSpec([1, size, size, 3], tf.float32, "photo")]
    function = tf.function(lambda photo: {"anime": model(photo, training=False)}, signature, autograph=False)
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    if KERAS_3:  # constants here: the converter would leave the variables in the file, without their values
        function, module = convert_variables_to_constants_v2(function.get_concrete_function()), tf.Module()
    tf.saved_model.save(module, str(folder), {"serving_default": function}, options)


def _converter(folder: Path, precision: str = "float32") -> tf.lite.TFLiteConverter:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=["serving_default"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter
