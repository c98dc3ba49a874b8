"""The picture sizes the networks take."""

from animegan3_tf.errors import UserError

MULTIPLE = 8  # the generator halves its input three times
MIN_SIDE = 16  # an eighth of it must be at least 2 pixels wide, or there is nothing to reflect


def check_side(side, name):
    """Refuses a side that no network could take; `name` is what the user calls it."""
    if side < MIN_SIDE or side % MULTIPLE:
        raise UserError(f"{name} is {side}; it must be a multiple of {MULTIPLE} from {MIN_SIDE} up")
