"""The generator as TFLite files, one a precision."""

import tempfile

import tensorflow as tf
from tensorflow.lite.tools import flatbuffer_utils

from animegan3_tf.export.int8 import convert_int8
from animegan3_tf.export.mobile import mobile_generator
from animegan3_tf.export.silence import silence

_FIRST_SIZE = 256


def convert_tflite(generator, size, precisions, calibration=None):
    """Converts to builtin ops; returns {precision: the file's bytes}.

    generator: a deployed one. size: height and width, or None to leave both open, which only float32 can.
    precisions: of `plan.PRECISIONS`. float16 and dynamic (int8) are how the weights are stored; int8 computes in
        8 bits, needs `calibration`, photos float32 [N, size, size, 3] in [-1, 1], and gives a second file,
        "int8_uint8io", whose input and output are bytes.
    """
    # From a SavedModel: conversion from concrete functions has given NaN without an error.
    with tempfile.TemporaryDirectory() as folder, silence():
        _save(mobile_generator(generator, (size, size)), size, folder)
        contents = {}
        for precision in precisions:
            if precision == "int8":
                contents |= convert_int8(_converter(folder), calibration)
            else:
                contents[precision] = _converter(folder, precision).convert()
    return contents if size else {name: _with_first_size(content) for name, content in contents.items()}


def convert_as_it_is(model, size):
    """A float32 file of any model from and to [1, size, size, 3], with no change of form, to compare with."""
    with tempfile.TemporaryDirectory() as folder, silence():
        _save(model, size, folder)
        return _converter(folder).convert()


def _with_first_size(content):
    """A file of open sizes begins at 1x1, which is too little to reflect: at 256x256 instead it can be allocated."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [1, _FIRST_SIZE, _FIRST_SIZE, 3]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _save(model, size, folder):
    module = tf.Module()
    module.model = model
    signature = [tf.TensorSpec([1, size, size, 3], tf.float32, "photo")]
    function = tf.function(lambda photo: {"anime": model(photo, training=False)}, signature, autograph=False)
    tf.saved_model.save(module, folder, signatures={"serving_default": function})


def _converter(folder, precision="float32"):
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter
