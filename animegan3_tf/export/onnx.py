"""The generator as an ONNX file, and its pictures by ONNX Runtime; the only module that knows either."""

import importlib.util
import sys

import numpy as np
import tensorflow as tf

from animegan3_tf.errors import UserError
from animegan3_tf.export.mobile import mobile_generator
from animegan3_tf.export.silence import silence

OPSET = 17  # ONNX Runtime reads it since 1.12 (2022)


def check_onnx(needed=("tf2onnx", "onnxruntime")):
    """UserError where the packages of the extra `onnx` are missing."""
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing and sys.version_info < (3, 10):
        raise UserError("ONNX needs Python 3.10 or 3.11 here; make the environment anew with PYTHON=python3.11")
    if missing:
        raise UserError(
            f"ONNX needs {' and '.join(missing)}, not installed here; run "
            "`pip install -c constraints.txt -e '.[onnx]'` in the checkout"
        )


def convert_onnx(generator, card):
    """The bytes of an ONNX file: float32 `photo` [1, H, W, 3] in [-1, 1] to `anime`, H and W as the generator takes."""
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


def open_session(path, threads=0):
    """An `InferenceSession` on the CPU; 0 threads: one a core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run_onnx(path, photos):
    """Runs an ONNX file on float32 [N, H, W, 3] in [-1, 1]: (pictures, what ran them and what is in the file)."""
    import onnxruntime

    session = open_session(path)
    pictures = [session.run(["anime"], {"photo": photo[None]})[0] for photo in photos]
    return np.concatenate(pictures), {"runtime": f"onnxruntime {onnxruntime.__version__}", "opset": OPSET}


def read_onnx_metadata(path):
    """{"name": ..., ...} of the file's metadata, with its inputs and outputs as ONNX Runtime reads them."""
    session = open_session(path)
    ends = {"input": session.get_inputs()[0], "output": session.get_outputs()[0]}
    described = {name: f"{end.name}: {end.type} {end.shape}" for name, end in ends.items()}
    return {**session.get_modelmeta().custom_metadata_map, **described}
