"""The generator as a TFLite file."""

import tempfile
from pathlib import Path

import tensorflow as tf

from animegan3_tf.files import whole_file


def write_tflite(path, generator, size):
    """Writes a float32 TFLite file for [1, size, size, 3] in [-1, 1], builtin ops only; returns its path.

    It is converted from a SavedModel: conversion from concrete functions has given NaN without an error.
    """
    archive = tf.keras.export.ExportArchive()
    archive.track(generator)
    signature = [tf.TensorSpec([1, size, size, 3], tf.float32, "photo")]
    archive.add_endpoint("serving_default", lambda photo: {"anime": generator(photo, training=False)}, signature)
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        content = converter.convert()
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)
