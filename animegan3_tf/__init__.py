"""Turns portrait photos into 2D anime with the AnimeGAN lineage of networks.

Importing the package loads neither TensorFlow nor Keras; its submodules do when they need to. It switches TensorFlow's
oneDNN kernels on for the process, unless TF_ENABLE_ONEDNN_OPTS is set or TensorFlow is loaded already.
"""

import os

__version__ = "0.1.0"

# read when TensorFlow is loaded, which leaves the kernels off on CPUs without AVX512-VNNI, though they are faster there
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
