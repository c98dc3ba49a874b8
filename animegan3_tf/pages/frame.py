"""The frame of a page, and images that it carries within itself."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING

from animegan3_tf import images
from animegan3_tf.pages.page_style import STYLE_SHEET
from animegan3_tf.pages.table import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np


def page(title: str, body: str, style: str = "", script: str = "", beside: bool = False) -> str:
    """Writes a whole HTML document.

    Args:
        title: Plain text.
        body: HTML.
        style: CSS of this page, added to the style sheet of all pages.
        script: JavaScript of this page. With one, a content security policy forbids every other script, and every
            image that the page does not carry itself.
        beside: Whether that policy also allows images in folders beside the page.
    """
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{_policy(script, beside) if script else ""}'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{STYLE_SHEET}{style}</style></head><body><main>{body}</main>"
        + (f"<script>{script}</script>" if script else "")
        + "</body></html>\n"
    )


def sections_page(
    title: str,
    lines: Iterable[str],
    sections: Mapping[str, str],
    style: str = "",
    script: str = "",
    beside: bool = False,
) -> str:
    """Writes a `page` of a header and sections, with links to the sections.

    Args:
        title: Plain text.
        lines: Lines of plain text below the title.
        sections: {name: HTML}, in order.
        style: See `page`.
        script: See `page`.
        beside: See `page`.
    """
    ids = {name: name.replace(" ", "-") for name in sections}
    links = " ".join(f'<a href="#{ids[name]}">{name}</a>' for name in sections)
    below = "".join(f"<p>{text(line)}</p>" for line in lines)
    header = f"<header><h1>{text(title)}</h1>{below}<nav>{links}</nav></header>"
    body = [
        f'<section id="{ids[name]}"><h2>{name.capitalize()}</h2>{html}</section>' for name, html in sections.items()
    ]
    return page(title, header + "".join(body), style, script, beside)


def figure(rgb: np.ndarray, alt: str, caption: str) -> str:
    """Writes a uint8 image [H, W, 3] with its caption as a `<figure>`; `alt` and `caption` are plain text."""
    height, width = rgb.shape[:2]
    return (
        f'<figure class="grid"><img width="{width}" height="{height}" src="{data_uri(rgb)}" '
        f'alt="{escape(alt)}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def data_uri(rgb: np.ndarray) -> str:
    """Encodes a uint8 image [H, W, 3] as a JPEG in a data URI."""
    return f"data:image/jpeg;base64,{base64.b64encode(images.jpeg_bytes(rgb)).decode()}"


def _policy(script: str, beside: bool) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    sources = "data: 'self' file:" if beside else "data:"
    return (
        f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src {sources}; '
        f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">"
    )
