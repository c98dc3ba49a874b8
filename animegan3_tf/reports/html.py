"""Pages that need no network: one file with its styles, scripts and images."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from animegan3_tf.common import images

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np

STYLE_SHEET = """
:root { color-scheme: light dark; --ground: #fff; --raised: #f5f6f8; --ink: #1c2128; --quiet: #59636e; --rule: #dfe3e8;
  --phase: #eef1f5; --alarm: #b42318;
  --c0: #2563c9; --c1: #d9480f; --c2: #15803d; --c3: #8b2fd6; --c4: #c2186b; --c5: #4b5563; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --raised: #1a2029; --ink: #e6e9ee; --quiet: #9aa5b1;
  --rule: #2d3641; --phase: #202834; --alarm: #ff8a80;
  --c0: #79aefc; --c1: #fb9a5b; --c2: #5fd08a; --c3: #c79bff; --c4: #ff8fc0; --c5: #c3cad3; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 20px 16px 48px; }
h1 { font-size: 1.6rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 40px 0 4px; }
header p { margin: 0 0 12px; color: var(--quiet); }
header .message { color: var(--alarm); margin: 12px 0 0; }
.note { margin: 0 0 12px; color: var(--quiet); font-size: .9rem; max-width: 75ch; }
dl { display: flex; flex-wrap: wrap; gap: 8px 28px; margin: 0; }
dt { color: var(--quiet); font-size: .8rem; }
dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
figure { margin: 0; }
figcaption { font-weight: 600; }
.grid img { display: block; max-width: 100%; height: auto; border-radius: 4px; }
.grid figcaption { font-size: .85rem; font-weight: 400; color: var(--quiet); padding: 2px 0 10px; }
.small { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 8px 12px; }
.strips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 540px), 1fr)); gap: 8px 16px; }
.film { display: flex; gap: 6px; overflow-x: auto; }
.film figure { flex: 0 0 auto; width: min(176px, 28vw); }
.film figure:first-child { position: sticky; left: 0; background: var(--ground);
  box-shadow: 6px 0 var(--ground); }
h3 { font-size: 1rem; margin: 20px 0 6px; color: var(--quiet); }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; }
a { color: var(--c0); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 16px; }
.charts figure { background: var(--raised); border-radius: 8px; padding: 12px; }
.charts svg { display: block; width: 100%; height: auto; }
.charts svg.swatch { display: inline-block; width: 18px; height: 8px; margin-right: 5px; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0 14px; margin: 2px 0 6px; padding: 0;
  font-size: .85rem; }
.legend b { font-variant-numeric: tabular-nums; }
svg path, svg polyline { fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linejoin: round; }
svg circle, svg polygon { stroke: none; fill: currentColor; }
svg .band { opacity: .16; }
svg .s3 { stroke-dasharray: 7 3; } svg .s4 { stroke-dasharray: 2 2; } svg .s5 { stroke-dasharray: 8 3 2 3; }
svg .pale { opacity: .55; }
svg .rule, svg .base { stroke: var(--rule); stroke-width: 1; }
svg .level { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 3 3; }
svg .phase { fill: var(--phase); }
svg .axis { fill: var(--quiet); font-size: 12px; }
@media (max-width: 500px) { svg .axis { font-size: 15px; } }
.s0 { color: var(--c0); } .s1 { color: var(--c1); } .s2 { color: var(--c2); }
.s3 { color: var(--c3); } .s4 { color: var(--c4); } .s5 { color: var(--c5); }
summary { font-size: 1.15rem; font-weight: 600; cursor: pointer; margin-top: 40px; }
table { border-collapse: collapse; font-size: .85rem; width: 100%; margin-top: 8px; }
th, td { text-align: left; vertical-align: top; padding: 3px 12px 3px 0; border-bottom: 1px solid var(--rule);
  overflow-wrap: anywhere; }
th { font-weight: 400; color: var(--quiet); width: 45%; }
.facts th[scope=col] { width: auto; color: var(--ink); font-weight: 600; }
.facts th[scope=row] { width: 24%; }
.wide { overflow-x: auto; }
.wide :is(th, td) { white-space: nowrap; }
.steps th[scope=row] { white-space: normal; min-width: 8.5rem; position: sticky; left: 0; background: var(--ground); }
.steps { margin-bottom: 10px; }
.steps small { color: var(--quiet); }
svg .whisker path { stroke-dasharray: none; }
section ul:not(.legend) { padding-left: 1.2em; overflow-wrap: anywhere; }
"""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], unbroken: int = 0) -> str:
    """Writes a `<table>` that scrolls where it is too wide.

    Args:
        heads: The columns' headings, plain text.
        rows: Plain texts, the row's name first.
        unbroken: How many columns after the first keep each cell on one line.
    """
    head = "".join(f"<th scope='col'>{text(words)}</th>" for words in heads)
    parts = []
    for first, *cells in rows:
        whole = "".join(f"<td style='white-space:nowrap'>{text(cell)}</td>" for cell in cells[:unbroken])
        rest = "".join(f"<td>{text(cell)}</td>" for cell in cells[unbroken:])
        parts.append(f"<tr><th scope='row'>{text(first)}</th>{whole}{rest}</tr>")
    body = "".join(parts)
    return f"<div style='overflow-x:auto'><table class='facts'><tr>{head}</tr>{body}</table></div>"


def text(words: str) -> str:
    """Escapes text for HTML; undecodable bytes of a file name become backslash escapes, for UTF-8 cannot hold them."""
    return escape(words.encode(errors="backslashreplace").decode())


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
