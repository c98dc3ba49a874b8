"""Exports a deployed generator to SavedModel, TFLite and ONNX, and checks each file against the Keras model."""

from typing import TYPE_CHECKING, Any

from animegan3_tf.export.plan import ExportPlan

if TYPE_CHECKING:
    from animegan3_tf.export.export import ExportedFile, export_generator

__all__ = ["ExportPlan", "ExportedFile", "export_generator"]


def __getattr__(name: str) -> Any:
    # these load TensorFlow
    if name in ("ExportedFile", "export_generator"):
        from animegan3_tf.export import export

        return getattr(export, name)
    raise AttributeError(name)
