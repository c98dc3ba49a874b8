"""What decides a training run, and how two runs differ in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import animegan3_tf
from animegan3_tf import images
from animegan3_tf.data.pair_folder import open_pair_folders
from animegan3_tf.data.shard_folder import count_images
from animegan3_tf.errors import UserError
from animegan3_tf.networks.perceptual import perceptual_family, perceptual_file
from animegan3_tf.sizes import check_side
from animegan3_tf.styles import Style
from animegan3_tf.styles.style import PAIRS
from animegan3_tf.training.run_files import CONFIGURATION, flat, read_configuration

OVERRIDDEN = "overridden"  # in config.json: what --override changed on the way
PERCEPTUAL = "perceptual_file.sha256"  # compared where both parts of a run know the file, see run_folder.py
# what may change from one part of a run to the next: none of it touches a weight
_FREE = {
    "perceptual_file",
    "perceptual_file.path",
    PERCEPTUAL,
    "version",
    "steps",
    "max_pixels",
    "samples",
    "sample_size",
    "log_every",
    "sample_every",
    "checkpoint_every",
    "keep",
    "keep_every",
}


@dataclass(frozen=True)
class Origin:
    """Where weights came from: the file, and the sha256 of it."""

    path: str
    sha256: str


@dataclass(frozen=True)
class RunConfiguration:
    """Everything that decides a run; kept as config.json in its folder.

    photos, anime: folders; of pairs, those of like names, or None where `pairs` names folders of both. perceptual:
    see `networks.load_perceptual`. steps: optimizer steps in all, of which `pretrain_steps` are content only. samples:
    folder of the photos in the picture grids, by default `photos`; sample_size: their side there, by default the
    training crops', or that of a pairs style's validation. keep: how many of the newest states stay; keep_every: those
    at multiples of it stay for good, 0 for none. deterministic: every operation gives the same bits on the same
    machine. precision: "float32", or a half precision of `training.precision`. accumulate: parts that a batch is
    computed in. jit: XLA compiles what gains by it. init: the weights it began with, see `training.initial`; None for
    random ones. perceptual_file: the name and sha256 of the file behind `perceptual`, see `with_perceptual_file`.
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

    def __post_init__(self):
        """Refuses what could not run."""
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

    def _check_sources(self):
        """Pairs go with styles of pairs only, and with one way to name them."""
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
                f"--pretrain-steps is {self.pretrain_steps}, and style {name!r} has no discriminator that would come "
                "after them; leave it out, or --set pairs.discriminator=true"
            )
        if self.samples is not None:
            raise UserError(
                f"--samples is not for style {name!r}: its picture grids show pairs that it does not train on; leave "
                "it out"
            )

    def to_dict(self):
        """Plain values for JSON."""
        return {"version": animegan3_tf.__version__, **asdict(self)}

    @classmethod
    def from_dict(cls, values, source):
        """The configuration of `to_dict`'s values; a UserError names `source` where they are none."""
        try:
            values = {name: value for name, value in values.items() if name not in ("version", OVERRIDDEN)}
            origins = {name: values.get(name) for name in ("init", "perceptual_file")}
            pairs = values.get("pairs")
            pairs = (pairs,) if isinstance(pairs, str) else pairs  # one folder, as runs had it at first
            return cls(
                **{
                    **values,
                    "style": Style.from_dict(values["style"], source=source),
                    "pairs": None if pairs is None else tuple(pairs),
                    **{name: None if origin is None else Origin(**origin) for name, origin in origins.items()},
                }
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{source!r} cannot be read: {error}") from error

    @classmethod
    def read(cls, folder):
        """The configuration of a run folder."""
        return cls.from_dict(read_configuration(folder), str(Path(folder) / CONFIGURATION))


def no_pairs(name):
    """What to do where a style of pairs was given none, in one line."""
    return (
        f"style {name!r} learns from pairs of photos and drawings: make them with `animegan3 pairs PHOTOS -o DIR "
        "--teacher MODEL`, then give --pairs DIR; or train without pairs, --style portrait-unpaired"
    )


def with_perceptual_file(configuration: RunConfiguration, fetch: bool = True) -> RunConfiguration:
    """Returns the configuration with the file behind its perceptual network, as far as there is one and it is known.

    "vgg19" may mean one file today and another tomorrow. Hosts keep the same file in different folders, so its name
    alone is noted.

    Args:
        configuration: Of a run.
        fetch: Fetches what is not here yet; otherwise the file stays unknown.

    Raises:
        UserError: The file can neither be found nor fetched.
    """
    path = perceptual_file(configuration.perceptual, fetch)
    if path is None or not path.is_file():  # whoever reads it will say what is missing
        return configuration
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"perceptual network {str(path)!r} cannot be read: {error.strerror}; name its file") from error
    return replace(configuration, perceptual_file=Origin(path.name, found))


def resolve_steps(style, photos, steps=None, pretrain_steps=None, stored=None, init=None, pairs=None):
    """(steps, pretrain_steps) of a run, for what is None.

    Those of `stored`, the configuration of the run being resumed, if given; else what the style's epochs come to over
    the folder of photos, or those of pairs where they are given, pre-training at most half of the steps, so that a
    short trial sees both phases. A run that begins with the weights of `init` has learnt content before: no
    pre-training. Nor is there any on pairs without a discriminator to come after it.
    """
    if stored is not None:
        whole, content = stored.steps, stored.pretrain_steps
    else:
        count = count_images(photos) if pairs is None else len(open_pair_folders(pairs))
        per_epoch = count / style.examples_per_step
        whole = max(1, round(style.train.epochs * per_epoch))
        content = min(round(style.train.pretrain_epochs * per_epoch), (whole if steps is None else steps) // 2)
        content = content if init is None else 0
    if style.objective == PAIRS and not style.pairs.discriminator and pretrain_steps is None:
        pretrain_steps = 0
    return whole if steps is None else steps, content if pretrain_steps is None else pretrain_steps


def binding(configuration):
    """{key: value} of what may not change unasked within a run, nested keys joined by dots."""
    values = flat(json.loads(json.dumps(configuration.to_dict())))  # tuples as the lists that come back from JSON
    # the learning rate of a run on pairs falls over all of its steps
    free = _FREE - {"steps"} if configuration.style.objective == PAIRS else _FREE
    return {key: value for key, value in values.items() if key not in free}


def digest(configuration):
    """sha256 of the `binding` part: equal digests, equal training."""
    return hashlib.sha256(json.dumps(binding(configuration), sort_keys=True).encode()).hexdigest()
