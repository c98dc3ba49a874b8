"""The report of a comparison: page, JSON, Markdown, CSV and LaTeX."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, write_texts
from animegan3_tf.common.images import find_images, grid, read_image
from animegan3_tf.comparison.compare import Comparison, Entry
from animegan3_tf.comparison.inputs import PHOTO, by_pixels, reduced, size_text
from animegan3_tf.evaluation.result import Result
from animegan3_tf.reports.evaluation import network_rows, result_cell, score_columns
from animegan3_tf.reports.html import Figure, cases, evenly, figure, render, tile
from animegan3_tf.reports.table import Cell, Column, Plain, Table, cell, markdown_table, markdown_text, table_files

FILES = ("report.html", "report.json", "report.md", "methods.csv", "pictures.csv", "tables.tex")
_SIDE = 512  # pixels of the longest side of images in the page
_LEAST_SIDE = 384  # pixels: smaller images are enlarged to this under the slider
_CASES = 3  # best images and worst images
_ANIME = 6  # examples of the anime
_SHORT = {  # headings; the full names stand below the table
    "frechet_anime": "Frechet, anime",
    "frechet_infinity_anime": "Frechet at infinity, anime",
    "kernel_anime": "kernel, anime",
    "frechet_photos": "Frechet, photos",
    "frechet_infinity_photos": "Frechet at infinity, photos",
    "kernel_photos": "kernel, photos",
    "artfid": "ArtFID's form",
    "content_distance": "content",
    "ms_ssim": "MS-SSIM",
    "ciede2000": "CIEDE2000",
    "yuv": "YUV",
    "edge_retention": "edges kept",
    "flatness": "flat",
    "photo_flatness": "flat, photos",
    "anime_likeness": "anime-likeness",
    "face_detected": "face found",
    "eyes_drawn": "eyes drawn",
    "photo_eyes_drawn": "eyes drawn, photos",
}


def write_comparison(comparison: Comparison, folder: StrPath, shown: int) -> Path:
    """Writes FILES into a folder. None is written before all are made.

    Args:
        comparison: The comparison, whose image files must still be there.
        folder: The folder, made if missing.
        shown: How many photos to show with every method's images of them. They are spread evenly over all photos.

    Returns:
        The path of the page.

    Raises:
        UserError: A file cannot be written.
    """
    cost, scores = cost_table(comparison), score_table(comparison)
    texts = {
        "report.html": _page(comparison, shown, cost, scores),
        "report.json": json.dumps(comparison.to_dict(), indent=1, allow_nan=False) + "\n",
        "report.md": _markdown(comparison, cost, scores),
        **table_files("methods", [cost.joined(scores)], ["csv"]),
        **table_files("pictures", [_images(comparison, comparison.image_rows())], ["csv"]),
        **table_files("tables", [cost, scores], ["latex"]),
    }
    write_texts(folder, texts)
    return Path(folder, "report.html")


def check_folder(folder: StrPath) -> None:
    """Checks that a report could be written to a folder. Makes no folder.

    Raises:
        UserError: It could not.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {quote(folder)} is a file; name a folder")
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"--out {quote(folder)} cannot be written to; name another, or change its permissions")


def cost_table(comparison: Comparison) -> Table:
    """Tabulates kind, parameters, size on disk, operations, time at each size with its ratio, and memory."""
    sizes = by_pixels(comparison.settings.sizes)
    columns = [
        Column("method", "method"),
        Column("kind", "kind", "kind of method"),
        Column("parameters", "parameters", "trainable parameters of the generator"),
        Column("bytes", "MB", "size of its files on disk, in 10^6 bytes"),
        Column("gflop_256", "GFLOP at 256", "10^9 operations for a 256x256 picture, two to a multiply-add"),
    ]
    for size in sizes:
        text, first = size_text(size), _reference(comparison, size)
        ratio = f"time at {text} over that of {first} in the same round: median [least, greatest]"
        columns += [
            Column(f"ms_{text}", f"ms at {text}", f"milliseconds a {text} picture: median [least, greatest]"),
            Column(f"ratio_{text}", f"× {first} at {text}", ratio),
        ]
    if sizes:
        name = (
            "peak memory (MiB) of a process that holds TensorFlow, the model and one picture of up to "
            f"{size_text(sizes[-1])}, or of the largest size that the method takes"
        )
        columns.append(Column("peak_memory", "MiB", name))
    return Table.of(columns, (_costs(entry, sizes) for entry in comparison.entries))


def _reference(comparison: Comparison, size: tuple[int, int]) -> str:
    return next((entry.speeds[size].reference for entry in comparison.entries if size in entry.speeds), "-")


def _costs(entry: Entry, sizes: Sequence[tuple[int, int]]) -> Iterator[Cell | Plain]:
    method = entry.method
    yield from (method.name, method.kind, method.parameters, _scaled(method.bytes, 1e6), method.gflop)
    for size in sizes:
        speed = entry.speeds.get(size)
        if speed is None:
            yield from (None, None)
            continue
        timing = speed.timing.to_dict()
        yield cell(timing["ms"], (timing["ms_low"], timing["ms_high"]))
        middle, *ends = speed.ratio
        yield cell(middle) if speed.reference == method.name else cell(middle, ends)
    if sizes:
        yield _scaled(max(entry.memory.peaks.values(), default=None) if entry.memory else None, 2**20)


def _scaled(count: int | None, unit: float) -> Cell:
    """Shows a count of bytes in a larger unit; programs get the bytes."""
    return Cell() if count is None else Cell(cell(count / unit).text, count)


def score_table(comparison: Comparison) -> Table:
    """Tabulates the number of images, then every result that at least one method has."""
    found: dict[str, Result] = {}
    for entry in comparison.entries:
        for result in entry.measured.results:
            found.setdefault(result.key, result)
    short = {key: _SHORT.get(key, key.replace("_", " ")) for key in found}
    columns = [Column("method", "method"), Column("pictures", "pictures", "photos of which there is a picture")]
    columns += [Column(key, short[key], result.name, result.better) for key, result in found.items()]
    rows: list[list[Cell | Plain]] = []
    for entry in comparison.entries:
        results = {result.key: result for result in entry.measured.results}
        rows.append([entry.method.name, len(entry.drawn.paths), *(result_cell(results.get(key)) for key in found)])
    return Table.of(columns, rows).without_empty()


def _images(comparison: Comparison, rows: Iterable[Mapping[str, Plain]]) -> Table:
    """Tabulates rows that `Comparison.image_rows` made."""
    kinds = comparison.entries[0].measured.kinds
    return Table.of(["method", "photo", *score_columns(kinds)], (row.values() for row in rows))


def not_measured(comparison: Comparison) -> list[str]:
    """Lines that say which results are missing and why: those that no method has, and those that some lack."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for entry in comparison.entries:
        for result in entry.measured.results:
            if result.value is None:
                lacking.setdefault((result.name, result.note), []).append(entry.method.name)
    everyone = len(comparison.entries)
    lines = [
        f"{name}: {note}" if len(methods) == everyone else f"{name} of {', '.join(methods)}: {note}"
        for (name, note), methods in lacking.items()
    ]
    if comparison.metrics.get("features", True) is None:
        lines.append("distances between sets, such as FID: not measured: --features names no network")
    return lines


def notes(comparison: Comparison) -> list[tuple[str, str]]:
    """(method's name, line) for everything that a reader of its numbers should know."""
    photos = len(comparison.inputs.paths)
    return [(entry.method.name, line) for entry in comparison.entries for line in entry.notes(photos)]


def _problems(comparison: Comparison) -> list[str]:
    return [*(f"{name}: {line}" for name, line in notes(comparison)), *comparison.problems]


def _how_timed(comparison: Comparison) -> str:
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


def _how(comparison: Comparison) -> list[tuple[str, str]]:
    """Rows of (name, description) about inputs, networks and machine."""
    inputs, machine = comparison.inputs, comparison.machine
    gpus = f", {', '.join(machine['gpus'])}" if machine["gpus"] else ", no GPU"
    return [
        ("photos", f"{inputs.given}: {len(inputs.paths):,}, longest side reduced to {inputs.side} pixels at most"),
        ("anime", f"{comparison.anime}: {comparison.anime_count:,}"),
        *((entry.method.name, f"{entry.method.kind}: {entry.method.given}") for entry in comparison.entries),
        *network_rows(comparison.metrics),
        ("machine", f"{machine['processor']}, {machine['cores']} cores{gpus}, load {machine['load_average']:.1f}"),
        ("software", f"Python {machine['python']}, TensorFlow {machine['tensorflow']}"),
    ]


def _page(comparison: Comparison, count: int, cost: Table, scores: Table) -> str:
    methods = [entry.method.name for entry in comparison.entries]
    photos = list(comparison.inputs.paths)
    chosen = evenly(photos, count)
    places = {photo: place for place, photo in enumerate(photos)}
    images = sorted(comparison.image_rows(), key=lambda row: places[str(row["photo"])])
    return render(
        "comparison",
        lines=[", ".join(methods)],
        extent=f"{len(chosen):,} of {len(photos):,}" if len(chosen) < len(photos) else f"All {len(photos):,}",
        names=[PHOTO, *methods],
        articles=[_article(comparison, photo) for photo in chosen],
        how_timed=_how_timed(comparison),
        cost=cost,
        scores=scores,
        not_measured=not_measured(comparison),
        anime=_anime(comparison),
        shown_cases={entry.method.name: _entry_cases(comparison, entry) for entry in comparison.entries},
        pictures=_images(comparison, images).without_empty(),
        problems=_problems(comparison),
        how=Table.of(("what", "value"), _how(comparison)),
    )


def _article(comparison: Comparison, photo: str) -> tuple[str, int, list[Figure | None]]:
    """Makes (photo, width of its slider in pixels, the photo and each method's image; None for a missing one)."""

    def shown(name: str, path: Path) -> Figure:
        return figure(reduced(read_image(path).on_white(), _SIDE), f"{photo}, {name}", name)

    first = shown(PHOTO, comparison.inputs.paths[photo])
    drawn = ((entry.method.name, entry.drawn.paths.get(photo)) for entry in comparison.entries)
    others = [None if path is None else shown(name, path) for name, path in drawn]
    return photo, round(first.width * max(1.0, _LEAST_SIDE / max(first.width, first.height))), [first, *others]


def _anime(comparison: Comparison) -> Figure:
    paths = find_images(comparison.anime)
    tiles = [tile(path, comparison.settings.max_pixels) for path in evenly(paths, _ANIME)]
    return figure(grid([tiles]), "anime", f"{len(tiles)} of {len(paths):,} anime pictures of {comparison.anime.name}")


def _entry_cases(comparison: Comparison, entry: Entry) -> dict[str, list[Figure]]:
    pairs = {path: comparison.inputs.paths[photo] for photo, path in entry.drawn.paths.items()}
    return cases(pairs, entry.drawn.folder, entry.measured.kinds, entry.measured.scores, _CASES)


def _markdown(comparison: Comparison, cost: Table, scores: Table) -> str:
    """The tables and how their numbers were measured, as Markdown without images."""
    parts = ["# Comparison\n", "## Cost\n", markdown_text(_how_timed(comparison)) + "\n", *_with_legend(cost)]
    parts += ["## Scores\n", *_with_legend(scores)]
    lists = {"Not measured": not_measured(comparison), "Problems": _problems(comparison)}
    lists["How"] = [f"{what}: {how}" for what, how in _how(comparison)]
    for title, lines in lists.items():
        parts += [f"## {title}\n", _bullets(lines)] if lines else []
    return "\n".join(parts)


def _with_legend(table: Table) -> list[str]:
    return [markdown_table(table), _bullets([f"{column.heading}: {column.meaning}" for column in table.columns[1:]])]


def _bullets(lines: Sequence[str]) -> str:
    return "".join(f"- {markdown_text(line)}\n" for line in lines)
