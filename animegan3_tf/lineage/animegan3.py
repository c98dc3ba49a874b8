"""The variables of AnimeGANv3's published generators (base and main tail), and the weights that each becomes."""

from __future__ import annotations

from animegan3_tf.lineage.scopes import numbered

_BLOCKS = {
    "base": ["base_0", "base_1_down", "base_1", "base_2_down", "base_2", "base_3_down", "base_3"],
    "main": [f"main_{step}{part}" for step in "123" for part in "ab"],
}
_ATTENTION = "main/External_attention"
# upstream's batch normalisation has plain variables, which TensorFlow numbers in the order in which they are made
_BATCH_NORM = {"gamma": "Variable", "beta": "Variable_1", "moving_mean": "Variable_2", "moving_variance": "Variable_3"}
STORED_SHAPES = {"main_attention/kernel": (1, 128, 128)}  # the memory, which upstream keeps as a 1-D convolution's
UNTRAINED = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}


def variables() -> dict[str, str]:
    """{name of our weight: name of the variable}, the batch normalisation left out."""
    names = {"main_to_rgb/kernel": "generator/main/Conv_12/weights"}
    for scope, blocks in _BLOCKS.items():
        for i, block in enumerate(blocks):
            names[f"{block}_conv/kernel"] = f"{numbered(f'generator/{scope}', 'Conv', 2 * i)}/weights"
            names[f"{block}_lade/kernel"] = f"{numbered(f'generator/{scope}', 'Conv', 2 * i + 1)}/weights"
    names["main_attention/kernel"] = f"generator/{_ATTENTION}/kernel"
    for index, part in enumerate(("project_in", "project_out")):
        names[f"main_attention/{part}/kernel"] = f"{numbered(f'generator/{_ATTENTION}', 'Conv', index)}/weights"
    return names


def batch_norm_variables(scope: str) -> dict[str, str]:
    """Names the variables of the attention's batch normalisation.

    Args:
        scope: "generator", the graph that was trained, or "generator_1", the inference graph built beside it, which
            does not share these variables.

    Returns:
        {name of our weight: name of the variable}.
    """
    return {f"main_attention/norm/{role}": f"{scope}/{_ATTENTION}/{name}" for role, name in _BATCH_NORM.items()}
