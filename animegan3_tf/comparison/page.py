"""The HTML page of a comparison: images under a slider, sortable tables, best and worst cases. It fetches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import TypeVar

import numpy as np

from animegan3_tf.comparison.compare import Comparison
from animegan3_tf.comparison.inputs import reduced
from animegan3_tf.comparison.specification import PHOTO
from animegan3_tf.comparison.table_texts import html_table
from animegan3_tf.comparison.tables import Cell, Column, Table, cost_table, not_measured, score_table
from animegan3_tf.comparison.words import about, how_timed, notes
from animegan3_tf.evaluation.cases import cases_html
from animegan3_tf.evaluation.latex import number
from animegan3_tf.images import find_images, grid, read_image
from animegan3_tf.inspection.contact_sheet import tile
from animegan3_tf.pages.frame import data_uri, figure, sections_page
from animegan3_tf.pages.table import table, text

_SIDE = 512  # pixels of the longest side of images in the page
_LEAST_SIDE = 384  # pixels: smaller images are enlarged to this under the slider
_CASES = 3  # best images and worst images
_ANIME = 6  # examples of the anime
_LISTED = 500  # rows of the table of images; pictures.csv has them all

T = TypeVar("T")


def page_of(comparison: Comparison, shown: int) -> str:
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
    style, script = (files(__package__).joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
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
