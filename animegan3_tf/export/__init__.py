"""Writes a deployed generator in the formats that outlive this stack, and checks each against the Keras model."""

from animegan3_tf.export.export import ExportResult, export_generator

__all__ = ["ExportResult", "export_generator"]
