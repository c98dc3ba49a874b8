"""What a reader of the numbers must know, in words: for the page and for Markdown."""

from __future__ import annotations

from animegan3_tf.comparison.compare import Comparison
from animegan3_tf.comparison.picture_size import by_pixels, size_text


def about(comparison: Comparison) -> list[tuple[str, str]]:
    """(what, how): inputs, networks, machine."""
    inputs, machine = comparison.inputs, comparison.machine
    rows = [
        ("photos", f"{inputs.given}: {len(inputs.paths):,}, longest side reduced to {inputs.side} pixels at most"),
        ("anime", f"{comparison.anime}: {comparison.anime_pictures:,}"),
        *((entry.method.name, f"{entry.method.kind}: {entry.method.given}") for entry in comparison.entries),
    ]
    for what, told in comparison.metrics.items():
        for key, value in (told or {}).items():
            rows.append((f"{what.replace('_', ' ')}: {key.replace('_', ' ')}", str(value)))
    gpus = f", {', '.join(machine['gpus'])}" if machine["gpus"] else ", no GPU"
    rows.append(
        ("machine", f"{machine['processor']}, {machine['cores']} cores{gpus}, load {machine['load_average']:.1f}")
    )
    rows.append(("software", f"Python {machine['python']}, TensorFlow {machine['tensorflow']}"))
    return rows


def how_timed(comparison: Comparison) -> str:
    """What the numbers of the cost table are."""
    sizes = by_pixels(comparison.settings.sizes)
    if not sizes:
        return "Not timed (--no-timing)."
    return (
        f"Times: the methods took turns, {comparison.settings.rounds} rounds at each of "
        f"{', '.join(map(size_text, sizes))}; median [least, greatest] of a call from picture to picture in main "
        "memory, without reading, resizing and writing files, after one call that does not count. × is the time over "
        "that of the first method in the same round: 2 is twice as long. Pictures run in one piece, where stylize runs "
        "very large ones in tiles. Memory: the most that was resident in a process of its own that loaded TensorFlow "
        f"and the model and stylised one picture of each size up to {size_text(sizes[-1])}; TensorFlow is in it."
    )


def notes(comparison: Comparison) -> list[tuple[str, str]]:
    """(method, what to keep in mind)."""
    photos = len(comparison.inputs.paths)
    return [(entry.method.name, line) for entry in comparison.entries for line in entry.notes(photos)]
