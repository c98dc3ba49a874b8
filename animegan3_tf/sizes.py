"""The image sizes that the networks take."""

from animegan3_tf.errors import UserError

MULTIPLE = 8  # AnimeGANv3's generator halves its input three times; for others see architectures.py
MIN_SIDE = 16


def least_side(multiple: int) -> int:
    """Returns the least side that a network takes: its smallest map must be 2 pixels wide to be padded by reflection.

    Args:
        multiple: Sides are multiples of this; see `Architecture`.
    """
    return max(MIN_SIDE, 2 * multiple)


def check_side(side: int, name: str, multiple: int = MULTIPLE) -> None:
    """Checks that a network can take images of a side.

    Args:
        side: Height or width in pixels.
        name: The option or key that the user set, for the message.
        multiple: As in `least_side`.

    Raises:
        UserError: The side is too small or not a multiple.
    """
    if side < least_side(multiple) or side % multiple:
        raise UserError(f"{name} is {side}; it must be a multiple of {multiple} from {least_side(multiple)} up")
