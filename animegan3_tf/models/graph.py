"""A published graph as one of the known architectures: its layers are matched, and their weights taken over."""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError, in_words
from animegan3_tf.layers import LADE, Downsample2x, ExternalAttention, ReflectConv2D, ReflectDepthwiseConv2D, Upsample2x
from animegan3_tf.layers.convolution import split
from animegan3_tf.layers.normalization import LayerNorm, MomentNorm
from animegan3_tf.models.graph_blocks import Block, blocks_of
from animegan3_tf.models.graph_operations import GraphFile
from animegan3_tf.models.weights import build_deployed, epsilon_names, named_weights, weight_name
from animegan3_tf.networks.architectures import ARCHITECTURES

_SLOPE_TOLERANCE = 1e-4  # of float16, in which slopes may have been stored

Fitted = tuple[dict[str, np.ndarray], list[str]]  # {role of a weight: array}, a line for each thing that does not fit
Compare = Callable[[tf.keras.layers.Layer, Block], Fitted]


def fit(model: tf.keras.Model, output: Block) -> Fitted:
    """Finds the weights of a network in a published graph.

    Args:
        model: A deployed generator.
        output: The graph's block that gives the image.

    Returns:
        {name of a weight, as in weights files: array} and a line for each thing that does not fit.
    """

    @functools.cache
    def depth(one: tf.keras.layers.Layer | Block) -> int:
        """The length of the longest way from a layer, or from a block, to the photo."""
        return 1 + max(map(depth, one.inputs if isinstance(one, Block) else _sources(one)), default=0)

    arrays: dict[str, np.ndarray] = {}
    problems: list[str] = []
    done = set()
    waiting = [(_layer_of(model.output), output)]
    while waiting:
        layer, block = waiting.pop()
        if (layer.name, id(block)) in done:
            continue
        done.add((layer.name, id(block)))
        kind, compare = _counterpart(layer)
        if block.kind != kind:
            why = f" {block.values['why']}" if block.kind == "unknown" else f" is a {block.kind}"
            problems.append(f"{block.name or 'the graph'}{why}; {layer.name} is a {kind}")
            if block.kind == "unknown" and len(block.inputs) == len(_sources(layer)) == 1:
                waiting.append((_sources(layer)[0], block.inputs[0]))
            continue
        found, wrong = compare(layer, block)
        problems += [f"{block.name}: {line}" for line in wrong]
        arrays |= {f"{layer.name}/{role}": array for role, array in found.items()}
        sources = _sources(layer)
        if len(sources) != len(block.inputs):
            problems.append(f"{block.name} has {len(block.inputs)} inputs; {layer.name} has {len(sources)}")
            continue
        # a sum's inputs may be written in either order: the longer branch belongs to the longer one
        waiting += zip(sorted(sources, key=depth), sorted(block.inputs, key=depth))
    return arrays, problems


def _layer_of(tensor: tf.Tensor) -> tf.keras.layers.Layer:
    return tensor._keras_history[0]  # Keras 2.15's and Keras 3's


def _sources(layer: tf.keras.layers.Layer) -> list[tf.keras.layers.Layer]:
    if isinstance(layer, tf.keras.layers.InputLayer):
        return []
    return [_layer_of(tensor) for tensor in tf.nest.flatten(layer.input)]


def _counterpart(layer: tf.keras.layers.Layer) -> tuple[str, Compare]:
    """The kind of block that a layer is compared with, and the function that compares them."""
    for kinds, name, compare in _LAYERS:
        if isinstance(layer, kinds):
            return name, compare
    raise TypeError(f"{layer.name} is of {type(layer).__name__}, which no block fits")


def _nothing(layer: tf.keras.layers.Layer, block: Block) -> Fitted:
    return {}, []


def _convolution(layer: ReflectConv2D, block: Block) -> Fitted:
    return _kernel(layer, block, split(layer.kernel_size - layer.strides, layer.larger_side))


def _depthwise(layer: ReflectDepthwiseConv2D, block: Block) -> Fitted:
    return _kernel(layer, block, split(layer.kernel.shape[0] - layer.strides, "after"))


def _kernel(layer: ReflectConv2D | ReflectDepthwiseConv2D, block: Block, sides: tuple[int, int]) -> Fitted:
    wrong = list(_paddings(sides, block))
    if block.values["strides"] != layer.strides:
        wrong.append(f"stride {block.values['strides']}, the network has {layer.strides}")
    arrays = {"kernel": block.values["kernel"]}
    bias = block.values["bias"]
    if layer.use_bias:
        arrays["bias"] = bias if bias is not None else np.zeros(block.values["channels"], np.float32)
    elif bias is not None:
        wrong.append("has a bias, the network has none there")
    return _shaped(layer, arrays, wrong)


def _paddings(sides: tuple[int, int], block: Block) -> Iterator[str]:
    found = {label: tuple(block.values["sides"].get(label, (0, 0))) for label in ("H", "W")}
    if any(found[label] != tuple(sides) for label in found):
        yield f"pads {found['H']} and {found['W']}, the network {tuple(sides)}"
    if any(sides) and block.values["mode"] != "reflect":
        yield f"pads by {block.values['mode']}, the network by reflection"


def _lade(layer: LADE, block: Block) -> Fitted:
    wrong = list(_epsilons(block.values["target_epsilon"], layer.epsilon, "of the target"))
    wrong += _epsilons(block.values["epsilon"], layer.epsilon)
    return _shaped(layer, {"kernel": block.values["kernel"]}, wrong)


def _norm(layer: MomentNorm, block: Block) -> Fitted:
    axes = "layer" if isinstance(layer, LayerNorm) else "instance"
    if block.values["axes"] != axes:
        return {}, [f"is a {block.values['axes']} normalisation, the network has {axes} normalisation there"]
    wrong = list(_epsilons(block.values["epsilon"], layer.epsilon))
    return _shaped(layer, {role: block.values[role] for role in ("gamma", "beta")}, wrong)


def _attention(layer: ExternalAttention, block: Block) -> Fitted:
    values = block.values
    if values["norm"] != layer.norm_kind:
        return {}, [f"normalises by {values['norm']}, the network by {layer.norm_kind}"]
    wrong = list(_epsilons(values["epsilon"], layer.epsilon, "beside the sum"))
    wrong += _slope(values["alpha"])
    if values["norm_epsilon"] is not None:
        wrong += _epsilons(values["norm_epsilon"], layer.norm_epsilon, "of the normalisation")
    arrays = {"kernel": values["memory"], "norm/gamma": values["gamma"], "norm/beta": values["beta"]}
    arrays |= {f"{part}/kernel": values[part] for part in ("project_in", "project_out")}
    if layer.norm_kind == "batch":
        if values.get("folded"):  # the mean is zero, and the division is by one
            channels = values["gamma"].shape
            values = {**values, "moving_mean": np.zeros(channels, np.float32)}
            values["moving_variance"] = np.full(channels, 1.0 - layer.norm_epsilon, np.float32)
        arrays |= {f"norm/{role}": values[role] for role in ("moving_mean", "moving_variance")}
    return _shaped(layer, arrays, wrong)


def _activation(layer: tf.keras.layers.Layer, block: Block) -> Fitted:
    return {}, list(_slope(block.values["alpha"]))


def _slope(found: float) -> Iterator[str]:
    if abs(found - 0.2) > _SLOPE_TOLERANCE:
        yield f"slope {found:g}, the network has 0.2"


def _resize(layer: Upsample2x | Downsample2x, block: Block) -> Fitted:
    wrong = []
    factor = 2 if isinstance(layer, Upsample2x) else 0.5
    if float(block.values["factor"]) != factor:
        wrong.append(f"resizes by {float(block.values['factor']):g}, the network by {factor:g}")
    if block.values["grid"] != layer.grid:
        wrong.append(f"resizes on the {block.values['grid']} grid, the network on the {layer.grid} one")
    return {}, wrong


def _epsilons(found: float | None, expected: float, which: str = "") -> Iterator[str]:
    if found is None or np.float32(found) != np.float32(expected):
        yield " ".join(f"epsilon {which} {found}, the network has {expected}".split())


def _shaped(layer: tf.keras.layers.Layer, arrays: dict[str, np.ndarray], wrong: list[str]) -> Fitted:
    shapes = {weight_name(weight)[len(layer.name) + 1 :]: tuple(weight.shape) for weight in layer.weights}
    fitting = {}
    for role, array in arrays.items():
        if tuple(array.shape) != shapes[role]:
            wrong.append(f"{role} is {tuple(array.shape)}, {layer.name} has {shapes[role]}")
        elif not np.isfinite(array).all():
            wrong.append(f"{role} holds NaN or infinite numbers")
        else:
            fitting[role] = array.astype(np.float32)
    return fitting, wrong


_LAYERS: tuple[tuple[tuple[type, ...], str, Compare], ...] = (
    ((tf.keras.layers.InputLayer,), "photo", _nothing),
    ((tf.keras.layers.Activation,), "tanh", _nothing),
    ((tf.keras.layers.LeakyReLU,), "leaky_relu", _activation),
    ((tf.keras.layers.Add,), "add", _nothing),
    ((Upsample2x, Downsample2x), "resize", _resize),
    ((ReflectConv2D,), "convolution", _convolution),
    ((ReflectDepthwiseConv2D,), "depthwise", _depthwise),
    ((LADE,), "lade", _lade),
    ((MomentNorm,), "norm", _norm),
    ((ExternalAttention,), "attention", _attention),
)


# shapes of the kernels of the first and the last convolution
_ENDS = {
    ((3, 3, 3, 64), (1, 1, 64, 3)): "animegan1",
    ((7, 7, 3, 32), (1, 1, 32, 3)): "animegan2",
    ((7, 7, 3, 32), (7, 7, 32, 3)): "animegan3",
    ((7, 7, 3, 32), (3, 3, 32, 3)): "jp_face",
    ((7, 7, 3, 16), (7, 7, 16, 3)): "tiny",
}


def load_graph(
    graph: GraphFile, path: str | os.PathLike, architecture: str | None = None
) -> tuple[str, tf.keras.Model]:
    """Builds the generator that a graph describes, with the graph's own constants.

    Args:
        graph: The graph of a published file.
        path: The name of the file in errors.
        architecture: One of `ARCHITECTURES`; None to find it out.

    Returns:
        The architecture, and a model from float32 [N, H, W, 3] in [-1, 1] to the same.

    Raises:
        UserError: The graph is none of the networks, or another than `architecture`, or does something that the network
            cannot; everything that does not fit is named.
    """
    output, unused = graph.operations()
    last = blocks_of(output)
    blocks = list(_behind(last))
    found = _architecture(last, blocks)
    chosen = architecture or found
    if chosen is None:
        raise UserError(
            f"{str(path)!r} matches none of the networks {', '.join(ARCHITECTURES)}: {in_words(_strange(last, blocks))}"
        )
    if architecture and found and architecture != found:
        raise UserError(f"{str(path)!r} is of architecture {found}, not {architecture}; leave {architecture} out")
    model = build_deployed(chosen, **_structure(chosen, blocks))
    arrays, problems = fit(model, last)
    problems += [f"{name} is not part of the network" for name in unused]
    weights = named_weights(model)
    if not problems:
        problems = [f"{name} is missing" for name in sorted(weights.keys() - arrays.keys())]
    if problems:
        raise UserError(f"{str(path)!r} does not fit {chosen}: {in_words(problems)}")
    for name, weight in weights.items():
        weight.assign(arrays[name])
    return chosen, model


def _behind(last: Block) -> Iterator[Block]:
    """All blocks of a graph, its last one first."""
    seen, waiting = set(), [last]
    while waiting:
        block = waiting.pop()
        if id(block) not in seen:
            seen.add(id(block))
            yield block
            waiting.extend(block.inputs)


def _architecture(last: Block, blocks: list[Block]) -> str | None:
    """The architecture, recognised by its first and last kernels, a pair that no two networks share."""
    firsts = [block for block in blocks if block.kind == "convolution" and block.inputs[0].kind == "photo"]
    ends = last.inputs[:1]
    if last.kind != "tanh" or not firsts or ends[0].kind != "convolution":
        return None
    return _ENDS.get((firsts[0].values["kernel"].shape, ends[0].values["kernel"].shape))


def _strange(last: Block, blocks: list[Block]) -> list[str]:
    """Describes a graph of no known network."""
    unknown = [f"{block.name} {block.values['why']}" for block in blocks if block.kind == "unknown"]
    counts = Counter(block.kind for block in blocks)
    made_of = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    return unknown or [f"{last.name or 'it'} ends a graph of {made_of}"]


def _structure(architecture: str, blocks: list[Block]) -> dict[str, Any]:
    """The options of `build_deployed`: the most common constant of each kind, so that the odd one out is named."""
    known = epsilon_names(architecture)
    found: dict[str, Counter[float]] = {}
    grids, norms = Counter[str](), Counter[str]()
    for block in blocks:
        for name, value in _constants(block):
            if name in known and value:
                found.setdefault(name, Counter())[value] += 1
        if block.kind == "resize":
            grids[block.values["grid"]] += 1
        if block.kind == "attention":
            norms[block.values["norm"]] += 1
    epsilons = {name: counts.most_common(1)[0][0] for name, counts in found.items()}
    structure: dict[str, Any] = {"resize": _commonest(grids, "legacy"), "epsilons": epsilons}
    if architecture == "animegan3":
        structure["attention_norm"] = _commonest(norms, "batch")
    return structure


def _constants(block: Block) -> Iterator[tuple[str, float | None]]:
    """The epsilons of a block by their names in the networks' `EPSILONS`."""
    if block.kind == "lade":
        yield "lade", block.values["epsilon"]
    elif block.kind == "norm" and block.values["axes"] == "layer":
        yield "layer_norm", block.values["epsilon"]
    elif block.kind == "norm" and block.values["axes"] == "instance":
        behind = block.inputs[0].inputs
        separable = block.inputs[0].kind == "convolution" and behind[0].kind == "depthwise"
        yield ("separable_norm" if separable else "instance_norm"), block.values["epsilon"]
    elif block.kind == "attention":
        yield "attention", block.values["epsilon"]
        yield "attention_norm", block.values["norm_epsilon"]


def _commonest(counts: Counter[str], default: str) -> str:
    return counts.most_common(1)[0][0] if counts else default


def read_graph(path: Path) -> GraphFile:
    """Reads a frozen graph, an ONNX file or a TF.js graph model.

    Raises:
        UserError: The file is none of these, or is damaged.
    """
    from animegan3_tf.models import graph_nodes

    readers = {".pb": graph_nodes.read_frozen_graph, ".onnx": graph_nodes.read_onnx}
    return readers.get(path.suffix.lower(), graph_nodes.read_tfjs)(path)
