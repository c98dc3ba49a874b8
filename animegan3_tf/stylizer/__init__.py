"""Draws photos with any model."""
