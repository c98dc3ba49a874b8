"""The report of a comparison: page, JSON, Markdown, CSV and LaTeX."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import numpy as np

from animegan3_tf import __version__
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import write_texts
from animegan3_tf.common.images import find_images, grid, read_image
from animegan3_tf.comparison.compare import Comparison, Entry
from animegan3_tf.comparison.inputs import PHOTO, by_pixels, reduced, size_text
from animegan3_tf.reports.contact_sheet import cases_html, tile
from animegan3_tf.reports.html import data_uri, figure, sections_page, table, text
from animegan3_tf.reports.tables import (
    Cell,
    Column,
    Table,
    cost_table,
    csv_table,
    csv_text,
    html_table,
    latex_table,
    markdown_table,
    markdown_text,
    not_measured,
    number,
    score_table,
)


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


_SIDE = 512  # pixels of the longest side of images in the page
_LEAST_SIDE = 384  # pixels: smaller images are enlarged to this under the slider
_CASES = 3  # best images and worst images
_ANIME = 6  # examples of the anime
_LISTED = 500  # rows of the table of images; pictures.csv has them all

T = TypeVar("T")


def comparison_page(comparison: Comparison, shown: int) -> str:
    """Writes the page.

    Args:
        comparison: The comparison, whose image files must still be there.
        shown: How many photos to show with every method's images of them. They are spread evenly over all photos.
    """
    sections = {
        "pictures": _images(comparison, shown),
        "cost": _cost(comparison),
        "scores": _scores(comparison),
        "cases": _cases(comparison),
        "each picture": _each(comparison),
        "problems": _problems(comparison),
        "how": _how(comparison),
    }
    methods = ", ".join(entry.method.name for entry in comparison.entries)
    style, script = (
        files(__package__).joinpath(f"comparison.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")
    )
    return sections_page("Comparison", [methods], sections, style, script)


def spread_names(names: Sequence[T], count: int) -> list[T]:
    """Picks `count` items evenly over a sequence, its first and last among them; all where there are no more."""
    if count >= len(names):
        return list(names)
    return [names[round(i * (len(names) - 1) / max(1, count - 1))] for i in range(count)]


def _images(comparison: Comparison, count: int) -> str:
    names = [PHOTO, *(entry.method.name for entry in comparison.entries)]
    photos = comparison.inputs.paths
    chosen = spread_names(list(photos), count)
    if not chosen:
        return "<p>None; --shown says how many.</p>"
    selects = []
    for side, preset in (("left", 0), ("right", 1)):
        options = "".join(
            f'<option value="{i}"{" selected" if i == preset else ""}>{text(name)}</option>'
            for i, name in enumerate(names)
        )
        selects.append(f'<label>{side} <select id="{side}" autocomplete="off">{options}</select></label>')
    extent = f"{len(chosen):,} of" if len(chosen) < len(photos) else "All"
    note = (
        f"<p class='note'>{extent} {len(photos):,} photos. Move the slider, or the pointer over the picture, between "
        "two methods.</p>"
    )
    articles = [_article(comparison, names, photo, place) for place, photo in enumerate(chosen)]
    return f'{note}<div class="choose" hidden>{"".join(selects)}</div>{"".join(articles)}'


def _article(comparison: Comparison, names: Sequence[str], photo: str, place: int) -> str:
    paths = [comparison.inputs.paths[photo], *(entry.drawn.paths.get(photo) for entry in comparison.entries)]
    figures: list[str] = []
    shape: tuple[int, ...] = ()  # of the photo, which comes first
    for i, (name, path) in enumerate(zip(names, paths)):
        if path is None:
            figures.append(f'<figure><div class="none">no picture</div><figcaption>{text(name)}</figcaption></figure>')
            continue
        rgb = reduced(read_image(path).rgb, _SIDE)
        shape = shape or rgb.shape
        image = f'<img width="{rgb.shape[1]}" height="{rgb.shape[0]}" data-number="{i}" src="{data_uri(rgb)}"'
        figures.append(
            f'<figure>{image} alt="{text(f"{photo}, {name}")}"><figcaption>{text(name)}</figcaption></figure>'
        )
    size = f'width="{shape[1]}" height="{shape[0]}"'
    width = round(shape[1] * max(1.0, _LEAST_SIDE / max(shape[:2])))
    return (
        f'<article class="photo"><h3>{text(photo)}</h3><div class="compared">'
        f'<div class="viewer" style="width:{width}px"><div class="stage">'
        f'<img class="under" {size} alt=""><img class="over" {size} alt=""><span class="left"></span>'
        f'<span class="right"></span></div><input type="range" id="slider-{place}" min="0" max="100" value="50" '
        f'autocomplete="off" aria-label="{text(f"boundary between left and right picture of {photo}")}"></div>'
        f'<div class="all">{"".join(figures)}</div></div></article>'
    )


def _cost(comparison: Comparison) -> str:
    whole = cost_table(comparison)
    return f"<p class='note'>{text(how_timed(comparison))}</p>{html_table(whole, 'cost')}{_names(whole)}"


def _scores(comparison: Comparison) -> str:
    whole = score_table(comparison)
    paths = find_images(comparison.anime)
    tiles = [tile(path, comparison.settings.max_pixels) for path in spread_names(paths, _ANIME)]
    anime = figure(grid([tiles]), "anime", f"{len(tiles)} of {len(paths):,} anime pictures of {comparison.anime.name}")
    lacking = "".join(f"<li>{text(line)}</li>" for line in not_measured(comparison))
    lacking = f"<details><summary>Not measured</summary><ul>{lacking}</ul></details>" if lacking else ""
    note = "Intervals are 95 %: they show how far the number would move with another sample of pictures."
    return f"<p class='note'>{note}</p>{html_table(whole, 'scores')}{_names(whole)}{lacking}{anime}"


def _names(whole: Table) -> str:
    """Lists the meanings of the headings."""
    lines = (
        f"<dt>{text(c.heading)}</dt><dd>{text(c.name)}{f', {c.better} is better' if c.better else ''}</dd>"
        for c in whole.columns
    )
    return f"<details><summary>Columns</summary><dl class='names'>{''.join(lines)}</dl></details>"


def _cases(comparison: Comparison) -> str:
    parts = []
    for number_, entry in enumerate(comparison.entries):
        pairs = {path: comparison.inputs.paths[photo] for photo, path in entry.drawn.paths.items()}
        cases = cases_html(pairs, entry.drawn.folder, entry.measured.kinds, entry.measured.scores, _CASES)
        opened = " open" if number_ == 0 else ""
        parts.append(
            f"<details{opened}><summary>{text(entry.method.name)}</summary>{cases or '<p>None.</p>'}</details>"
        )
    return "".join(parts)


def _each(comparison: Comparison) -> str:
    kinds = [
        kind
        for kind in comparison.entries[0].measured.kinds
        if any(np.isfinite(entry.measured.scores[kind.key]).any() for entry in comparison.entries)
    ]
    columns = (
        Column("method", "method", ""),
        *(Column(k.key, k.key.replace("_", " "), k.name, k.better) for k in kinds),
    )
    rows = []
    for place, photo in enumerate(comparison.inputs.paths):
        for entry in comparison.entries:
            if photo in entry.drawn.paths:
                i = list(entry.drawn.paths).index(photo)
                values = (float(entry.measured.scores[kind.key][i]) for kind in kinds)
                cells = (Cell(number(v), v) if np.isfinite(v) else Cell() for v in values)
                rows.append((photo, (Cell(entry.method.name), *cells)))
        if len(rows) >= _LISTED:
            more = len(comparison.inputs.paths) - place - 1
            break
    else:
        more = 0
    note = f"<p>and {more:,} more photos in pictures.csv</p>" if more else ""
    return html_table(Table(columns, tuple(rows)), "scores of each picture", "photo") + note


def _problems(comparison: Comparison) -> str:
    lines = [*(f"{name}: {line}" for name, line in notes(comparison)), *comparison.problems]
    listed = "".join(f"<li>{text(line)}</li>" for line in lines[:_LISTED])
    more = f"<p>and {len(lines) - _LISTED:,} more</p>" if len(lines) > _LISTED else ""
    return (f"<ul>{listed}</ul>" if listed else "<p>None.</p>") + more


def _how(comparison: Comparison) -> str:
    return table(("", ""), about(comparison))


FILES = ("report.html", "report.json", "report.md", "methods.csv", "pictures.csv", "tables.tex")


def write_comparison(comparison: Comparison, folder: str | os.PathLike, shown: int) -> Path:
    """Writes FILES into a folder. None is written before all are made.

    Args:
        comparison: The comparison.
        folder: The folder, made if missing.
        shown: How many photos the page shows; see `page_of`.

    Returns:
        The path of the page.
    """
    texts = {
        "report.html": comparison_page(comparison, shown),
        "report.json": json.dumps(comparison_to_dict(comparison), indent=1, allow_nan=False) + "\n",
        "report.md": markdown(comparison),
        "methods.csv": csv_table(cost_table(comparison), score_table(comparison)),
        "pictures.csv": csv_text(_image_rows(comparison)),
        "tables.tex": latex(comparison),
    }
    write_texts(folder, texts)
    return Path(folder, "report.html")


def check_folder(folder: str | os.PathLike) -> None:
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


def comparison_to_dict(comparison: Comparison) -> dict:
    """Everything about a comparison, as plain values for JSON."""
    return {
        "animegan3_tf": __version__,
        "machine": comparison.machine,
        "photos": {
            "folder": str(comparison.inputs.given),
            "pictures": len(comparison.inputs.paths),
            "longest_side": comparison.inputs.side,
            "sizes": {name: size_text(size) for name, size in comparison.inputs.sizes.items()},
        },
        "anime": {"folder": str(comparison.anime), "pictures": comparison.anime_count},
        "timing": {
            "sizes": [size_text(size) for size in comparison.settings.sizes],
            "rounds": comparison.settings.rounds,
        },
        "metrics": comparison.metrics,
        "problems": comparison.problems,
        "methods": [_method(entry, len(comparison.inputs.paths)) for entry in comparison.entries],
        "pictures": _image_rows(comparison),
    }


def markdown(comparison: Comparison) -> str:
    """The tables and how their numbers were measured, as Markdown without images."""
    cost, scores = cost_table(comparison), score_table(comparison)
    return "\n".join(
        [
            "# Comparison\n",
            "## Cost\n",
            markdown_text(how_timed(comparison)) + "\n",
            markdown_table(cost),
            _legend(cost),
            "## Scores\n",
            markdown_table(scores),
            _legend(scores),
            *_list("## Not measured\n", not_measured(comparison)),
            *_list("## Problems\n", [*(f"{name}: {line}" for name, line in notes(comparison)), *comparison.problems]),
            *_list("## How\n", [f"{what}: {how}" for what, how in about(comparison)]),
        ]
    )


def latex(comparison: Comparison) -> str:
    """Cost and scores as two LaTeX `tabular`s with one row for each method."""
    return "\n".join(latex_table(table) for table in (cost_table(comparison), score_table(comparison)))


def _legend(table: Table) -> str:
    lines = [f"{c.heading}: {c.name}{f', {c.better} is better' if c.better else ''}" for c in table.columns]
    return "".join(f"- {markdown_text(line)}\n" for line in lines)


def _list(title: str, lines: Sequence[str]) -> list[str]:
    return [title, "".join(f"- {markdown_text(line)}\n" for line in lines)] if lines else []


def _method(entry: Entry, photos: int) -> dict:
    method, drawn = entry.method, entry.drawn
    return {
        "name": method.name,
        "path": str(method.given),
        "kind": method.kind,
        "parameters": method.parameters,
        "bytes": method.bytes,
        "gflop_256": method.gflop,
        "takes_only": method.fixed_size and size_text(method.fixed_size),
        "pictures": len(drawn.paths),
        "missing": drawn.missing,
        "resized_from": {name: size_text(size) for name, size in drawn.resized.items()},
        "notes": entry.notes(photos),
        "speed": {size_text(size): speed.to_dict() for size, speed in entry.speeds.items()},
        "memory": entry.memory and entry.memory.to_dict(),
        "results": [result.to_dict() for result in entry.measured.results],
    }


def _image_rows(comparison: Comparison) -> list[dict[str, str | float | None]]:
    """A row for each image of each method; None where there is no number."""
    rows = []
    for entry in comparison.entries:
        for place, photo in enumerate(entry.drawn.paths):
            row: dict[str, str | float | None] = {"method": entry.method.name, "photo": photo}
            for kind in entry.measured.kinds:
                value = float(entry.measured.scores[kind.key][place])
                row[kind.key] = value if math.isfinite(value) else None
            rows.append(row)
    return rows
