"""The picture sizes the networks take."""

from animegan3_tf.errors import UserError

MULTIPLE = 8  # AnimeGANv3's generator halves its input three times; for others see architectures.py
MIN_SIDE = 16


def least_side(multiple: int) -> int:
    """The least side that a network takes: its smallest map must be 2 pixels wide, or there is nothing to reflect."""
    return max(MIN_SIDE, 2 * multiple)


def check_side(side, name, multiple=MULTIPLE):
    """Refuses a side that a network could not take; `name` is what the user calls it."""
    if side < least_side(multiple) or side % multiple:
        raise UserError(f"{name} is {side}; it must be a multiple of {multiple} from {least_side(multiple)} up")
