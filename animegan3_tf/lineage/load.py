"""Published generators as Keras models: every variable of a file matched with a weight by name and shape."""

from __future__ import annotations

import os
import re

import numpy as np
import tensorflow as tf

from animegan3_tf.errors import UserError
from animegan3_tf.lineage import animegan1, animegan2, animegan3
from animegan3_tf.lineage.tf1_checkpoint import Variables, open_variables
from animegan3_tf.networks.weights import build_deployed, named_weights

BATCH_NORMS = ("inference", "trained")
GRID = "legacy"  # of all that was trained with TensorFlow 1
_VARIABLES = {"animegan1": animegan1.variables, "animegan2": animegan2.variables, "animegan3": animegan3.variables}
# what a checkpoint of a whole training run holds beside the deployed generator: optimizer state, the other networks
_BESIDE = re.compile(
    r".*/Adam(_\d+)?|beta[12]_power(_\d+)?|global_step|discriminator\w*/.*|generator(_1)?/support/.*"
    r"|generator(_1)?/main/External_attention/Variable(_[123])?"
)


def load_generator(architecture: str, checkpoint: str | os.PathLike, batch_norm: str = "inference") -> tf.keras.Model:
    """The generator of a file of the original authors, float32 [N, H, W, 3] in [-1, 1] in and out.

    architecture: "animegan1", "animegan2" or "animegan3" (base and main tail). checkpoint: the prefix of a TensorFlow 1
    checkpoint, a folder with a `checkpoint` file, or a frozen graph (.pb).
    batch_norm: for AnimeGANv3, whose attention normalises by other variables in training than in inference.
    "inference" gives the pictures of its authors' inference graph: the variables of the scope `generator_1` where the
    checkpoint has them, else untrained ones (1, 0, 0, 1), which is what they were in training; of a frozen graph, those
    it holds. "trained" takes the training graph's.

    Raises UserError that lists every variable that is missing, extra or misshapen; nothing is executed or unpickled.
    """
    return fill(architecture, open_variables(checkpoint), checkpoint, batch_norm)


def fill(architecture: str, found: Variables, source: str | os.PathLike, batch_norm: str) -> tf.keras.Model:
    """As `load_generator`, from variables already opened; `source` is what errors call them."""
    if architecture not in _VARIABLES:
        raise UserError(f"architecture {architecture!r} is not known; choose {', '.join(_VARIABLES)}")
    if batch_norm not in BATCH_NORMS:
        raise UserError(f"batch norm {batch_norm!r} is not known; choose {' or '.join(BATCH_NORMS)}")
    names, constants = _VARIABLES[architecture](), {}
    if architecture == "animegan3":
        scope = _batch_norm_scope(found, batch_norm)
        names |= animegan3.batch_norm_variables(scope) if scope else {}
        constants = {} if scope else {f"main_attention/norm/{r}": value for r, value in animegan3.UNTRAINED.items()}
    model = build_deployed(architecture, GRID)
    weights = named_weights(model)
    expected = {theirs: animegan3.STORED_SHAPES.get(ours, tuple(weights[ours].shape)) for ours, theirs in names.items()}
    _refuse(_misfits(expected, found.shapes), source, architecture)
    problems = []
    for ours, theirs in names.items():
        value = found.read(theirs)
        if value.dtype.kind != "f":
            problems.append(f"{theirs} holds no numbers with a point, but {value.dtype.name}")
            continue
        if not np.isfinite(value).all():
            problems.append(f"{theirs} holds NaN or infinite numbers")
        weights[ours].assign(value.reshape(weights[ours].shape).astype(np.float32))
    for ours, value in constants.items():
        weights[ours].assign(tf.fill(weights[ours].shape, value))
    _refuse(problems, source, architecture)
    return model


def _refuse(problems, source, architecture):
    if problems:
        raise UserError(f"checkpoint {str(source)!r} does not fit {architecture}: {'; '.join(problems)}")


def _batch_norm_scope(found, batch_norm):
    """The scope whose batch normalisation is asked for; None for the untrained one."""
    if batch_norm == "trained" or (found.frozen and not _has_scope(found, "generator_1")):
        return "generator"
    return "generator_1" if _has_scope(found, "generator_1") else None


def _has_scope(found, scope):
    return any(name in found.shapes for name in animegan3.batch_norm_variables(scope).values())


def _misfits(expected, shapes):
    """A line for each variable that is missing, extra or misshapen."""
    problems = [f"{name} is missing" for name in sorted(expected.keys() - shapes.keys())]
    extra = sorted(name for name in shapes.keys() - expected.keys() if not _BESIDE.fullmatch(name))
    problems += [f"{name} is not part of the network" for name in extra]
    return problems + [
        f"{name} is {shapes[name]}, expected {expected[name]}"
        for name in sorted(expected.keys() & shapes.keys())
        if shapes[name] != expected[name]
    ]
