"""The variables of AnimeGAN's published generators, and the weights of ours that each becomes."""

from __future__ import annotations

from animegan3_tf.lineage.scopes import convolution, inverted_residual, normalisation, numbered
from animegan3_tf.networks.animegan1 import RESIDUALS

SCOPE = "generator/G_MODEL"
# our name: (scope, index); contrib.layers numbers plain and separable convolutions separately
_BLOCKS = {
    **{"b1_0": ("b1", 0), "b1_1": ("b1", 1), "b2_0": ("b2", 0), "m_0": ("m", 0), "m_1": ("m", 1)},
    **{"u2_2": ("u2", 0), "u1_1": ("u1", 0), "u1_2": ("u1", 1)},
}
_SEPARABLE = {
    **{"b1_down": ("b1", 0), "b1_side": ("b1", 1), "b2_1": ("b2", 0), "b2_down": ("b2", 1), "b2_side": ("b2", 2)},
    **{"u2_0": ("u2", 0), "u2_1": ("u2", 1), "u1_0": ("u1", 0)},
}


def variables() -> dict[str, str]:
    """{name of our weight: name of the variable}, all 129."""
    names = {"to_rgb_conv/kernel": f"{SCOPE}/Conv/weights"}
    for ours, (scope, index) in _BLOCKS.items():
        names |= convolution(ours, f"{SCOPE}/{scope}", index)
        # an inverted residual's normalisations have a scope of their own: only blocks count here
        names |= normalisation(ours, numbered(f"{SCOPE}/{scope}", "InstanceNorm", index))
    for ours, (scope, index) in _SEPARABLE.items():
        theirs = numbered(f"{SCOPE}/{scope}", "SeparableConv2d", index)
        names |= {f"{ours}_{part}_conv/kernel": f"{theirs}/{part}_weights" for part in ("depthwise", "pointwise")}
        names |= normalisation(ours, f"{theirs}/InstanceNorm")
    for number in range(1, RESIDUALS + 1):
        names |= inverted_residual(f"m_r{number}", f"{SCOPE}/m/r{number}", "InstanceNorm", bias=False)
    return names
