"""A style: the data, network, losses and schedule of one look, read from a .toml file."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import reprlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Callable, ClassVar, Literal, Union

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError, ValidationError

from animegan3_tf.common.errors import UserError, one_line, quote
from animegan3_tf.common.files import check_depth, read_bounded
from animegan3_tf.networks.architectures import ARCHITECTURES, TRAINED, check_side

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

UNPAIRED, PAIRS = "unpaired", "pairs"
_FOLDER = Path(__file__).parent
_KEYS = "keys"  # the type of an error that is about a table's keys, not about a value
_NAMES = {  # for pydantic's "a valid integer", "an object"
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a table",
    "dataclass_type": "a table",
}


def _must(text: str, holds: Callable[[Any], bool]) -> AfterValidator:
    """Makes a rule for a value, whose error is "KEY is VALUE; it must" and the text."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise PydanticCustomError("rule", f"must {text}")
        return value

    return AfterValidator(check)


def _between(low: float, high: float = math.inf) -> AfterValidator:
    text = f"be at least {low}" if high == math.inf else f"lie between {low} and {high}"
    return _must(text, lambda value: low <= value <= high)


def _length(count: int) -> AfterValidator:
    return _must(f"hold {count} numbers", lambda values: len(values) == count)


_RANGE = _must("hold the least and the most, above 0", lambda v: len(v) == 2 and 0 < v[0] <= v[1])
Count = Annotated[int, _between(1)]
Natural = Annotated[int, _between(0)]
Share = Annotated[float, _between(0, 1)]
Half = Annotated[float, _between(0, 0.5)]
Positive = Annotated[float, _between(1e-6)]
Odd = Annotated[int, _must("be odd and above 0", lambda value: value > 0 and value % 2 == 1)]
Labels = Annotated[list[float], _length(2)]  # real, fake
Weights = dict[str, float]  # tap of a perceptual network -> weight


@dataclass(frozen=True)
class _Table:
    """A table of a style file, which holds its known keys only; a key without a default is required."""

    # strict: 8.0 and "8" are no whole numbers
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, values: Any) -> Any:
        if isinstance(values, dict):  # not the arguments of a constructor in Python
            fields = {field.name: field.default is dataclasses.MISSING for field in dataclasses.fields(cls)}
            missing = [name for name, required in sorted(fields.items()) if required and name not in values]
            if unknown := ", ".join(map(_key, sorted(values.keys() - fields.keys()))):
                raise PydanticCustomError(_KEYS, f"unknown key {unknown}; known are {', '.join(sorted(fields))}")
            if missing:
                raise PydanticCustomError(_KEYS, f"missing key {', '.join(missing)}")
        return values


@dataclass(frozen=True)
class FeatureSettings(_Table):
    """Loss weights in the features of one perceptual network, for training on pairs."""

    features: Weights  # of the L1 distance of drawing and result


@dataclass(frozen=True)
class PerceptualSettings(_Table):
    """Loss weights in the features of one perceptual network."""

    content: Weights
    style: Weights
    distance: str  # the tap region smoothing and revision are measured at
    region_fake: float  # this and the next two: 0 for a single tail, which has no such targets
    region_photo: float
    revision: float


@dataclass(frozen=True)
class BatchSettings(_Table):
    """One kind of batch: the number and side of its crops, and the size of the images that they are cut from."""

    turns: Count  # batches of this kind in a cycle; the order within a cycle is random
    count: Count  # crops a batch
    crop: int  # their side in pixels, a multiple of 8
    scales: Annotated[list[int], _RANGE]  # pixels of the short side of the image that a crop is cut from


@dataclass(frozen=True)
class PairSettings(_Table):
    """How pairs are cut and varied, the generator's losses, its optimizer, and the discriminator's part."""

    batches: dict[str, BatchSettings] = Field(default_factory=dict)
    flip: bool = True  # mirror photo and drawing together at random
    varied: Share = 0.5  # share of the crops whose light is changed, in photo and drawing
    brightness: Annotated[list[float], _RANGE] = Field(default_factory=lambda: [0.7, 1.15])  # factor of the light
    drawing_light: Share = 1.0  # power of that factor on the drawing: under 1, drawings of dark photos stay lighter
    cast: Half = 0.05  # each channel's own factor, to either side of 1
    soft: Share = 0.0  # share of the crops whose photo, not the drawing, loses detail
    softest: Annotated[float, _between(1, 8)] = 2.5  # most by which such a photo is reduced and enlarged again
    held_out: Half = 0.03  # share of the pairs kept from training, for validation
    validated: Count = 24  # most of these that are drawn and measured
    shown: Count = 6  # how many of these the image grid shows
    validation_size: int = 384  # side of the validation's squares
    pixels: float = 1.0  # L1 of pixels, weighted by the drawing's ink
    ink: float = 5.0  # how much more than 1 a pixel of full ink weighs
    ink_contrast: Annotated[float, _between(1e-3)] = 0.3  # to the surroundings: counts as full ink, in [-1, 1] grey
    ink_window: Odd = 13  # side of the surroundings in pixels
    eyes: Annotated[float, _between(0)] = 0.0  # how much more a face's eyes weigh, where landmarks are known
    differences: float = 1.0  # L1 of neighbours' differences, each of the four of distance 1 and 2 in H and W
    blocks: float = 1.0  # L1 of the means of 8x8 blocks
    beta_1: Annotated[float, _between(0, 0.9999)] = 0.9  # of the generator's Adam
    clip_norm: Positive = 1.0  # the generator's gradient is scaled down to this norm
    warmup_steps: Natural = 100  # over which the learning rate grows from 0, before its cosine falls to 0 again
    discriminator: bool = False
    discriminator_alone: Natural = 200  # its first steps, in which it has no effect on the generator
    # norm of its gradient on the result, over that of the other losses
    discriminator_share: Annotated[float, _between(0)] = 0.33
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


@dataclass(frozen=True)
class DataSettings(_Table):
    """How images are cut and varied before the networks see them."""

    image_size: int = 256  # side of the square crops, a multiple of 8
    max_scale: Annotated[float, _between(1)] = 1.5  # larger images are reduced to a short side of this many crop sides
    flip: bool = True  # mirror photos and anime at random
    rotation: float = 0.0  # photos only, degrees to either side
    brightness: float = 0.0  # photos only, to either side, of the [-1, 1] range
    salt: Share = 0.0  # share of white pixels in the edge-smoothed anime
    balance: Literal["none", "mean", "equalize"] = "none"  # of the anime's colours, see data/colors.py

    @property
    def sides(self) -> tuple[int, int]:
        """(least, most) pixels of an image's short side when crops are cut from it."""
        return self.image_size, round(self.image_size * self.max_scale)


@dataclass(frozen=True)
class TargetSettings(_Table):
    """The filters that make training targets."""

    region_target: Literal["superpixel", "l0", "none"] = "superpixel"  # l0 is in the graph, none for a single tail
    superpixel_min_size: int = 50  # felzenszwalb's, for the generator's own images; photos always 50
    region_l0_lambda: Positive = 0.02
    guided_radius: int = 2
    guided_eps: float = 0.01
    # h, hColor, template, search
    nl_means: Annotated[list[int], _length(4)] = Field(default_factory=lambda: [5, 6, 5, 7])
    revision_l0_lambda: Positive = 0.005


@dataclass(frozen=True)
class LossSettings(_Table):
    """Loss weights that do not depend on the perceptual network; DTGAN, table 1.

    A generator with a single tail uses those of the support tail; those of the main tail have no effect on it.
    """

    adversarial: Literal["least_squares", "hinge"] = "least_squares"
    support_labels: Labels = Field(default_factory=lambda: [0.9, 0.1])  # real, fake
    support_generator: float = 1.0
    support_real: float = 0.5
    support_fake: float = 1.0
    support_edges: float = 2.0  # the edge-smoothed anime, as another fake
    support_gray: float = 0.0  # the anime without its colours, as another fake; only for a single tail
    main_labels: Labels = Field(default_factory=lambda: [1.0, 0.0])
    main_generator: float = 0.02
    main_discriminator: float = 0.1
    revision_l1: float = 50.0  # main tail to the revision target, pixels
    color_space: Literal["yuv", "lab"] = "yuv"
    color: dict[str, float] = Field(default_factory=lambda: {"yuv": 15.0, "lab": 10.0})
    total_variation: float = 1e-3
    flat_regions: float = 0.0  # support tail, neighbouring pixels where the photo's region target is flat
    identity: float = 0.0  # support tail to the photo, L1 of pixels


@dataclass(frozen=True)
class TrainSettings(_Table):
    """The optimizers and how long they run."""

    batch_size: Count = 8
    pretrain_epochs: float = 5.0  # content only
    epochs: float = 100.0  # pre-training included
    pretrain_learning_rate: Share = 2e-4
    generator_learning_rate: Share = 1e-4
    discriminator_learning_rate: Share = 1e-4
    ema: Share = 0.998  # decay of the averaged generator, the one that is deployed
    resize: Literal["half_pixel", "legacy"] = "half_pixel"


def _kind(weights: Any) -> str:
    """Tells by its keys of which kind a table of weights is."""
    is_for_pairs = isinstance(weights, FeatureSettings) or (isinstance(weights, dict) and "features" in weights)
    return (FeatureSettings if is_for_pairs else PerceptualSettings).__name__


Perceptual = Annotated[
    Union[Annotated[PerceptualSettings, Tag("PerceptualSettings")], Annotated[FeatureSettings, Tag("FeatureSettings")]],
    Discriminator(_kind),
]


@dataclass(frozen=True)
class Style(_Table):
    """One training recipe."""

    name: str  # of its file
    description: str  # one line for people
    perceptual: dict[str, Perceptual]  # by family of perceptual networks: "vgg19", "resnet18"
    # "unpaired" trains on photos and anime that do not belong together, "pairs" on photos and drawings of them
    objective: Literal["unpaired", "pairs"] = "unpaired"
    generator: Annotated[str, _must(f"be one of {', '.join(TRAINED)}", TRAINED.__contains__)] = "animegan3"
    data: DataSettings = DataSettings()  # this and the next two: for "unpaired"
    target: TargetSettings = TargetSettings()
    loss: LossSettings = LossSettings()
    train: TrainSettings = TrainSettings()
    pairs: PairSettings = PairSettings()  # for "pairs"

    def __post_init__(self) -> None:
        """Checks what depends on several values; raises `UserError`."""
        check_side(self.data.image_size, "data.image_size", ARCHITECTURES[self.generator].multiple)
        for problem in self._problems():
            raise UserError(problem)
        multiple = max(8, ARCHITECTURES[self.generator].multiple)
        for name, batch in self.pairs.batches.items():
            check_side(batch.crop, f"pairs.batches.{name}.crop", multiple)
            if batch.scales[0] < batch.crop:
                at_least = f"give two sides from the crop's {batch.crop} up"
                raise UserError(f"pairs.batches.{name}.scales is {batch.scales}; {at_least}")
        check_side(self.pairs.validation_size, "pairs.validation_size", multiple)

    def _problems(self) -> Iterator[str]:
        """Yields what would have no effect without anybody noticing, and what training could not do without."""
        pairs, suffix = self.objective == PAIRS, f"has no effect with objective {self.objective!r}; leave it out"
        for family, weights in self.perceptual.items():
            if isinstance(weights, FeatureSettings) != pairs:
                keys = "features" if pairs else "content and style"
                yield (
                    f"perceptual.{family} is not for objective {self.objective!r}, whose weights are {keys}; change "
                    "them, or the objective"
                )
        for name in ("data", "target", "loss") if pairs else ("pairs",):
            if getattr(self, name) != type(getattr(self, name))():
                yield f"table [{name}] {suffix}"
        for name in ("batch_size", "pretrain_learning_rate") if pairs else ():
            if getattr(self.train, name) != getattr(TrainSettings(), name):
                yield f"train.{name} {suffix}"
        if not pairs:
            yield from self._unpaired_problems()
        elif not self.pairs.batches:
            yield "pairs.batches is empty; training on pairs needs a table [pairs.batches.NAME]"

    def _unpaired_problems(self) -> Iterator[str]:
        """Yields weights and targets that the generator cannot be trained with."""
        generator, loss, region = self.generator, self.loss, self.target.region_target
        single = ARCHITECTURES[generator].tails == 1
        if single and region != "none":
            yield f"target.region_target is {region!r}; {generator} has none: set it to none"
        if single and loss.flat_regions:
            yield f"loss.flat_regions is {loss.flat_regions}; {generator} has no region target: set it to 0"
        if not single and (region == "none" or loss.support_gray):
            yield (
                f"target.region_target is {region!r}, loss.support_gray {loss.support_gray}; {generator} takes "
                "superpixel or l0, and 0"
            )
        for family, weights in self.perceptual.items():
            assert isinstance(weights, PerceptualSettings)  # `_problems` was first
            if sum(weights.content.values()) <= 0:
                yield f"perceptual.{family}.content is {weights.content}; pre-training needs a weight above 0"
            if single and (weights.region_fake or weights.region_photo or weights.revision):
                yield (
                    f"perceptual.{family} has weights for region or revision targets; {generator} has none: set "
                    "region_fake, region_photo and revision to 0"
                )
        if loss.color_space not in loss.color:
            yield f"loss.color has no weight for color_space {loss.color_space!r}"

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
        try:  # as JSON, because strict dataclasses take no dictionaries from Python
            return _STYLE.validate_json(json.dumps(values, default=str))
        except ValidationError as error:
            raise UserError(_one_line(error, source)) from error
        except UserError as error:
            raise UserError(f"{source}: {error}") from error


def _one_line(error: ValidationError, source: str) -> str:
    """Describes the first of pydantic's errors: "FILE: KEY is VALUE; it must ..."."""
    first = error.errors()[0]
    kind, text = first["type"], first["msg"].replace("Input should", "must")
    text = f"must be {_NAMES[kind]}" if kind in _NAMES else text
    parts = [part for part in first["loc"] if isinstance(part, str) and not part.endswith("Settings")]
    where = ": ".join(filter(None, (source, ".".join(map(_key, parts)))))
    return f"{where}: {text}" if kind == _KEYS else f"{where} is {reprlib.repr(first['input'])}; it {text}"


def _key(key: str) -> str:
    return key if key.isprintable() else repr(key)


_STYLE: TypeAdapter[Style] = TypeAdapter(Style)


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
        values = _parsed(read_bounded(path).decode())
    except OSError as error:
        raise UserError(f"style file {quote(path)} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"style file {quote(path)} is not valid TOML: {one_line(error)}") from error
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
        try:
            table[last] = _parsed(f"value = {value}")["value"] if isinstance(value, str) else value
        except ValueError:
            table[last] = value  # an unquoted word
    return Style.from_dict(values, source="settings")


def _parsed(text: str) -> dict[str, Any]:
    """Returns the values in a TOML text; raises ValueError where it is none, or too deeply nested."""
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    check_depth(values)
    return values


def toml_of(style: Style) -> str:
    """Returns the text of a .toml file that `load_style` reads as the same style."""
    lines: list[str] = []
    _write_table(style.to_dict(), "", lines)
    return "\n".join(lines) + "\n"


def _write_table(values: dict[str, Any], name: str, lines: list[str]) -> None:
    """Appends the values first, then the tables within: all lines after a table's head belong to it."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    if name and (plain or not values):
        lines += ["", f"[{name}]"]
    # JSON writes strings, numbers, booleans and lists as TOML does
    lines += [f"{key} = {json.dumps(value, ensure_ascii=False, allow_nan=False)}" for key, value in plain.items()]
    for key, value in values.items():
        if isinstance(value, dict):
            _write_table(value, f"{name}.{key}" if name else key, lines)
