"""The page of a folder of pairs: every drawing beside its photo, the most doubtful first, to be crossed off."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import whole_file
from animegan3_tf.data.manifest import not_writable
from animegan3_tf.data.pair_manifest import ANIME, PHOTO, PairManifest, Rejection
from animegan3_tf.reports.html import sections_page, table

PAGE = "pairs.html"
REVIEW = "review.json"  # the file that the page saves
_HERE = Path(__file__).resolve().parent


def write_pair_page(manifest: PairManifest) -> Path:
    """Writes pairs.html into the folder of the pairs; it shows the images that lie beside it.

    Args:
        manifest: The records of the folder.

    Returns:
        The path of the page.

    Raises:
        UserError: The page cannot be written.
    """
    path = manifest.folder / PAGE
    rejected = list(manifest.rejections())
    kinds = Counter(rejection.reason.partition(":")[0] for _, rejection in rejected)
    intro = [
        f"{len(manifest.pairs):,} pairs; {len(rejected):,} photos and faces gave none. "
        f"Click each pair that training should leave out, save, and run animegan3 pairs --review {REVIEW}.",
    ]
    sections = {
        "pairs": _figures(manifest),
        "rejected": _rejected(kinds, rejected),
    }
    script = (_HERE / "pairs.js").read_text(encoding="utf-8")
    style = (_HERE / "pairs.css").read_text(encoding="utf-8")
    html = sections_page("Pairs", intro, sections, style, script, beside=True)
    try:
        with whole_file(path) as temporary:
            temporary.write_text(html, encoding="utf-8")
    except OSError as error:
        raise not_writable(path, error) from None
    return path


def read_review(path: str | os.PathLike) -> list[str]:
    """Reads the pairs that a person crossed off on the page.

    Args:
        path: The file that the page saved.

    Returns:
        The stems of the pairs.

    Raises:
        UserError: The file cannot be read or is something else.
    """
    try:
        stems = json.loads(Path(path).read_text(encoding="utf-8"))["crossed_off"]
        if not isinstance(stems, list) or not all(isinstance(stem, str) for stem in stems):
            raise TypeError
    except OSError as error:
        raise UserError(f"review {quote(path)} cannot be read ({error.strerror}); check the path") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"review {quote(path)} is not a file that the page of pairs saved; save it again") from None
    return stems


def _figures(manifest: PairManifest) -> str:
    bar = (
        "<div class='review'><button id='save' type='button'>Save review.json</button>"
        "<span id='crossed' role='status'></span></div>"
    )
    return bar + f"<div class='pairs'>{''.join(_figure(*pair) for pair in _doubtful_first(manifest))}</div>"


def _doubtful_first(manifest: PairManifest) -> Iterator[tuple[str, dict]]:
    """Yields (stem, record), those nearest to being rejected first."""
    yield from sorted(
        manifest.pairs.items(),
        key=lambda pair: (float("inf") if pair[1]["margin"] is None else pair[1]["margin"], pair[0]),
    )


def _figure(stem: str, record: dict) -> str:
    name = escape(stem, quote=True)
    shown = "".join(
        f'<img loading="lazy" width="384" height="384" src="{folder}/{name}.png" alt="{folder} of {name}">'
        for folder in (PHOTO, ANIME)
    )
    margin = "" if record["margin"] is None else f", margin {record['margin']:.2f}"
    return (
        f'<figure><label>{shown}<figcaption><input type="checkbox" value="{name}"> {name}{margin}</figcaption></label>'
        "</figure>"
    )


def _rejected(kinds: Counter[str], rejected: list[tuple[str, Rejection]]) -> str:
    if not rejected:
        return "<p>None.</p>"
    common = sorted(kinds, key=lambda kind: (-kinds[kind], kind))
    counts = table(("reason", "how often"), [(kind, f"{kinds[kind]:,}") for kind in common])
    rows = sorted((name, rejection.reason) for name, rejection in rejected)
    return counts + "<details><summary>Each of them</summary>" + table(("photo", "reason"), rows) + "</details>"
