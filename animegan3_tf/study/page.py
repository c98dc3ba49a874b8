"""The page of a study: one HTML file with its images, script and texts, which fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.study.design import Study

LARGE = 50_000_000  # bytes from which on mail and phones have trouble with a page
_DEFINITION = re.compile(rb'<script type="application/json" id="study">(.*?)</script>', re.DOTALL)


def study_page(study: Study, jpegs: dict[str, bytes]) -> str:
    """Writes the whole document, which names no method and no file.

    A content security policy allows the page's own script, its own images, and sending answers to `study.post`, and
    nothing else.

    Args:
        study: The study.
        jpegs: {code: JPEG} of every photo and image.
    """
    folder = files(__package__)
    style, draw, run, texts = (
        (folder / name).read_text(encoding="utf-8") for name in ("page.css", "schedule.js", "page.js", "texts.json")
    )
    script, texts = draw + run, json.loads(texts)
    sources = {code: f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" for code, data in jpegs.items()}
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        f"connect-src {post_origin(study.post)}; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<link rel="icon" href="data:,"><title>{texts["en"]["title"]}</title><style>{style}</style></head>'
        f'<body><div id="app"></div>{_data("study", study.to_dict())}{_data("texts", texts)}'
        f"{_data('pictures', sources)}<script>{script}</script></body></html>\n"
    )


def read_study(path: str | os.PathLike) -> tuple[Study, bytes]:
    """Reads a study's page.

    Returns:
        The study that the page holds, and the page's bytes.

    Raises:
        UserError: The file cannot be read, or is not the page of a study.
    """
    try:
        html = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be read ({error.strerror}); check the path") from None
    found = _DEFINITION.search(html)
    try:
        if found is None:
            raise ValueError("no study in the page")
        return Study.from_dict(json.loads(found.group(1))), html
    except (AttributeError, KeyError, TypeError, ValueError):  # `study_page` did not write this
        raise UserError(f"{quote(path)} is not the page of a study; name a page that `study build` wrote") from None


def post_origin(post: str | None) -> str:
    """The source expression of a content security policy that lets a page send answers to an address.

    Args:
        post: See `Study`.

    Raises:
        UserError: The address is not valid.
    """
    if post is None:
        return "'none'"
    parts = urlsplit(post)
    if not parts.scheme and not parts.netloc and re.fullmatch(r"[A-Za-z0-9_./-]+", post):
        return "'self'"
    if parts.scheme in ("http", "https") and re.fullmatch(
        r"[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9a-fA-F:]+\](:[0-9]+)?", parts.netloc
    ):
        return f"{parts.scheme}://{parts.netloc}"
    raise UserError(
        f"--post {post!r} is not an address; write http://host:8000/answers, or answers for the page's own server"
    )


def _data(name: str, value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'
