"""The page of a study: one HTML file with its pictures, script and texts, which fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.study.design import Study
from animegan3_tf.images import quote

LARGE = 50_000_000  # bytes of a page from which mail and phones make trouble
_DEFINITION = re.compile(rb'<script type="application/json" id="study">(.*?)</script>', re.DOTALL)


def study_page(study: Study, jpegs: dict[str, bytes]) -> str:
    """The whole document. jpegs: code -> JPEG of each photo and picture; no name of a method or file gets in.

    A content security policy lets the page do no more than run its own script, show its own pictures, and send answers
    to `study.post`.
    """
    folder = files(__package__)
    style, draw, run, texts = (
        (folder / name).read_text(encoding="utf-8") for name in ("page.css", "schedule.js", "page.js", "texts.json")
    )
    script, texts = draw + run, json.loads(texts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        f"connect-src {post_origin(study.post)}; base-uri 'none'; form-action 'none'"
    )
    pictures = {code: f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" for code, data in jpegs.items()}
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<link rel="icon" href="data:,"><title>{texts["en"]["title"]}</title><style>{style}</style></head>'
        f'<body><div id="app"></div>{_data("study", study.to_dict())}{_data("texts", texts)}'
        f"{_data('pictures', pictures)}<script>{script}</script></body></html>\n"
    )


def read_study(path: str | os.PathLike) -> tuple[Study, bytes]:
    """The study that a page holds, and the page; raises UserError for a file that is no such page."""
    try:
        html = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be read ({error.strerror}); check the path") from None
    found = _DEFINITION.search(html)
    try:
        return Study.from_dict(json.loads(found.group(1))), html
    except (AttributeError, KeyError, TypeError, ValueError):  # nothing found, or not what `study_page` wrote
        raise UserError(f"{quote(path)} is no page of a study; name what `study build` wrote") from None


def post_origin(post: str | None) -> str:
    """Where a content security policy lets a page send to; raises UserError for an address that is none."""
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
        f"--post {post!r} is no address; write http://host:8000/answers, or answers for the page's own server"
    )


def _data(name, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'
