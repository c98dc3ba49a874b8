"""A style's settings for training on pairs: the tables [pairs] and [perceptual.*] of a style with that objective."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from animegan3_tf.errors import UserError
from animegan3_tf.sizes import check_side


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
            ("pairs.beta_1", self.beta_1, 0, 0.9999),
            ("pairs.clip_norm", self.clip_norm, 1e-6, math.inf),
            ("pairs.warmup_steps", self.warmup_steps, 0, math.inf),
            ("pairs.discriminator_alone", self.discriminator_alone, 0, math.inf),
            ("pairs.discriminator_share", self.discriminator_share, 0, math.inf),
        ):
            if not low <= value <= high:
                raise UserError(f"{key} is {value}; it must lie between {low} and {high}")
