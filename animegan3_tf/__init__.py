"""Turns portrait photos into 2D anime with the AnimeGAN lineage of networks.

Importing the package loads neither TensorFlow nor Keras; its submodules do when they need to.
"""

__version__ = "0.1.0"
