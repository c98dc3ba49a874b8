"""The networks: generators and discriminators, which are trained, and perceptual networks for the losses.

Names load on first use, so that `networks.architectures` costs no TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import lazy_loader as lazy

if TYPE_CHECKING:
    from animegan3_tf.networks.animegan3 import build_discriminator as build_discriminator
    from animegan3_tf.networks.animegan3 import build_generator as build_generator
    from animegan3_tf.networks.animegan3 import main_tail as main_tail
    from animegan3_tf.networks.perceptual import PerceptualNetwork as PerceptualNetwork

_NAMES = {"animegan3": ["build_discriminator", "build_generator", "main_tail"], "perceptual": ["PerceptualNetwork"]}
_own, __dir__, __all__ = lazy.attach(__name__, submod_attrs=_NAMES)
# what opens files lives in `models` now; these names were public here, and programs import them from here
_MOVED = {"load_generator": "weights", "save_generator": "weights", "load_perceptual": "perceptual"}


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        return getattr(importlib.import_module(f"animegan3_tf.models.{_MOVED[name]}"), name)
    return _own(name)
