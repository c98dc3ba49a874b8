"""Maps the variables of the original AnimeGANv3 code onto this project's weights, for comparisons with golden data."""

import numpy as np
import tensorflow as tf

from animegan3_tf.models.weights import weight_name
from helpers.golden import golden

BLOCKS = {
    "base": ["base_0", "base_1_down", "base_1", "base_2_down", "base_2", "base_3_down", "base_3"],
    **{tail: [f"{tail}_{step}{part}" for step in "123" for part in "ab"] for tail in ("support", "main")},
}
BATCH_NORM = {"gamma": "Variable", "beta": "Variable_1", "moving_mean": "Variable_2", "moving_variance": "Variable_3"}


def _conv(scope, index):
    return f"{scope}/Conv{f'_{index}' if index else ''}/weights"


def generator_variables(graph="training"):
    """Ours -> theirs: every weight of the two-tail generator and the checkpoint variable it comes from."""
    names = {}
    for scope, blocks in BLOCKS.items():
        for i, block in enumerate(blocks):
            names[f"{block}_conv/kernel"] = _conv(f"generator/{scope}", 2 * i)
            names[f"{block}_lade/kernel"] = _conv(f"generator/{scope}", 2 * i + 1)
        if scope == "base":
            continue
        names[f"{scope}_to_rgb/kernel"] = _conv(f"generator/{scope}", 2 * len(blocks))
        theirs, ours = f"generator/{scope}/External_attention", f"{scope}_attention"
        names |= {f"{ours}/kernel": f"{theirs}/kernel", f"{ours}/project_in/kernel": _conv(theirs, 0)}
        names[f"{ours}/project_out/kernel"] = _conv(theirs, 1)
        if graph == "inference":
            theirs = theirs.replace("generator/", "generator_1/")
        names |= {f"{ours}/norm/{key}": f"{theirs}/{value}" for key, value in BATCH_NORM.items()}
    return names


def discriminator_variables(scope="discriminator"):
    """Ours -> theirs, kernels and power iteration vectors."""
    layers = {"conv_in_conv": "conv_0", "logit_conv": "D_logit"}
    for i in range(3):
        layers[f"level_{i}_down_conv"] = f"conv_s2_{i}"
        layers[f"level_{i}_down_lade"] = f"{scope}a{i}_conv_IN"
        layers[f"level_{i}_conv"] = f"conv_s1_{i}"
        layers[f"level_{i}_lade"] = f"{scope}b{i}_conv_IN"
    return {
        f"{ours}/{own}": f"{scope}/{theirs}/{other}"
        for ours, theirs in layers.items()
        for own, other in (("kernel", "kernel"), ("sn_u", "u"))
    }


def assign(model, values):
    """Sets every weight of `model` from {name: array}; a missing name is a KeyError."""
    for weight in model.weights:
        weight.assign(np.reshape(values[weight_name(weight)], weight.shape))


def load_golden_generator(model, graph="training"):
    reader = tf.train.load_checkpoint(str(golden("v3", "AnimeGANv3.ckpt.index"))[: -len(".index")])
    assign(model, {ours: reader.get_tensor(theirs) for ours, theirs in generator_variables(graph).items()})


def load_golden_discriminator(model, arrays, scope="discriminator"):
    assign(model, {ours: arrays[f"var:{theirs}"] for ours, theirs in discriminator_variables(scope).items()})
