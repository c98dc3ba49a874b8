"""Exports a deployed generator to SavedModel, TFLite and ONNX, and checks each file against the Keras model."""

from typing import TYPE_CHECKING

import lazy_loader as lazy

if TYPE_CHECKING:
    from animegan3_tf.export.export import ExportedFile as ExportedFile
    from animegan3_tf.export.export import export_generator as export_generator
    from animegan3_tf.export.plan import ExportPlan as ExportPlan

_NAMES = {"export": ["ExportedFile", "export_generator"], "plan": ["ExportPlan"]}  # those of the first load TensorFlow
__getattr__, __dir__, __all__ = lazy.attach(__name__, submod_attrs=_NAMES)
