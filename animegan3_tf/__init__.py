"""Turns portrait photos into 2D anime with the AnimeGAN lineage of networks.

The names that it offers load on first use: importing the package loads neither TensorFlow nor Keras. It switches
TensorFlow's oneDNN kernels on for the process, unless TF_ENABLE_ONEDNN_OPTS is set or TensorFlow is loaded already.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import lazy_loader as lazy

if TYPE_CHECKING:
    from animegan3_tf.evaluation.evaluate import evaluate as evaluate
    from animegan3_tf.layers.lade import LADE as LADE
    from animegan3_tf.models.model import open_model as open_model
    from animegan3_tf.networks.animegan3 import build_generator as build_generator
    from animegan3_tf.stylizer.photos import stylize as stylize
    from animegan3_tf.training.run import train as train

__version__ = "0.1.0"

# read when TensorFlow is loaded, which leaves the kernels off on CPUs without AVX512-VNNI, though they are faster there
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "evaluation.evaluate": ["evaluate"],
        "layers.lade": ["LADE"],
        "models.model": ["open_model"],
        "networks.animegan3": ["build_generator"],
        "stylizer.photos": ["stylize"],
        "training.run": ["train"],
    },
)
