"""The generators that AnimeGAN's authors published, opened, and imported as weights files.

A graph is read by `graph_nodes` and matched by `graph`. A TensorFlow 1 checkpoint is read here: it holds variables
alone, whose names each architecture has in a table below.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError, first_line, in_words
from animegan3_tf.common.files import regular_file, sha256_of
from animegan3_tf.models.graph import load_graph, read_graph
from animegan3_tf.models.model import Model, keras_model
from animegan3_tf.models.weights import build_deployed, named_weights, save_generator, structure_of
from animegan3_tf.networks import animegan1, animegan2
from animegan3_tf.networks.architectures import ARCHITECTURES

BATCH_NORMS = ("inference", "trained")
GRID = "legacy"  # of all checkpoints, which TensorFlow 1 wrote
_GRAPHS = (".pb", ".onnx", ".json")
_DAMAGE = (tf.errors.OpError, IndexError, RuntimeError, ValueError)  # the reader raises these for damaged files
_LONGEST = 1 << 20  # bytes of a file named checkpoint
_INDEX, _DATA = ".index", ".data-*-of-*"
_ACCEPTED = (
    "name a checkpoint's prefix (such as Hayao-99.ckpt), a folder with a file named checkpoint, a frozen graph (.pb), "
    "an .onnx file or a TF.js folder (with model.json)"
)
# a checkpoint of a whole training run also holds optimizer state and the other networks
_BESIDE = re.compile(
    r".*/Adam(_\d+)?|beta[12]_power(_\d+)?|global_step|discriminator\w*/.*|generator(_1)?/support/.*"
    r"|generator(_1)?/main/External_attention/Variable(_[123])?"
)


def open_published(path: str | os.PathLike, architecture: str | None = None, batch_norm: str = "inference") -> Model:
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
        The generator. Its header is that of the weights file that `import_generator` writes: the architecture and the
        options that build it again, the source's name and kind, the sha256 of each of its files (of a checkpoint, the
        data and the index), who trained it, and its licence.

    Raises:
        UserError: The file is none of these or damaged, or something is missing, extra, misshapen or of another kind
            than the network has, each of which is named.
    """
    path = Path(path)
    if architecture is not None and architecture not in ARCHITECTURES:
        raise UserError(f"architecture {architecture!r} is not known; choose {', '.join(ARCHITECTURES)}")
    if batch_norm not in BATCH_NORMS:
        raise UserError(f"batch norm {batch_norm!r} is not known; choose {' or '.join(BATCH_NORMS)}")
    file = path / "model.json" if path.is_dir() and (path / "model.json").is_file() else path
    if file.suffix.lower() in _GRAPHS:
        if not file.is_file():
            raise UserError(f"{str(file)!r} does not exist; {_ACCEPTED}")
        graph = read_graph(file)
        architecture, network = load_graph(graph, file, architecture)
        kind, files = graph.kind, graph.files
    else:
        found = open_variables(file)
        architecture = architecture or detect_architecture(found.shapes)
        if architecture is None:
            raise UserError(
                f"checkpoint {str(file)!r} holds no whole generator of {', '.join(CHECKPOINTS)}; say which "
                "architecture it should be to see the missing variables"
            )
        network = _filled(architecture, found, file, batch_norm)
        kind, files = "TensorFlow 1", found.files
    header = {
        "architecture": architecture,
        **structure_of(network),
        "source": path.name,
        "source_kind": kind,
        "sha256": {one.name: sha256_of(one) for one in files},
        "trained_by": f"the authors of {ARCHITECTURES[architecture].title}",
        "license": "the authors' own: research, not commerce",
    }
    if architecture == "animegan3" and kind == "TensorFlow 1":
        header["batch_norm"] = batch_norm
    return keras_model(kind, path, header, network, files)


def import_generator(
    architecture: str | None, path: str | os.PathLike, out: str | os.PathLike, batch_norm: str = "inference"
) -> Model:
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
    model = open_published(path, architecture, batch_norm)
    try:
        save_generator(out, model.network, model.header)
    except OSError as error:
        raise UserError(
            f"weights {str(out)!r} cannot be written: {error.strerror}; name another file with -o"
        ) from error
    return model


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
        raise UserError(f"checkpoint {str(source)!r} does not fit {architecture}: {in_words(problems)}")


def _batch_norm_scope(found: Variables, batch_norm: str) -> str | None:
    """The scope that the batch normalisation is read from; None for the untrained one."""
    if batch_norm == "trained":
        return "generator"
    is_there = any(name in found.shapes for name in batch_norm_variables("generator_1").values())
    return "generator_1" if is_there else None


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


@dataclass(frozen=True)
class Variables:
    """The variables of a checkpoint.

    Attributes:
        shapes: Their shapes by name.
        read: Reads the variable of a name as an array; raises UserError where the file is damaged.
        files: All files of the checkpoint, in the order of their names.
    """

    shapes: dict[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]
    files: tuple[Path, ...]


def open_variables(checkpoint: str | os.PathLike) -> Variables:
    """Opens a checkpoint; no variable is read yet.

    Args:
        checkpoint: Its prefix, its .index file, or a folder with a `checkpoint` file.

    Raises:
        UserError: There is no such checkpoint, or it is damaged.
    """
    path = Path(checkpoint)
    prefix = _named_in(path) if path.is_dir() else path
    prefix = prefix.with_name(prefix.name[: -len(_INDEX)]) if prefix.name.endswith(_INDEX) else prefix
    index = prefix.with_name(prefix.name + _INDEX)
    if not index.is_file():
        raise UserError(f"checkpoint {str(checkpoint)!r}: {str(index)!r} does not exist; {_ACCEPTED}")
    data = sorted(prefix.parent.glob(glob.escape(prefix.name) + _DATA))
    for one in data:
        regular_file(one)
    damaged = f"checkpoint {str(prefix)!r} is damaged or incomplete; fetch it again"
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    except _DAMAGE as error:
        raise UserError(f"{damaged} ({first_line(error)})") from error

    def read(name: str) -> np.ndarray:
        try:
            return reader.get_tensor(name)
        except _DAMAGE as error:  # its checksum is verified here
            raise UserError(f"{damaged} ({name}: {first_line(error)})") from error

    return Variables(shapes, read, (*data, index))


def _named_in(folder: Path) -> Path:
    """The prefix that a folder's `checkpoint` file names; its path may be another machine's: the last part counts."""
    try:
        text = regular_file(Path(folder, "checkpoint"), _LONGEST).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"folder {str(folder)!r} has no checkpoint file that can be read; {_ACCEPTED}") from error
    named = re.search(r'^\s*model_checkpoint_path:\s*"([^"\n]+)"', text, re.MULTILINE)
    if named is None:
        raise UserError(f"{str(Path(folder, 'checkpoint'))!r} names no model_checkpoint_path; {_ACCEPTED}")
    return Path(folder, re.split(r"[/\\]", named[1])[-1])


def numbered(scope: str, kind: str, index: int) -> str:
    """`scope/Conv`, `scope/Conv_1`, `scope/Conv_2` for the indices 0, 1, 2."""
    return f"{scope}/{kind}{f'_{index}' if index else ''}"


def convolution(ours: str, scope: str, index: int) -> dict[str, str]:
    """{our name: theirs} of the kernel of the index-th convolution of a scope."""
    return {f"{ours}_conv/kernel": f"{numbered(scope, 'Conv', index)}/weights"}


def normalisation(ours: str, theirs: str) -> dict[str, str]:
    """{our name: theirs} of the gamma and beta of the normalisation in the scope `theirs`."""
    return {f"{ours}_norm/{role}": f"{theirs}/{role}" for role in ("gamma", "beta")}


def inverted_residual(ours: str, theirs: str, kind: str, bias: bool) -> dict[str, str]:
    """Names the weights of an inverted residual.

    Args:
        ours: The prefix of our names.
        theirs: The scope of the variables.
        kind: The name of its first normalisation, such as "LayerNorm".
        bias: Whether its depthwise convolution has a bias.

    Returns:
        {our name: theirs}.
    """
    depthwise = f"{theirs}/{theirs.rpartition('/')[2]}"
    return {
        **convolution(f"{ours}_expand", theirs, 0),
        **normalisation(f"{ours}_expand", f"{theirs}/{kind}"),
        f"{ours}_depthwise_conv/kernel": f"{depthwise}/w",
        **({f"{ours}_depthwise_conv/bias": f"{depthwise}/bias"} if bias else {}),
        **normalisation(f"{ours}_depthwise", f"{theirs}/1"),
        **convolution(f"{ours}_project", theirs, 1),
        **normalisation(f"{ours}_project", f"{theirs}/2"),
    }


SCOPE = "generator/G_MODEL"
# our name: (scope, index); contrib.layers numbers plain and separable convolutions separately
_BLOCKS_1 = {
    **{"b1_0": ("b1", 0), "b1_1": ("b1", 1), "b2_0": ("b2", 0), "m_0": ("m", 0), "m_1": ("m", 1)},
    **{"u2_2": ("u2", 0), "u1_1": ("u1", 0), "u1_2": ("u1", 1)},
}
_SEPARABLE = {
    **{"b1_down": ("b1", 0), "b1_side": ("b1", 1), "b2_1": ("b2", 0), "b2_down": ("b2", 1), "b2_side": ("b2", 2)},
    **{"u2_0": ("u2", 0), "u2_1": ("u2", 1), "u1_0": ("u1", 0)},
}


def animegan1_variables() -> dict[str, str]:
    """{name of our weight: name of the variable}, all 129."""
    names = {"to_rgb_conv/kernel": f"{SCOPE}/Conv/weights"}
    for ours, (scope, index) in _BLOCKS_1.items():
        names |= convolution(ours, f"{SCOPE}/{scope}", index)
        # an inverted residual's normalisations have a scope of their own: only blocks count here
        names |= normalisation(ours, numbered(f"{SCOPE}/{scope}", "InstanceNorm", index))
    for ours, (scope, index) in _SEPARABLE.items():
        theirs = numbered(f"{SCOPE}/{scope}", "SeparableConv2d", index)
        names |= {f"{ours}_{part}_conv/kernel": f"{theirs}/{part}_weights" for part in ("depthwise", "pointwise")}
        names |= normalisation(ours, f"{theirs}/InstanceNorm")
    for number in range(1, animegan1.RESIDUALS + 1):
        names |= inverted_residual(f"m_r{number}", f"{SCOPE}/m/r{number}", "InstanceNorm", bias=False)
    return names


_BLOCKS_2 = {"A": 3, "B": 2, "C": 2, "D": 2, "E": 3}  # convolutions by scope


def animegan2_variables() -> dict[str, str]:
    """{name of our weight: name of the variable}, all 77."""
    names = {"to_rgb_conv/kernel": f"{SCOPE}/out_layer/Conv/weights"}
    for scope, count in _BLOCKS_2.items():
        for index in range(count):
            ours = f"{scope.lower()}_{index}"
            names |= convolution(ours, f"{SCOPE}/{scope}", index)
            names |= normalisation(ours, numbered(f"{SCOPE}/{scope}", "LayerNorm", index))
    for number in range(1, animegan2.RESIDUALS + 1):
        names |= inverted_residual(f"c_r{number}", f"{SCOPE}/C/r{number}", "LayerNorm", bias=True)
    return names


_BLOCKS_3 = {
    "base": ["base_0", "base_1_down", "base_1", "base_2_down", "base_2", "base_3_down", "base_3"],
    "main": [f"main_{step}{part}" for step in "123" for part in "ab"],
}
_ATTENTION = "main/External_attention"
# upstream's batch normalisation has plain variables, which TensorFlow numbers in the order in which they are made
_BATCH_NORM = {"gamma": "Variable", "beta": "Variable_1", "moving_mean": "Variable_2", "moving_variance": "Variable_3"}
STORED_SHAPES = {"main_attention/kernel": (1, 128, 128)}  # the memory, which upstream keeps as a 1-D convolution's
UNTRAINED = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}


def animegan3_variables() -> dict[str, str]:
    """{name of our weight: name of the variable}, the batch normalisation left out."""
    names = {"main_to_rgb/kernel": "generator/main/Conv_12/weights"}
    for scope, blocks in _BLOCKS_3.items():
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


CHECKPOINTS = {"animegan1": animegan1_variables, "animegan2": animegan2_variables, "animegan3": animegan3_variables}


def detect_architecture(names: Iterable[str]) -> str | None:
    """Finds the architecture whose variables a file holds.

    Args:
        names: The names of the file's variables; others may be among them.

    Returns:
        A key of `CHECKPOINTS`, or None where no architecture's variables are all there, or those of several. A file
        that lacks a single variable has no architecture: given one, `open_published` lists the missing variables.
    """
    found = set(names)
    fitting = [name for name, variables in CHECKPOINTS.items() if found.issuperset(variables().values())]
    return fitting[0] if len(fitting) == 1 else None
