"""The gate to model files: it finds out what lies at a path and opens it, and nothing else opens one.

Each kind of file is a `Kind` of the registry, and `register_kind` adds another. TensorFlow is imported when a file is
opened, not before.
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import sha256_of
from animegan3_tf.models.checkpoints import weights_of
from animegan3_tf.networks.architectures import MULTIPLE, Architecture, architecture_of

if TYPE_CHECKING:
    import tensorflow as tf

    from animegan3_tf.networks.tiling import Draw, Forward


@dataclass(frozen=True)
class Model:
    """An opened model.

    Attributes:
        kind: Its kind in words: "weights", "frozen graph", "ONNX", "TF.js", "TensorFlow 1", "SavedModel", "TFLite", or
            a kind that was registered.
        path: Its file or folder; of a run folder or a shipped checkpoint, the weights file.
        forward: Draws an image, float32 [1, H, W, 3] in [-1, 1] -> the same, in tiles where it is large; H and W are
            multiples of `multiple`, or `input_size`.
        header: What the file says about itself, by name: of a weights file "architecture", "resize", "epsilons",
            "license", "trained_on" and more; of a published file the header that its weights file would have; of an
            exported file its metadata.
        architecture: The architecture of its network; None where the network is not known.
        network: The Keras model, float32 [N, H, W, 3] in [-1, 1] in and out; None where the file's own runtime draws.
        input_size: (H, W) where it takes no other size; None where it takes any.
        whole: As `forward`, but never in tiles; None where `forward` has no tiles anyway.
        files: All files that hold it, or the one folder.
        draw: As `forward`, but uint8 [H, W, 3] -> the same, and a large image never is in memory as float32; raises
            FloatingPointError where the drawing is not finite. None where the file's own runtime draws.
        exhausted: The exceptions that `forward` raises when memory runs out.
        multiple: Height and width of an image are multiples of this.
        warning: One line that the user should see before it draws, or None.
        graph: Describes what the file's runtime computes, see `litert.describe_graph`; None for all but TFLite.
    """

    kind: str
    path: Path
    forward: Forward
    header: Mapping[str, Any] = field(default_factory=dict)
    architecture: Architecture | None = None
    network: tf.keras.Model | None = None
    input_size: tuple[int, int] | None = None
    whole: Forward | None = None
    draw: Draw | None = None
    files: tuple[Path, ...] = ()
    exhausted: tuple[type[Exception], ...] = (MemoryError,)
    multiple: int = MULTIPLE
    warning: str | None = None
    graph: Callable[[], dict[str, Any]] | None = None

    @property
    def parameters(self) -> int | None:
        """The number of the network's trainable parameters; None without a Keras network."""
        return None if self.network is None else sum(math.prod(one.shape) for one in self.network.trainable_weights)

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(map(size_of, self.files or (self.path,)))

    @property
    def sha256(self) -> str:
        """The digest of all files, see `sha256_of`."""
        return sha256_of(*(self.files or (self.path,)))

    def describe(self) -> dict[str, Any]:
        """What `animegan3 info` prints of it: plain values by name."""
        numbers = {} if self.network is None else {"numbers": sum(math.prod(one.shape) for one in self.network.weights)}
        return {"kind": self.kind, "bytes": self.bytes, **self.header, **numbers}


@dataclass(frozen=True)
class Kind:
    """A kind of model file.

    Attributes:
        name: Its name in words.
        accepts: What messages call it among what is accepted, such as "a .tflite file".
        matches: Tells from a path, by names alone, whether such a file lies there.
        open: Opens the file; raises UserError where it is damaged or does not draw images.
        describe: Describes the file without opening it for drawing, see `Model.describe`; None to open it for that.
        has_network: Whether it opens as a Keras network, which can be exported and trained on.
    """

    name: str
    accepts: str
    matches: Callable[[Path], bool]
    open: Callable[[Path], Model]
    describe: Callable[[Path], dict[str, Any]] | None = None
    has_network: bool = False


def open_model(model: str | os.PathLike, architecture: str | None = None, networks: bool = False) -> Model:
    """Opens a model of any kind.

    Args:
        model: Its path, or the name of a shipped checkpoint; `accepted` says what else.
        architecture: The architecture that a published file must have, one of `ARCHITECTURES`; None to find it out.
        networks: The caller takes only models with a Keras network, so that errors name no others.

    Returns:
        The model.

    Raises:
        UserError: Nothing is there, it is of no known kind, it is damaged, or its input and output do not fit.
    """
    path = weights_of(model)
    if architecture is not None:
        from animegan3_tf.models.published import open_published

        return open_published(path, architecture)
    kind = kind_of(path)
    if kind is None:
        raise no_model(path, networks=networks)
    return kind.open(path)


def kind_of(path: str | os.PathLike) -> Kind | None:
    """Finds the kind of the model at a path, by names alone; None where there is none."""
    return next((kind for kind in (*_REGISTERED, *_BUILT_IN) if kind.matches(Path(path))), None)


def is_model(path: str | os.PathLike) -> bool:
    """Whether a path is that of a model, or at least of a file, and not of a folder of images."""
    return not os.path.isdir(path) or kind_of(weights_of(path)) is not None


def register_kind(kind: Kind) -> None:
    """Adds a kind of model file, which every command then takes; it is asked before those that are known already."""
    _REGISTERED.insert(0, kind)


def accepted(networks: bool = False) -> str:
    """Says which models are accepted.

    Args:
        networks: Only those that open as a Keras network.

    Returns:
        The end of an error message: "a shipped checkpoint (`animegan3 models` lists them), ...".
    """
    *most, last = (kind.accepts for kind in (*_BUILT_IN, *_REGISTERED) if kind.has_network or not networks)
    return f"{', '.join(most)} or {last}" if most else last


def no_model(path: str | os.PathLike, also: str = "", networks: bool = False) -> UserError:
    """Makes the error for a path that is no model.

    Args:
        path: The path.
        also: What else is accepted there, such as "a state (.h5), ".
        networks: As for `accepted`.
    """
    wrong = "is in no known format" if os.path.exists(path) else "does not exist"
    return UserError(f"model {quote(path)} {wrong}; name {also}{accepted(networks)}")


def keras_model(
    kind: str, path: Path, header: Mapping[str, Any], network: tf.keras.Model, files: tuple[Path, ...] = ()
) -> Model:
    """Makes the model of a Keras network, which draws large images in tiles.

    Args:
        kind: As in `Model`, and so are the others.
        path: The file or folder.
        header: Its "architecture" is one of `ARCHITECTURES`.
        network: Float32 [N, H, W, 3] in [-1, 1] in and out.
        files: All files; by default the path alone.
    """
    import tensorflow as tf

    from animegan3_tf.networks.tiling import forward_functions

    architecture = architecture_of(header, path)
    forward, whole, draw = forward_functions(network, architecture)
    return Model(
        kind,
        path,
        forward,
        header,
        architecture,
        network,
        whole=whole,
        draw=draw,
        files=files,
        exhausted=(MemoryError, tf.errors.ResourceExhaustedError),
        multiple=architecture.multiple,
    )


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file()) if path.is_dir() else path.stat().st_size


def is_published(path: Path) -> bool:
    """Whether a path looks like a file of AnimeGAN's authors, by names alone; ONNX files are a kind of their own.

    Such are a TensorFlow 1 checkpoint (its prefix, index or folder), a frozen graph, and TF.js (its folder or
    model.json).
    """
    if path.is_dir():
        names = ("checkpoint", "model.json")
        is_any = any((path / name).is_file() for name in names) or any(path.glob("*.index"))
        return is_any and not _is_saved_model(path)
    is_graph = path.suffix.lower() in (".pb", ".index") or path.name == "model.json"
    return (is_graph and path.is_file()) or os.path.isfile(f"{path}.index")


def _is_saved_model(path: Path) -> bool:
    return (path / "saved_model.pb").is_file()


def _has_suffix(suffix: str) -> Callable[[Path], bool]:
    return lambda path: path.suffix.lower() == suffix and path.is_file()


def _later(module: str, name: str) -> Callable[[Path], Any]:
    """A function of a module of this room, which is imported when it is called: most need TensorFlow."""
    return lambda path: getattr(importlib.import_module(f"animegan3_tf.models.{module}"), name)(path)


def _exported(name: str, accepts: str, matches: Callable[[Path], bool], function: str) -> Kind:
    """A kind of which `models.exported` has the functions, `open_FUNCTION` and `describe_FUNCTION`."""
    opens, describes = (_later("exported", f"{verb}_{function}") for verb in ("open", "describe"))
    return Kind(name, accepts, matches, opens, describes)


_REGISTERED: list[Kind] = []
WEIGHTS_KIND = Kind(
    "weights",
    "a shipped checkpoint (`animegan3 models` lists them), a run folder (with generator.h5), a weights file (.h5)",
    _has_suffix(".h5"),
    _later("weights", "open_weights"),
    _later("weights_file", "describe_weights"),
    has_network=True,
)
_BUILT_IN = (
    WEIGHTS_KIND,
    Kind(
        "published",
        "a published file of AnimeGAN's authors (.pb, .onnx, TF.js, TensorFlow 1 checkpoint)",
        is_published,
        _later("published", "open_published"),
        has_network=True,
    ),
    _exported("SavedModel", "a SavedModel folder", _is_saved_model, "saved_model"),
    _exported("TFLite", "a .tflite file", _has_suffix(".tflite"), "tflite"),
    _exported("ONNX", "an .onnx file", _has_suffix(".onnx"), "onnx"),
)
