"""Tables of a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


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
