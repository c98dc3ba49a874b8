"""Pages that need no network: one file with its style sheet, script and images, filled in from a template."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import jinja2
import numpy as np
from markupsafe import Markup

from animegan3_tf.common import images
from animegan3_tf.common.console import number

if TYPE_CHECKING:
    from animegan3_tf.evaluation.result import Score

TILE = 176  # pixels a side
_GROUND = 128  # grey level around an image that is not square, and in place of a missing one

T = TypeVar("T")


class Figure(NamedTuple):
    """An image of a page: its data URI, its size in pixels, and plain text for screen readers and below it."""

    uri: str
    width: int
    height: int
    alt: str
    caption: str


def render(name: str, beside: bool = False, **values: object) -> str:
    """Fills in a page's template, which escapes every text.

    Args:
        name: The page: templates/NAME.html, with the style sheet NAME.css and the script NAME.js where they exist. With
            a script, a content security policy forbids every other script, and every image that the page does not
            carry itself.
        beside: Whether that policy also allows images in folders beside the page.
        **values: What the template shows.

    Returns:
        The HTML document. Undecodable bytes of file names become backslash escapes, for UTF-8 cannot hold them.
    """
    script = _text(f"{name}.js")
    page = _environment().get_template(f"{name}.html")
    html = page.render(
        style=Markup(_text("page.css") + _text(f"{name}.css")),
        script=Markup(script),
        policy=Markup(_policy(script, beside)) if script else "",
        **values,
    )
    return html.encode(errors="backslashreplace").decode() + "\n"


def part(name: str) -> Callable[..., Markup]:
    """Finds a macro of templates/parts.html, such as `table`."""
    return getattr(_environment().get_template("parts.html").module, name)


@functools.cache
def _environment() -> jinja2.Environment:
    loader, strict = jinja2.PackageLoader(__package__), jinja2.StrictUndefined
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=strict)


def _text(name: str) -> str:
    file = files(__package__) / name
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _policy(script: str, beside: bool) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    sources = "data: 'self' file:" if beside else "data:"
    return (
        f"default-src 'none'; img-src {sources}; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def figure(rgb: np.ndarray, alt: str, caption: str) -> Figure:
    """Makes the figure of a uint8 image [H, W, 3], encoded as JPEG."""
    uri = f"data:image/jpeg;base64,{base64.b64encode(images.jpeg_bytes(rgb)).decode()}"
    return Figure(uri, rgb.shape[1], rgb.shape[0], alt, caption)


def tile(path: Path, max_pixels: int = images.DEFAULT_MAX_PIXELS, balance: dict | None = None) -> np.ndarray:
    """Draws a whole image in a grey square.

    Args:
        path: The image.
        max_pixels: The limit for reading it.
        balance: A colour balance to apply; see `data.colors.balanced`.

    Returns:
        uint8 [TILE, TILE, 3]; only the square where the image cannot be read.
    """
    from animegan3_tf.data.colors import balanced

    square = np.full((TILE, TILE, 3), _GROUND, np.uint8)
    try:
        rgb = images.thumbnail(path, TILE, max_pixels).rgb
    except images.ImageError:
        return square
    scale = TILE / max(rgb.shape[:2])
    height, width = (min(TILE, max(1, round(side * scale))) for side in rgb.shape[:2])
    top, left = (TILE - height) // 2, (TILE - width) // 2
    square[top : top + height, left : left + width] = balanced(images.resize(rgb, (height, width)), balance)
    return square


def evenly(items: Sequence[T], count: int) -> list[T]:
    """Picks `count` items evenly over a sequence, its first and last among them; all where there are no more."""
    if len(items) <= count:
        return list(items)
    return [items[i * (len(items) - 1) // max(1, count - 1)] for i in range(count)]


def best_and_worst(kind: Score, values: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Finds the best and the worst images by a score.

    Args:
        kind: The score.
        values: Its values [N]; NaN where an image has none.
        count: Images to find at each end, at most.

    Returns:
        {"best": indices, "worst": indices}, the extreme ones first. Empty where neither direction is better, or no
        image has the score.
    """
    known = np.flatnonzero(np.isfinite(values))
    if not kind.better or not len(known):
        return {}
    order = known[np.argsort(values[known], kind="stable")]
    order = order if kind.better == "lower" else order[::-1]
    return {"best": order[:count], "worst": order[: -count - 1 : -1]}


def cases(
    pairs: Mapping[Path, Path],
    folder: Path,
    kinds: Sequence[Score],
    scores: Mapping[str, np.ndarray],
    count: int,
    max_pixels: int = images.DEFAULT_MAX_PIXELS,
) -> dict[str, list[Figure]]:
    """Draws the best and the worst images beside their photos, for each score.

    Args:
        pairs: {image: its photo}. The files are read again.
        folder: The folder of images; captions give paths relative to it.
        kinds: The scores.
        scores: {key of a score: [N]} in the order of the pairs.
        count: Images at each end.
        max_pixels: The limit for images that are read.

    Returns:
        {heading: figures}; empty where no image has a score with a better direction.
    """
    from animegan3_tf.inspection.survey import shown

    both, found = list(pairs.items()), {}
    for kind in kinds:
        for end, places in best_and_worst(kind, scores[kind.key], count).items():
            found[f"{kind.name}: {end}"] = [
                figure(
                    images.grid([[tile(path, max_pixels) for path in reversed(both[i])]]),
                    f"photo and {shown(both[i][0], folder)}",
                    f"{shown(both[i][0], folder)}: {number(scores[kind.key][i])}",
                )
                for i in places
            ]
    return found
