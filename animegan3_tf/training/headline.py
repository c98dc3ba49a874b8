"""The most important numbers of a validation, for tables and pages. TensorFlow is not needed."""

from __future__ import annotations

from collections.abc import Mapping

from animegan3_tf.training.metrics_file import is_number

_HEADLINES = (  # curve, title, format of its value, format where there is little room
    ("anime_likeness_main", "anime likeness, main tail", "{:.3f}", "{:.3f}"),
    ("psnr", "PSNR to the drawings", "{:.2f} dB", "{:.2f} dB"),
    ("ssim", "SSIM to the drawings", "{:.3f}", "SSIM {:.3f}"),
    ("eyes_drawn", "both eyes drawn", "{:.0%}", "eyes {:.0%}"),
)


def headline(validation: Mapping[str, float | None]) -> dict[str, str]:
    """Formats the most important curves of a validation.

    Args:
        validation: Its curves {name: value}; None for a value that is NaN or infinite.

    Returns:
        {title: formatted value} for those of the curves that the validation has.
    """
    return {title: long.format(value) for title, long, _, value in _found(validation)}


def short_headline(validation: Mapping[str, float | None]) -> str:
    """Formats the same curves as `headline` in a few characters: `26.40 dB  SSIM 0.812  eyes 85%`."""
    return "  ".join(short.format(value) for _, _, short, value in _found(validation))


def _found(validation: Mapping[str, float | None]) -> list[tuple[str, str, str, float | None]]:
    """(title, format, short format, value) of the curves that are there."""
    values = ((title, long, short, validation.get(name)) for name, title, long, short in _HEADLINES)
    return [entry for entry in values if is_number(entry[-1])]
