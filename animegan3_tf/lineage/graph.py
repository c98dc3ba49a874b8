"""Generators from published graphs: frozen graphs, ONNX and TF.js, which hold the whole structure."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from animegan3_tf.architectures import ARCHITECTURES
from animegan3_tf.errors import UserError
from animegan3_tf.lineage.blocks import Block, blocks_of
from animegan3_tf.lineage.fit import fit, in_words
from animegan3_tf.lineage.graph_file import GraphFile
from animegan3_tf.networks.weights import build_deployed, epsilon_names, named_weights

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
    if path.suffix == ".pb":
        from animegan3_tf.lineage.tensorflow_graph import read_frozen_graph

        return read_frozen_graph(path)
    if path.suffix.lower() == ".onnx":
        from animegan3_tf.lineage.onnx_graph import read_onnx

        return read_onnx(path)
    from animegan3_tf.lineage.tfjs import read_tfjs

    return read_tfjs(path)
