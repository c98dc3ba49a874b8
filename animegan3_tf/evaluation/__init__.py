"""Evaluates generated images: metrics of features and of images, their reports, and studies with people."""
