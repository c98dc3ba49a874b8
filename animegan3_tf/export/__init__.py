"""Writes a deployed generator in the formats that outlive this stack, and checks each against the Keras model."""

from animegan3_tf.export.plan import ExportPlan

__all__ = ["ExportPlan", "ExportedFile", "export_generator"]


def __getattr__(name):
    # TensorFlow is loaded with these
    if name in ("ExportedFile", "export_generator"):
        from animegan3_tf.export import export

        return getattr(export, name)
    raise AttributeError(name)
