"""The variables of AnimeGANv2's published generators, and the weights of ours that each becomes."""

from __future__ import annotations

from animegan3_tf.lineage.scopes import convolution, inverted_residual, normalisation, numbered
from animegan3_tf.networks.animegan2 import RESIDUALS

SCOPE = "generator/G_MODEL"
_BLOCKS = {"A": 3, "B": 2, "C": 2, "D": 2, "E": 3}  # convolutions by scope


def variables() -> dict[str, str]:
    """{name of our weight: name of the variable}, all 77."""
    names = {"to_rgb_conv/kernel": f"{SCOPE}/out_layer/Conv/weights"}
    for scope, count in _BLOCKS.items():
        for index in range(count):
            ours = f"{scope.lower()}_{index}"
            names |= convolution(ours, f"{SCOPE}/{scope}", index)
            names |= normalisation(ours, numbered(f"{SCOPE}/{scope}", "LayerNorm", index))
    for number in range(1, RESIDUALS + 1):
        names |= inverted_residual(f"c_r{number}", f"{SCOPE}/C/r{number}", "LayerNorm", bias=True)
    return names
