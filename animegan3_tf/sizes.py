"""The picture sizes the networks take."""

from animegan3_tf.errors import UserError

MULTIPLE = 8  # AnimeGANv3's generator halves its input three times; for others see architectures.py
MIN_SIDE = 16  # an eighth of it must be at least 2 pixels wide, or there is nothing to reflect


def check_side(side, name, multiple=MULTIPLE):
    """Refuses a side that a network could not take; `name` is what the user calls it."""
    if side < MIN_SIDE or side % multiple:
        raise UserError(f"{name} is {side}; it must be a multiple of {multiple} from {MIN_SIDE} up")
