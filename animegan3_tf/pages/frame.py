"""The frame of a page, and pictures that it carries with it."""

from __future__ import annotations

import base64
from html import escape

from animegan3_tf import images
from animegan3_tf.pages.page_style import STYLE_SHEET


def page(title, body):
    """A whole HTML document; `title` is text, `body` HTML."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{STYLE_SHEET}</style></head><body><main>{body}</main></body></html>\n"
    )


def picture(rgb, alt, caption):
    """A uint8 picture [H, W, 3] with its caption as a `<figure>`; `alt` and `caption` are text."""
    data = base64.b64encode(images.jpeg_bytes(rgb)).decode()
    height, width = rgb.shape[:2]
    return (
        f'<figure class="grid"><img width="{width}" height="{height}" src="data:image/jpeg;base64,{data}" '
        f'alt="{escape(alt)}"><figcaption>{escape(caption)}</figcaption></figure>'
    )
