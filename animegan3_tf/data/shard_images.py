"""The images of a folder of TFRecord shards, read one by one from any place in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.images import ImageError, decode_image
from animegan3_tf.data.shard_folder import PICTURE, ShardIndex, read_frame

if TYPE_CHECKING:
    from animegan3_tf.data.targets import Stage


class ShardImages:
    """A folder of shards as `Images`, see `open_images`. It keeps no file open and no image in memory."""

    def __init__(
        self,
        folder: str | Path,
        sides: Sequence[int] | None = None,
        stage: Stage | None = None,
        warn: Callable[[str], object] = print,
    ) -> None:
        self._index = ShardIndex(folder)
        self.folder = self._index.folder
        if sides is not None:
            self._check_sides(sides)
        if stage is not None:
            self._check_balance(stage.parameters.get("balance"))
        self._target = None if stage is None else self._prepared(stage, warn)

    @property
    def has_targets(self) -> bool:
        """Whether `load` gives six channels."""
        return self._target is not None

    def __len__(self) -> int:
        return len(self._index)

    def load(self, number: int) -> np.ndarray:
        """Reads an image, uint8 [H, W, 3 or 6]."""
        path, offset = self._index.place(number)
        try:
            with open(path, "rb") as file:
                feature = tf.train.Example.FromString(read_frame(file, offset)).features.feature
            wanted = (PICTURE,) if self._target is None else (PICTURE, self._target)
            layers = [decode_image(feature[name].bytes_list.value[0], f"its {name}").rgb for name in wanted]
            return layers[0] if len(layers) == 1 else np.concatenate(layers, axis=-1)
        except Exception as error:  # damaged bytes raise nearly anything
            record = f"record {quote(self._index.name(number))} at byte {offset:,} of {quote(path)}"
            raise ImageError(
                f"{record} cannot be read ({error}); to make its shard again, delete it and run the same animegan3 "
                "prepare --shards"
            ) from error

    def _check_sides(self, sides: Sequence[int]) -> None:
        """Refuses images of another working size, which cannot be resized: their targets were made at it."""
        made = self._index.stages[PICTURE]["sides"]
        if list(made) != list(sides):
            raise UserError(
                f"the shards in {quote(self.folder)} hold pictures with short sides of {made[0]} to {made[1]}, this "
                f"style cuts its crops from {sides[0]} to {sides[1]}; run animegan3 prepare --shards with this style"
            )

    def _check_balance(self, wanted: dict | None) -> None:
        """Refuses images of another balance: their colours before it are gone."""
        made = self._index.stages[PICTURE].get("balance")
        if made != wanted:
            theirs, ours = (settings["how"] if settings else "none" for settings in (made, wanted))
            raise UserError(
                f"the shards in {quote(self.folder)} hold pictures with balance {theirs!r}, this style has {ours!r}; "
                "run animegan3 prepare --shards with this style"
            )

    def _prepared(self, stage: Stage, warn: Callable[[str], object]) -> str | None:
        """Returns the stage's name if the records hold targets as it would make them; else None, after a warning."""
        if self._index.stages.get(stage.name) == json.loads(json.dumps(stage.parameters)):
            return stage.name
        warn(
            f"{stage.name} targets in the shards of {quote(self.folder)} are missing or made with other settings: "
            "training makes them on the fly, which is slower; animegan3 prepare --shards with this style makes them "
            "once"
        )
        return None
