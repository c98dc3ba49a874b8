"""The checkpoints, frozen graphs, ONNX and TF.js files that the original authors published, read as data."""

from animegan3_tf.lineage.import_weights import import_generator
from animegan3_tf.lineage.load import load_generator, open_published

__all__ = ["import_generator", "load_generator", "open_published"]
