"""A style: the data, network, losses and schedule of one look, read from a .toml file."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from animegan3_tf.common.errors import UserError
from animegan3_tf.networks.architectures import ARCHITECTURES, TRAINED, check_side


def build_from_tables(kind: Any, value: Any, source: str, key: str = "") -> Any:
    """Makes a dataclass from nested tables.

    Args:
        kind: The dataclass, or the type of one of its fields: a scalar, list[...], dict[str, ...], or a Union of
            dataclasses, of which the one with more of the value's keys is taken.
        value: The table, list or scalar that the file holds.
        source: The file, for errors.
        key: The value's dotted key in the file; "" for the whole file.

    Returns:
        `value` as `kind`.

    Raises:
        UserError: A key is unknown or missing, or a value has the wrong type.
    """
    where = f"{source}: {key}" if key else source
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise UserError(f"{where} is {value!r}; it must be a table")
        hints = get_type_hints(kind)
        unknown = sorted(value.keys() - hints.keys())
        if unknown:
            raise UserError(f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(sorted(hints))}")
        required = {field.name for field in dataclasses.fields(kind) if _is_required(field)}
        missing = sorted(required - value.keys())
        if missing:
            raise UserError(f"{where}: missing key {', '.join(missing)}")
        prefix = f"{key}." if key else ""
        return kind(
            **{name: build_from_tables(hints[name], item, source, prefix + name) for name, item in value.items()}
        )
    if get_origin(kind) is Union:  # tables that differ in their keys
        given = set(value) if isinstance(value, dict) else set()
        kind = max(get_args(kind), key=lambda each: len(given & get_type_hints(each).keys()))
        return build_from_tables(kind, value, source, key)
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise UserError(f"{where} is {value!r}; it must be a table")
        return {
            name: build_from_tables(get_args(kind)[1], item, source, f"{key}.{name}") for name, item in value.items()
        }
    if get_origin(kind) is list:
        if not isinstance(value, list):
            raise UserError(f"{where} is {value!r}; it must be a list")
        return [build_from_tables(get_args(kind)[0], item, source, key) for item in value]
    return _scalar(kind, value, where)


def _scalar(kind: type, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{where} is {value!r}; it must be of type {kind.__name__}")
    return value


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


@dataclass(frozen=True)
class FeatureSettings:
    """Loss weights in the features of one perceptual network, for training on pairs."""

    features: dict[str, float]  # tap -> weight of the L1 distance of drawing and result


@dataclass(frozen=True)
class BatchSettings:
    """One kind of batch: the number and side of its crops, and the size of the images that they are cut from."""

    turns: int  # batches of this kind in a cycle; the order within a cycle is random
    count: int  # crops a batch
    crop: int  # their side in pixels, a multiple of 8
    scales: list[int]  # least and most pixels of the short side of the image that a crop is cut from


@dataclass(frozen=True)
class PairSettings:
    """How pairs are cut and varied, the generator's losses, its optimizer, and the discriminator's part."""

    batches: dict[str, BatchSettings] = dataclasses.field(default_factory=dict)
    flip: bool = True  # mirror photo and drawing together at random
    varied: float = 0.5  # share of the crops whose light is changed, in photo and drawing
    brightness: list[float] = dataclasses.field(default_factory=lambda: [0.7, 1.15])  # least and most factor
    drawing_light: float = 1.0  # power of that factor on the drawing: under 1, drawings of dark photos stay lighter
    cast: float = 0.05  # each channel's own factor, to either side of 1
    soft: float = 0.0  # share of the crops whose photo, not the drawing, loses detail
    softest: float = 2.5  # most by which such a photo is reduced and enlarged again
    held_out: float = 0.03  # share of the pairs kept from training, for validation
    validated: int = 24  # most of these that are drawn and measured
    shown: int = 6  # how many of these the image grid shows
    validation_size: int = 384  # side of the validation's squares
    pixels: float = 1.0  # L1 of pixels, weighted by the drawing's ink
    ink: float = 5.0  # how much more than 1 a pixel of full ink weighs
    ink_contrast: float = 0.3  # difference to the surroundings that counts as full ink, in [-1, 1] grey
    ink_window: int = 13  # side of the surroundings in pixels
    eyes: float = 0.0  # how much more than 1 pixels and features about a face's eyes weigh, where landmarks are known
    differences: float = 1.0  # L1 of neighbours' differences, each of the four of distance 1 and 2 in H and W
    blocks: float = 1.0  # L1 of the means of 8x8 blocks
    beta_1: float = 0.9  # of the generator's Adam
    clip_norm: float = 1.0  # the generator's gradient is scaled down to this norm
    warmup_steps: int = 100  # over which the learning rate grows from 0, before its cosine falls to 0 again
    discriminator: bool = False
    discriminator_alone: int = 200  # its first steps, in which it has no effect on the generator
    discriminator_share: float = 0.33  # norm of its gradient on the result, over that of the other losses
    discriminator_limit: float = 0.235  # its loss above which it has no effect; guessing has 0.25

    @property
    def cycle(self) -> list[BatchSettings]:
        """Every batch of a cycle, kind by kind."""
        return [batch for batch in self.batches.values() for _ in range(batch.turns)]

    @property
    def examples_per_step(self) -> float:
        """The mean number of crops in a batch over a cycle."""
        return sum(batch.count for batch in self.cycle) / len(self.cycle)

    @property
    def largest_side(self) -> int:
        """The largest short side in pixels that training or validation uses."""
        return max(self.validation_size, *(batch.scales[1] for batch in self.batches.values()))

    def check(self, multiple: int) -> None:
        """Checks the ranges of the values.

        Args:
            multiple: The number of which the generator's image sides must be multiples.

        Raises:
            UserError: A value is outside its range.
        """
        if not self.batches:
            raise UserError("pairs.batches is empty; training on pairs needs a table [pairs.batches.NAME]")
        for name, batch in self.batches.items():
            key = f"pairs.batches.{name}"
            check_side(batch.crop, f"{key}.crop", max(8, multiple))
            if len(batch.scales) != 2 or not batch.crop <= batch.scales[0] <= batch.scales[1]:
                raise UserError(f"{key}.scales is {batch.scales}; give two sides from the crop's {batch.crop} up")
        check_side(self.validation_size, "pairs.validation_size", max(8, multiple))
        if len(self.brightness) != 2 or not 0 < self.brightness[0] <= self.brightness[1]:
            raise UserError(f"pairs.brightness is {self.brightness}; give the least and the most factor, above 0")
        if not self.ink_window % 2:
            raise UserError(f"pairs.ink_window is {self.ink_window}; it must be odd")
        counts = [(f"pairs.batches.{name}.turns", batch.turns) for name, batch in self.batches.items()]
        counts += [(f"pairs.batches.{name}.count", batch.count) for name, batch in self.batches.items()]
        for key, value, low, high in (
            *((key, value, 1, math.inf) for key, value in counts),
            ("pairs.varied", self.varied, 0, 1),
            ("pairs.cast", self.cast, 0, 0.5),
            ("pairs.drawing_light", self.drawing_light, 0, 1),
            ("pairs.soft", self.soft, 0, 1),
            ("pairs.softest", self.softest, 1, 8),
            ("pairs.held_out", self.held_out, 0, 0.5),
            ("pairs.validated", self.validated, 1, math.inf),
            ("pairs.shown", self.shown, 1, math.inf),
            ("pairs.ink_contrast", self.ink_contrast, 1e-3, math.inf),
            ("pairs.ink_window", self.ink_window, 1, math.inf),
            ("pairs.eyes", self.eyes, 0, math.inf),
            ("pairs.beta_1", self.beta_1, 0, 0.9999),
            ("pairs.clip_norm", self.clip_norm, 1e-6, math.inf),
            ("pairs.warmup_steps", self.warmup_steps, 0, math.inf),
            ("pairs.discriminator_alone", self.discriminator_alone, 0, math.inf),
            ("pairs.discriminator_share", self.discriminator_share, 0, math.inf),
        ):
            if not low <= value <= high:
                raise UserError(f"{key} is {value}; it must lie between {low} and {high}")


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

UNPAIRED, PAIRS = "unpaired", "pairs"
_FOLDER = Path(__file__).parent
_CHOICES = {
    "objective": (UNPAIRED, PAIRS),
    "balance": ("none", "mean", "equalize"),
    "adversarial": ("least_squares", "hinge"),
    "color_space": ("yuv", "lab"),
    "region_target": ("superpixel", "l0", "none"),
    "resize": ("half_pixel", "legacy"),
}


@dataclass(frozen=True)
class DataSettings:
    """How images are cut and varied before the networks see them."""

    image_size: int = 256  # side of the square crops, a multiple of 8
    max_scale: float = 1.5  # larger images are reduced until their short side is this many crop sides
    flip: bool = True  # mirror photos and anime at random
    rotation: float = 0.0  # photos only, degrees to either side
    brightness: float = 0.0  # photos only, to either side, of the [-1, 1] range
    salt: float = 0.0  # share of white pixels in the edge-smoothed anime
    balance: str = "none"  # of the anime's colours: "mean" or "equalize", see data/balance.py

    @property
    def sides(self) -> tuple[int, int]:
        """(least, most) pixels of an image's short side when crops are cut from it."""
        return self.image_size, round(self.image_size * self.max_scale)


@dataclass(frozen=True)
class TargetSettings:
    """The filters that make training targets."""

    region_target: str = "superpixel"  # or "l0", which stays in the graph, or "none" for a single tail
    superpixel_min_size: int = 50  # felzenszwalb's, for the generator's own images; photos always 50
    region_l0_lambda: float = 0.02
    guided_radius: int = 2
    guided_eps: float = 0.01
    nl_means: list[int] = dataclasses.field(default_factory=lambda: [5, 6, 5, 7])  # h, hColor, template, search
    revision_l0_lambda: float = 0.005


@dataclass(frozen=True)
class LossSettings:
    """Loss weights that do not depend on the perceptual network; DTGAN, table 1.

    A generator with a single tail uses those of the support tail; those of the main tail have no effect on it.
    """

    adversarial: str = "least_squares"
    support_labels: list[float] = dataclasses.field(default_factory=lambda: [0.9, 0.1])  # real, fake
    support_generator: float = 1.0
    support_real: float = 0.5
    support_fake: float = 1.0
    support_edges: float = 2.0  # the edge-smoothed anime, as another fake
    support_gray: float = 0.0  # the anime without its colours, as another fake; only for a single tail
    main_labels: list[float] = dataclasses.field(default_factory=lambda: [1.0, 0.0])
    main_generator: float = 0.02
    main_discriminator: float = 0.1
    revision_l1: float = 50.0  # main tail to the revision target, pixels
    color_space: str = "yuv"
    color: dict[str, float] = dataclasses.field(default_factory=lambda: {"yuv": 15.0, "lab": 10.0})
    total_variation: float = 1e-3
    flat_regions: float = 0.0  # support tail, neighbouring pixels where the photo's region target is flat
    identity: float = 0.0  # support tail to the photo, L1 of pixels


@dataclass(frozen=True)
class PerceptualSettings:
    """Loss weights in the features of one perceptual network."""

    content: dict[str, float]  # tap -> weight
    style: dict[str, float]  # tap -> weight
    distance: str  # the tap region smoothing and revision are measured at
    region_fake: float  # this and the next two: 0 for a single tail, which has no such targets
    region_photo: float
    revision: float


@dataclass(frozen=True)
class TrainSettings:
    """The optimizers and how long they run."""

    batch_size: int = 8
    pretrain_epochs: float = 5.0  # content only
    epochs: float = 100.0  # pre-training included
    pretrain_learning_rate: float = 2e-4
    generator_learning_rate: float = 1e-4
    discriminator_learning_rate: float = 1e-4
    ema: float = 0.998  # decay of the averaged generator, the one that is deployed
    resize: str = "half_pixel"


@dataclass(frozen=True)
class Style:
    """One training recipe.

    Attributes:
        name: The name of its file.
        description: One line for people.
        perceptual: Loss weights by family of perceptual networks ("vgg19", "resnet18").
        objective: "unpaired" trains on photos and anime images that do not belong together, "pairs" on photos and
            drawings of them.
        generator: The generation that is trained, one of `ARCHITECTURES`.
        data: How images are cut and varied; for "unpaired".
        target: The filters that make targets; for "unpaired".
        loss: Loss weights; for "unpaired".
        train: The optimizers and how long they run.
        pairs: Everything else for "pairs".
    """

    name: str
    description: str
    perceptual: dict[str, Union[PerceptualSettings, FeatureSettings]]  # noqa: UP007 - read at run time, on 3.9 too
    objective: str = UNPAIRED
    generator: str = "animegan3"
    data: DataSettings = DataSettings()
    target: TargetSettings = TargetSettings()
    loss: LossSettings = LossSettings()
    train: TrainSettings = TrainSettings()
    pairs: PairSettings = dataclasses.field(default_factory=PairSettings)

    def __post_init__(self) -> None:
        """Checks ranges, choices and combinations; raises `UserError`."""
        if self.generator not in TRAINED:
            raise UserError(f"generator is {self.generator!r}; it must be one of {', '.join(TRAINED)}")
        check_side(self.data.image_size, "data.image_size", ARCHITECTURES[self.generator].multiple)
        for key, value, low, high in (
            ("data.max_scale", self.data.max_scale, 1, math.inf),
            ("data.salt", self.data.salt, 0, 1),
            ("target.region_l0_lambda", self.target.region_l0_lambda, 1e-6, math.inf),
            ("target.revision_l0_lambda", self.target.revision_l0_lambda, 1e-6, math.inf),
            ("train.batch_size", self.train.batch_size, 1, math.inf),
            ("train.ema", self.train.ema, 0, 1),
            ("train.pretrain_learning_rate", self.train.pretrain_learning_rate, 0, 1),
            ("train.generator_learning_rate", self.train.generator_learning_rate, 0, 1),
            ("train.discriminator_learning_rate", self.train.discriminator_learning_rate, 0, 1),
        ):
            if not low <= value <= high:
                raise UserError(f"{key} is {value}; it must lie between {low} and {high}")
        for key, value in _numbers(self.to_dict()):
            if not math.isfinite(value):
                raise UserError(f"{key} is {value}; it must be a finite number")
        for key, values, length in (
            ("target.nl_means", self.target.nl_means, 4),
            ("loss.support_labels", self.loss.support_labels, 2),
            ("loss.main_labels", self.loss.main_labels, 2),
        ):
            if len(values) != length:
                raise UserError(f"{key} is {values}; it must hold {length} numbers")
        for section in (self, self.data, self.target, self.loss, self.train):
            for field, choices in _CHOICES.items():
                if hasattr(section, field) and getattr(section, field) not in choices:
                    raise UserError(f"{field} is {getattr(section, field)!r}; it must be one of {', '.join(choices)}")
        self._check_objective()
        if self.objective == PAIRS:
            self.pairs.check(ARCHITECTURES[self.generator].multiple)
            return
        for family, weights in self._unpaired_weights():
            if sum(weights.content.values()) <= 0:
                raise UserError(
                    f"perceptual.{family}.content is {weights.content}; pre-training needs a weight above 0"
                )
        self._check_tails()
        if self.loss.color_space not in self.loss.color:
            raise UserError(f"loss.color has no weight for color_space {self.loss.color_space!r}")

    def _unpaired_weights(self) -> Iterator[tuple[str, PerceptualSettings]]:
        """Yields (family, weights) of the perceptual networks, for the objective "unpaired"."""
        for family, weights in self.perceptual.items():
            if isinstance(weights, PerceptualSettings):
                yield family, weights

    def _check_objective(self) -> None:
        """Refuses tables of the other objective, which would have no effect without anybody noticing."""
        pairs = self.objective == PAIRS
        kind: type = FeatureSettings if pairs else PerceptualSettings
        keys = "features" if pairs else "content and style"
        for family, weights in self.perceptual.items():
            if not isinstance(weights, kind):
                raise UserError(
                    f"perceptual.{family} is not for objective {self.objective!r}, whose weights are {keys}; change "
                    "them, or the objective"
                )
        other: dict[str, object] = {"data": DataSettings(), "target": TargetSettings(), "loss": LossSettings()}
        for name, unset in (other if pairs else {"pairs": PairSettings()}).items():
            if getattr(self, name) != unset:
                raise UserError(f"table [{name}] has no effect with objective {self.objective!r}; leave it out")
        for name in ("batch_size", "pretrain_learning_rate") if pairs else ():
            if getattr(self.train, name) != getattr(TrainSettings(), name):
                raise UserError(f"train.{name} has no effect with objective {self.objective!r}; leave it out")

    def _check_tails(self) -> None:
        """Refuses weights for region and revision targets with a single tail, where they would have no effect."""
        region = self.target.region_target
        if ARCHITECTURES[self.generator].tails == 2:
            if region == "none" or self.loss.support_gray:
                raise UserError(
                    f"target.region_target is {region!r}, loss.support_gray {self.loss.support_gray}; {self.generator} "
                    "takes superpixel or l0, and 0"
                )
            return
        if region != "none":
            raise UserError(f"target.region_target is {region!r}; {self.generator} has none: set it to none")
        if self.loss.flat_regions:
            raise UserError(
                f"loss.flat_regions is {self.loss.flat_regions}; {self.generator} has no region target: set it to 0"
            )
        for family, weights in self._unpaired_weights():
            if weights.region_fake or weights.region_photo or weights.revision:
                raise UserError(
                    f"perceptual.{family} has weights for region or revision targets; {self.generator} has none: set "
                    "region_fake, region_photo and revision to 0"
                )

    @property
    def batch_sizes(self) -> dict[str, int]:
        """{key: number of images} of every kind of batch."""
        if self.objective == PAIRS:
            return {f"pairs.batches.{name}.count": batch.count for name, batch in self.pairs.batches.items()}
        return {"train.batch_size": self.train.batch_size}

    @property
    def examples_per_step(self) -> float:
        """The number of images a step, the mean over the kinds of batches."""
        return self.pairs.examples_per_step if self.objective == PAIRS else self.train.batch_size

    def to_dict(self) -> dict[str, Any]:
        """Returns plain dictionaries, as the run folder's JSON keeps them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str = "style") -> Style:
        """Makes a style from the dictionaries of `to_dict`.

        Args:
            values: The dictionaries; keys that are left out keep their defaults.
            source: The file, for errors.

        Returns:
            The style.

        Raises:
            UserError: A key is unknown or missing, or a value has the wrong type or is outside its range.
        """
        return build_from_tables(cls, values, source)


def available_styles() -> list[str]:
    """Returns the names of the styles that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_style(name_or_path: str | os.PathLike) -> Style:
    """Reads a style.

    Args:
        name_or_path: The name of a bundled style, or the path of a .toml file.

    Returns:
        The style, named for its file.

    Raises:
        UserError: There is no such style, or its file cannot be read or is not a valid style.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = _FOLDER / f"{name_or_path}.toml"
        if not path.is_file():
            raise UserError(
                f"style {str(name_or_path)!r} is not known; choose {', '.join(available_styles())} "
                "or give the path of a .toml file"
            )
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"style file {str(path)!r} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"style file {str(path)!r} is not valid TOML: {error}") from error
    return Style.from_dict({"name": path.stem, **values}, source=str(path))


def override(style: Style, settings: Mapping[str, Any]) -> Style:
    """Copies a style with some values replaced.

    Args:
        style: The style; it stays as it is.
        settings: {"train.batch_size": 4, "loss.color.yuv": 12.0, ...}. Strings are read as TOML where they are valid
            TOML values, and taken as they are otherwise.

    Returns:
        The copy.

    Raises:
        UserError: There is no such key, or a value does not fit.
    """
    values = style.to_dict()
    for key, value in settings.items():
        *parents, last = key.split(".")
        table: Any = values
        for parent in parents:
            table = table.get(parent) if isinstance(table, dict) else None
        if not isinstance(table, dict) or last not in table:
            raise UserError(f"setting {key!r} is not known; see the .toml files of animegan3_tf/styles for all of them")
        table[last] = _parse(value) if isinstance(value, str) else value
    return Style.from_dict(values, source="settings")


def _parse(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # an unquoted word


def _numbers(values: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """Yields (key, number) for every number in nested tables and lists."""
    if isinstance(values, dict):
        for name, item in values.items():
            yield from _numbers(item, f"{key}.{name}" if key else name)
    elif isinstance(values, list):
        for item in values:
            yield from _numbers(item, key)
    elif isinstance(values, (int, float)):
        yield key, values


def toml_of(style: Style) -> str:
    """Returns the text of a .toml file that `load_style` reads as the same style."""
    lines: list[str] = []
    _table(style.to_dict(), "", lines)
    return "\n".join(lines) + "\n"


def _table(values: dict[str, Any], name: str, lines: list[str]) -> None:
    """Appends the values first, then the tables within: all lines after a table's head belong to it."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    if name and (plain or not values):
        lines += ["", f"[{name}]"]
    lines += [f"{key} = {_value(value)}" for key, value in plain.items()]
    for key, value in values.items():
        if isinstance(value, dict):
            _table(value, f"{name}.{key}" if name else key, lines)


def _value(value: Any) -> str:
    """Formats strings, numbers, booleans and lists as JSON, which TOML reads alike."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
