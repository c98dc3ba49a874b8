"""The generations before and beside this project: what their authors published, variable by variable."""

from animegan3_tf.lineage.import_weights import import_generator
from animegan3_tf.lineage.load import load_generator

__all__ = ["import_generator", "load_generator"]
