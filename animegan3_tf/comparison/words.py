"""Text of a comparison's report: inputs, networks, machine, and how times and memory were measured."""

from __future__ import annotations

from animegan3_tf.comparison.compare import Comparison
from animegan3_tf.comparison.image_size import by_pixels, size_text


def about(comparison: Comparison) -> list[tuple[str, str]]:
    """Rows of (name, description) about inputs, networks and machine."""
    inputs, machine = comparison.inputs, comparison.machine
    rows = [
        ("photos", f"{inputs.given}: {len(inputs.paths):,}, longest side reduced to {inputs.side} pixels at most"),
        ("anime", f"{comparison.anime}: {comparison.anime_count:,}"),
        *((entry.method.name, f"{entry.method.kind}: {entry.method.given}") for entry in comparison.entries),
    ]
    for what, settings in comparison.metrics.items():
        for key, value in (settings or {}).items():
            rows.append((f"{what.replace('_', ' ')}: {key.replace('_', ' ')}", str(value)))
    gpus = f", {', '.join(machine['gpus'])}" if machine["gpus"] else ", no GPU"
    rows.append(
        ("machine", f"{machine['processor']}, {machine['cores']} cores{gpus}, load {machine['load_average']:.1f}")
    )
    rows.append(("software", f"Python {machine['python']}, TensorFlow {machine['tensorflow']}"))
    return rows


def how_timed(comparison: Comparison) -> str:
    """Explains the numbers of the cost table."""
    sizes = by_pixels(comparison.settings.sizes)
    if not sizes:
        return "Not timed (--no-timing)."
    return (
        f"Times: the methods took turns, {comparison.settings.rounds} rounds at each of "
        f"{', '.join(map(size_text, sizes))}. A time is the median [least, greatest] of a call that begins and ends "
        "with a picture in main memory. It does not include reading, resizing and writing files, nor a first call. "
        "× is the time divided by that of the first method in the same round: 2 is twice as long. Pictures run in one "
        "piece, whereas stylize runs very large ones in tiles. Memory: the peak resident memory of a separate process "
        f"that loaded TensorFlow and the model and stylised one picture of each size up to {size_text(sizes[-1])}. "
        "It includes TensorFlow's own."
    )


def notes(comparison: Comparison) -> list[tuple[str, str]]:
    """(method's name, line) for everything that a reader of its numbers should know."""
    photos = len(comparison.inputs.paths)
    return [(entry.method.name, line) for entry in comparison.entries for line in entry.notes(photos)]
