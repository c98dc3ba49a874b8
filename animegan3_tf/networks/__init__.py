"""The networks: generators and discriminators, which are trained, and perceptual networks for the losses.

Names load on first use, so that `networks.architectures` costs no TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader as lazy

if TYPE_CHECKING:
    from animegan3_tf.networks.animegan3 import build_discriminator as build_discriminator
    from animegan3_tf.networks.animegan3 import build_generator as build_generator
    from animegan3_tf.networks.animegan3 import main_tail as main_tail
    from animegan3_tf.networks.perceptual import PerceptualNetwork as PerceptualNetwork

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "animegan3": ["build_discriminator", "build_generator", "main_tail"],
        "perceptual": ["PerceptualNetwork"],
    },
)
