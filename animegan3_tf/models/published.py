"""The generators that AnimeGAN's authors published, loaded, and imported as weights files."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.graph import load_graph, read_graph
from animegan3_tf.models.tf1_checkpoint import (
    ACCEPTED,
    CHECKPOINTS,
    STORED_SHAPES,
    UNTRAINED,
    Variables,
    batch_norm_variables,
    detect_architecture,
    open_variables,
)
from animegan3_tf.models.weights import build_deployed, named_weights, save_generator, structure_of
from animegan3_tf.networks.architectures import ARCHITECTURES

BATCH_NORMS = ("inference", "trained")
GRID = "legacy"  # of all checkpoints, which TensorFlow 1 wrote
_GRAPHS = (".pb", ".onnx", ".json")
# a checkpoint of a whole training run also holds optimizer state and the other networks
_BESIDE = re.compile(
    r".*/Adam(_\d+)?|beta[12]_power(_\d+)?|global_step|discriminator\w*/.*|generator(_1)?/support/.*"
    r"|generator(_1)?/main/External_attention/Variable(_[123])?"
)


@dataclass(frozen=True)
class Published:
    """A published generator.

    Attributes:
        architecture: One of `ARCHITECTURES`.
        model: The network, float32 [N, H, W, 3] in [-1, 1] in and out.
        kind: The kind of file, in words.
        files: All files that it was read from.
    """

    architecture: str
    model: tf.keras.Model
    kind: str
    files: tuple[Path, ...]


def load_published(architecture: str, checkpoint: str | os.PathLike, batch_norm: str = "inference") -> tf.keras.Model:
    """Loads a published generator of a known architecture.

    Args:
        architecture: One of `ARCHITECTURES`.
        checkpoint: The published file, as `path` of `open_published`.
        batch_norm: As for `open_published`.

    Returns:
        A model from float32 [N, H, W, 3] in [-1, 1] to the same.

    Raises:
        UserError: As `open_published`.
    """
    return open_published(checkpoint, architecture, batch_norm).model


def open_published(
    path: str | os.PathLike, architecture: str | None = None, batch_norm: str = "inference"
) -> Published:
    """Opens a file of the original authors; nothing in it is executed or unpickled.

    Args:
        path: The prefix of a TensorFlow 1 checkpoint, a folder with a `checkpoint` file, a frozen graph (.pb), an ONNX
            file, or a TF.js graph model (its folder or model.json).
        architecture: One of `ARCHITECTURES`; None to find it out. A graph holds its structure and its constants; a
            checkpoint holds variables alone, and is taken to have its architecture's constants.
        batch_norm: For AnimeGANv3's checkpoints, whose attention normalises by other variables in training than in
            inference. "inference" gives the images of its authors' inference graph: the variables of the scope
            `generator_1` where the checkpoint has them, else untrained ones (1, 0, 0, 1), as they were during
            training. "trained" takes the training graph's.

    Returns:
        The generator.

    Raises:
        UserError: The file is none of these or damaged, or something is missing, extra, misshapen or of another kind
            than the network has, each of which is named.
    """
    path = Path(path)
    if architecture is not None and architecture not in ARCHITECTURES:
        raise UserError(f"architecture {architecture!r} is not known; choose {', '.join(ARCHITECTURES)}")
    if batch_norm not in BATCH_NORMS:
        raise UserError(f"batch norm {batch_norm!r} is not known; choose {' or '.join(BATCH_NORMS)}")
    if path.is_dir() and (path / "model.json").is_file():
        path /= "model.json"
    if path.suffix.lower() in _GRAPHS:
        if not path.is_file():
            raise UserError(f"{str(path)!r} does not exist; {ACCEPTED}")
        graph = read_graph(path)
        architecture, model = load_graph(graph, path, architecture)
        return Published(architecture, model, graph.kind, graph.files)
    found = open_variables(path)
    architecture = architecture or detect_architecture(found.shapes)
    if architecture is None:
        raise UserError(
            f"checkpoint {str(path)!r} holds no whole generator of {', '.join(CHECKPOINTS)}; say which architecture "
            "it should be to see the missing variables"
        )
    return Published(architecture, _filled(architecture, found, path, batch_norm), "TensorFlow 1", found.files)


def _filled(architecture: str, found: Variables, source: Path, batch_norm: str) -> tf.keras.Model:
    """Builds the network and fills it with a checkpoint's variables, matched by name and shape."""
    if architecture not in CHECKPOINTS:
        raise UserError(
            f"{architecture} has been published as a graph only; checkpoints exist for {', '.join(CHECKPOINTS)}"
        )
    names = CHECKPOINTS[architecture]()
    constants: dict[str, float] = {}
    if architecture == "animegan3":
        scope = _batch_norm_scope(found, batch_norm)
        names |= batch_norm_variables(scope) if scope else {}
        constants = {} if scope else {f"main_attention/norm/{r}": value for r, value in UNTRAINED.items()}
    model = build_deployed(architecture, GRID)
    weights = named_weights(model)
    expected = {theirs: STORED_SHAPES.get(ours, tuple(weights[ours].shape)) for ours, theirs in names.items()}
    _refuse(_misfits(expected, found.shapes), source, architecture)
    problems = []
    for ours, theirs in names.items():
        value = found.read(theirs)
        if value.dtype.kind != "f":
            problems.append(f"{theirs} is of type {value.dtype.name}, expected floating-point numbers")
            continue
        if not np.isfinite(value).all():
            problems.append(f"{theirs} holds NaN or infinite numbers")
        weights[ours].assign(value.reshape(weights[ours].shape).astype(np.float32))
    for ours, constant in constants.items():
        weights[ours].assign(tf.fill(weights[ours].shape, constant))
    _refuse(problems, source, architecture)
    return model


def _refuse(problems: list[str], source: Path, architecture: str) -> None:
    """Raises UserError where there are problems."""
    if problems:
        raise UserError(f"checkpoint {str(source)!r} does not fit {architecture}: {'; '.join(problems)}")


def _batch_norm_scope(found: Variables, batch_norm: str) -> str | None:
    """The scope that the batch normalisation is read from; None for the untrained one."""
    if batch_norm == "trained":
        return "generator"
    return "generator_1" if _has_scope(found, "generator_1") else None


def _has_scope(found: Variables, scope: str) -> bool:
    return any(name in found.shapes for name in batch_norm_variables(scope).values())


def _misfits(expected: Mapping[str, tuple[int, ...]], shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """A line for each variable that is missing, extra or misshapen."""
    problems = [f"{name} is missing" for name in sorted(expected.keys() - shapes.keys())]
    extra = sorted(name for name in shapes.keys() - expected.keys() if not _BESIDE.fullmatch(name))
    problems += [f"{name} is not part of the network" for name in extra]
    return problems + [
        f"{name} is {shapes[name]}, expected {expected[name]}"
        for name in sorted(expected.keys() & shapes.keys())
        if shapes[name] != expected[name]
    ]


def published_header(published: Published, path: str | os.PathLike, batch_norm: str = "inference") -> dict[str, object]:
    """Makes the header of a weights file for a published generator.

    Args:
        published: The generator.
        path: The file that it came from.
        batch_norm: As for `open_published`; it is recorded for checkpoints of AnimeGANv3.

    Returns:
        The architecture and the options that build it again, the source's name and kind, the sha256 of each of its
        files (of a checkpoint, the data and the index), who trained it, and its licence.
    """
    header = {
        "architecture": published.architecture,
        **structure_of(published.model),
        "source": Path(path).name,
        "source_kind": published.kind,
        "sha256": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in published.files},
        "trained_by": f"the authors of {ARCHITECTURES[published.architecture].title}",
        "license": "the authors' own: research, not commerce",
    }
    if published.architecture == "animegan3" and published.kind == "TensorFlow 1":
        header["batch_norm"] = batch_norm
    return header


def import_generator(
    architecture: str | None, path: str | os.PathLike, out: str | os.PathLike, batch_norm: str = "inference"
) -> Published:
    """Writes the generator of a published file as a weights file.

    Args:
        architecture: As for `open_published`, and so are `path` and `batch_norm`.
        path: The published file.
        out: The weights file (.h5).
        batch_norm: As for `open_published`; counts for checkpoints of AnimeGANv3 alone.

    Returns:
        The generator that was read.

    Raises:
        UserError: As `open_published`, or the weights file cannot be written.
    """
    published = open_published(path, architecture, batch_norm)
    try:
        save_generator(out, published.model, published_header(published, path, batch_norm))
    except OSError as error:
        raise UserError(
            f"weights {str(out)!r} cannot be written: {error.strerror}; name another file with -o"
        ) from error
    return published
