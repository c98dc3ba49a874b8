"""The frame of a page, and pictures that it carries with it."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from animegan3_tf import images
from animegan3_tf.pages.page_style import STYLE_SHEET
from animegan3_tf.pages.table import text


def page(title, body, style="", script="", beside=False):
    """A whole HTML document; `title` is text, `body` HTML; `style` and `script` are what this page adds to all pages'.

    With a script, a content security policy lets the page do no more than run that one and show its own pictures, or
    also (`beside`) those that lie in folders beside it.
    """
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{_policy(script, beside) if script else ""}'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{STYLE_SHEET}{style}</style></head><body><main>{body}</main>"
        + (f"<script>{script}</script>" if script else "")
        + "</body></html>\n"
    )


def sections_page(title, told, sections, style="", script="", beside=False):
    """A `page` of a header and sections with links to them.

    told: lines of text below the title. sections: {name: HTML}. style, script, beside: as of `page`.
    """
    ids = {name: name.replace(" ", "-") for name in sections}
    links = " ".join(f'<a href="#{ids[name]}">{name}</a>' for name in sections)
    lines = "".join(f"<p>{text(line)}</p>" for line in told)
    header = f"<header><h1>{text(title)}</h1>{lines}<nav>{links}</nav></header>"
    body = [
        f'<section id="{ids[name]}"><h2>{name.capitalize()}</h2>{html}</section>' for name, html in sections.items()
    ]
    return page(title, header + "".join(body), style, script, beside)


def picture(rgb, alt, caption):
    """A uint8 picture [H, W, 3] with its caption as a `<figure>`; `alt` and `caption` are text."""
    height, width = rgb.shape[:2]
    return (
        f'<figure class="grid"><img width="{width}" height="{height}" src="{data_uri(rgb)}" '
        f'alt="{escape(alt)}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def data_uri(rgb):
    """A uint8 picture [H, W, 3] as the address of itself, a JPEG."""
    return f"data:image/jpeg;base64,{base64.b64encode(images.jpeg_bytes(rgb)).decode()}"


def _policy(script, beside):
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    pictures = "data: 'self' file:" if beside else "data:"
    return (
        f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src {pictures}; '
        f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">"
    )
