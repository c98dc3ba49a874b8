"""Tables of a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], unbroken: int = 0) -> str:
    """A `<table>` of texts, the first of each row its name, that scrolls where it is too wide.

    unbroken: how many columns after the first keep each cell on one line.
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
    """Escaped for HTML; undecodable bytes of a file's name would end the writing of the page."""
    return escape(words.encode(errors="backslashreplace").decode())
