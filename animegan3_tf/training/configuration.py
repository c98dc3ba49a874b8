"""The configuration of a training run, and the parts of it that a resumed run may not change."""

from __future__ import annotations

import hashlib
import json
import os
import reprlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import animegan3_tf
from animegan3_tf.common import images
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import sha256_of
from animegan3_tf.data.pair_dataset import open_pair_folders
from animegan3_tf.data.shard_folder import count_images
from animegan3_tf.models.perceptual import perceptual_family, perceptual_file
from animegan3_tf.networks.architectures import check_side
from animegan3_tf.styles import Style
from animegan3_tf.styles.style import PAIRS
from animegan3_tf.training.run_files import CONFIGURATION, flat, read_configuration

OVERRIDDEN = "overridden"  # key in config.json: the settings that --override changed in the course of the run
PERCEPTUAL = "perceptual_file.sha256"  # compared where both parts of a run know the file, see run_folder.py
# the settings that may change when a run is resumed: none of them affects a weight
_FREE = {
    *("perceptual_file", "perceptual_file.path", PERCEPTUAL, "version", "steps", "max_pixels"),
    *("samples", "sample_size", "log_every", "sample_every", "checkpoint_every", "keep", "keep_every"),
}


@dataclass(frozen=True)
class Origin:
    """The file that weights came from, and its sha256."""

    path: str
    sha256: str


@dataclass(frozen=True)
class RunConfiguration:
    """All settings of a run; kept as config.json in its folder.

    Attributes:
        style: The style to train.
        photos: Folder of photos; None if `pairs` is given.
        anime: Folder of anime images or, for a style with objective "pairs", of drawings that have the names of their
            photos; None if `pairs` is given.
        perceptual: The perceptual network, see `networks.load_perceptual`.
        steps: All optimizer steps.
        pretrain_steps: The first of these, which train on content only.
        samples: Folder of the photos in the image grids; `photos` by default.
        sample_size: Side of the images in the grids; by default that of the training crops or, for a style with
            objective "pairs", that of its validation.
        seed: Seed of the weights, the order of the images and their variations.
        max_pixels: The most pixels of an image file.
        log_every: Steps between two entries on the console and in TensorBoard.
        sample_every: Steps between two image grids.
        checkpoint_every: Steps between two saves.
        keep: The number of the newest states to keep.
        keep_every: Also keep the states of steps that are multiples of this; 0 for none.
        deterministic: Every operation gives the same bits on the same machine.
        precision: "float32", or a half precision of `training.distribution`.
        accumulate: Parts in which a batch is computed.
        jit: XLA compiles the parts that gain from it.
        init: The weights that the run begins with, see `training.initial`; None for random ones.
        pairs: Folders of pairs, or None.
        perceptual_file: Name and sha256 of the file behind `perceptual`, see `with_perceptual_file`.
    """

    style: Style
    photos: str | None
    anime: str | None
    perceptual: str
    steps: int
    pretrain_steps: int
    samples: str | None = None
    sample_size: int | None = None
    seed: int = 0
    max_pixels: int = images.DEFAULT_MAX_PIXELS
    log_every: int = 10
    sample_every: int = 250
    checkpoint_every: int = 500
    keep: int = 2
    keep_every: int = 0
    deterministic: bool = False
    precision: str = "float32"
    accumulate: int = 1
    jit: bool = False
    init: Origin | None = None
    pairs: tuple[str, ...] | None = None
    perceptual_file: Origin | None = None

    def __post_init__(self) -> None:
        """Raises UserError for settings with which no run is possible."""
        if self.steps < 1:
            raise UserError(f"--steps is {self.steps}; give at least 1")
        if not 0 <= self.pretrain_steps <= self.steps:
            raise UserError(
                f"--pretrain-steps is {self.pretrain_steps}, --steps {self.steps}; give from 0 to {self.steps}"
            )
        if not 0 <= self.seed < 2**32:
            raise UserError(f"--seed is {self.seed}; give a whole number from 0 to 4294967295")
        for name in ("log_every", "sample_every", "checkpoint_every", "keep", "accumulate"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} is {getattr(self, name)}; it must be at least 1")
        if self.keep_every < 0:
            raise UserError(f"--keep-every is {self.keep_every}; give a number of steps, or 0 to keep none for good")
        if self.sample_size is not None:
            check_side(self.sample_size, "--sample-size")
        for name, size in self.style.batch_sizes.items():
            if size % self.accumulate:
                raise UserError(
                    f"--accumulate is {self.accumulate}, which does not divide {name}, {size}; give one that does, or "
                    f"--set {name}=N"
                )
        self._check_sources()
        family = perceptual_family(self.perceptual)
        if family not in self.style.perceptual:
            known = ", ".join(self.style.perceptual)
            raise UserError(
                f"style {self.style.name!r} has no loss weights for {family}; add a table [perceptual.{family}] "
                f"to its .toml or choose a network of {known}"
            )

    def _check_sources(self) -> None:
        """Only styles with objective "pairs" take pairs, and they are given in only one way."""
        name = self.style.name
        if self.style.objective != PAIRS:
            if self.pairs is not None:
                raise UserError(f"--pairs is for styles that learn from pairs, {name!r} does not; leave it out")
            return
        if self.pairs is None and (self.photos is None or self.anime is None):
            raise UserError(no_pairs(name))
        if self.pairs is not None and (self.photos or self.anime):
            raise UserError("--pairs names photos and drawings; leave out --photos and --anime, or --pairs")
        if self.pretrain_steps and not self.style.pairs.discriminator:
            raise UserError(
                f"--pretrain-steps is {self.pretrain_steps}, and style {name!r} has no discriminator to train with "
                "after them; leave it out, or --set pairs.discriminator=true"
            )
        if self.samples is not None:
            raise UserError(
                f"--samples is not for style {name!r}: its image grids show pairs that it does not train on; leave it "
                "out"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"version": animegan3_tf.__version__, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Any, source: str) -> RunConfiguration:
        """Builds a configuration from the values of `to_dict`.

        Args:
            values: The values, as read from JSON.
            source: Where they come from, for the error.

        Returns:
            The configuration.

        Raises:
            UserError: The values are not those of a configuration.
        """
        try:
            values = {name: value for name, value in values.items() if name not in ("version", OVERRIDDEN)}
            _check_kinds(cls, values)
            given = [name for name in ("init", "perceptual_file") if values.get(name) is not None]
            values |= {name: Origin(**values[name]) for name in given}
            for name in given:
                _check_kinds(Origin, asdict(values[name]))
            pairs = values.get("pairs")
            pairs = (pairs,) if isinstance(pairs, str) else pairs  # one folder, as runs had it at first
            values["pairs"] = None if pairs is None else tuple(pairs)
            return cls(**{**values, "style": Style.from_dict(values["style"], source=source)})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{source!r} cannot be read: {error}") from error

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> RunConfiguration:
        """Reads the configuration of a run folder; raises UserError if it cannot be read."""
        return cls.from_dict(read_configuration(folder), str(Path(folder) / CONFIGURATION))


_KINDS = {"int": (int, "a whole number"), "bool": (bool, "true or false"), "str": (str, "a text")}


def _check_kinds(cls: type, values: dict[str, Any]) -> None:
    """Raises ValueError for a value that a dataclass has as number, bool or text, and that is something else."""
    for field in fields(cls):
        kind, *none = str(field.type).split(" | ")
        value = values.get(field.name)
        if field.name not in values or kind not in _KINDS or (none and value is None):
            continue
        wanted, name = _KINDS[kind]
        if type(value) is not wanted:
            raise ValueError(f"{field.name} is {reprlib.repr(value)}; it must be {name}")


def no_pairs(name: str) -> str:
    """Returns the error message for a style with objective "pairs" that was given no pairs."""
    return (
        f"style {name!r} learns from pairs of photos and drawings: make them with `animegan3 pairs PHOTOS -o DIR "
        "--teacher MODEL`, then give --pairs DIR; or train without pairs, --style portrait-unpaired"
    )


def with_perceptual_file(configuration: RunConfiguration, fetch: bool = True) -> RunConfiguration:
    """Adds the name and sha256 of the file behind the perceptual network.

    "vgg19" may mean one file today and another one tomorrow. The name has no folder, because hosts keep the same file
    in different folders.

    Args:
        configuration: The configuration of a run.
        fetch: Fetch a missing file; otherwise it stays unknown.

    Returns:
        The configuration with the file, or as it was if there is no file or it is unknown.

    Raises:
        UserError: The file can be neither found nor fetched, or it cannot be read.
    """
    path = perceptual_file(configuration.perceptual, fetch)
    if path is None or not path.is_file():  # the code that loads the network will name the missing file
        return configuration
    try:
        found = sha256_of(path)
    except OSError as error:
        raise UserError(f"perceptual network {str(path)!r} cannot be read: {error.strerror}; name its file") from error
    return replace(configuration, perceptual_file=Origin(path.name, found))


def resolve_steps(
    style: Style,
    photos: str | os.PathLike[str] | None,
    steps: int | None = None,
    pretrain_steps: int | None = None,
    stored: RunConfiguration | None = None,
    init: Origin | None = None,
    pairs: Sequence[str | Path] | None = None,
) -> tuple[int, int]:
    """Chooses the steps of a run where the user has not.

    A resumed run keeps the steps of its configuration. The steps of a new run follow from the style's epochs and the
    number of photos or pairs; pre-training takes at most half of them, so that a short trial has both phases. There is
    no pre-training for a run that begins with given weights, which know the content already, nor for pairs without a
    discriminator.

    Args:
        style: The style.
        photos: Folder of photos; not used if `pairs` or `stored` is given.
        steps: All steps, or None to choose them.
        pretrain_steps: Steps of the pre-training, or None to choose them.
        stored: The configuration of the run that is resumed.
        init: The weights that a new run begins with.
        pairs: Folders of pairs.

    Returns:
        All steps, and those of the pre-training.
    """
    if stored is not None:
        whole, content = stored.steps, stored.pretrain_steps
    else:
        if pairs is not None:
            count = len(open_pair_folders(pairs))
        else:
            assert photos is not None  # a run without pairs has photos
            count = count_images(photos)
        per_epoch = count / style.examples_per_step
        whole = max(1, round(style.train.epochs * per_epoch))
        content = min(round(style.train.pretrain_epochs * per_epoch), (whole if steps is None else steps) // 2)
        content = content if init is None else 0
    if style.objective == PAIRS and not style.pairs.discriminator and pretrain_steps is None:
        pretrain_steps = 0
    return whole if steps is None else steps, content if pretrain_steps is None else pretrain_steps


def binding(configuration: RunConfiguration) -> dict[str, Any]:
    """Returns the settings that a resumed run may change only with --override, {nested keys joined by dots: value}."""
    values = flat(json.loads(json.dumps(configuration.to_dict())))  # tuples as the lists that come back from JSON
    # the learning rate of a run on pairs falls over all of its steps
    free = _FREE - {"steps"} if configuration.style.objective == PAIRS else _FREE
    return {key: value for key, value in values.items() if key not in free}


def binding_digest(configuration: RunConfiguration) -> str:
    """Returns the sha256 of the `binding` settings; runs with equal digests train equally."""
    return hashlib.sha256(json.dumps(binding(configuration), sort_keys=True).encode()).hexdigest()
