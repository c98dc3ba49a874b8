"""Builds a study: matched images, the secret key, and the page that asks."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import numpy as np

from animegan3_tf.common.console import Advance, counted
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, regular_file, whole_file
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, jpeg_bytes, read_image, resize, scaled_size
from animegan3_tf.study.design import KINDS, MOST_METHODS, MOST_RANKED, QUESTIONS, Study, resolve_size, trials_of

LARGE = 50_000_000  # bytes from which on mail and phones have trouble with a page
_MOST_PAGE, _MOST_KEY = 1_000_000_000, 64_000_000  # bytes; the key of 1,000 photos and ten methods has four million
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9a-fA-F:]+\](:[0-9]+)?")
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


def read_study(path: StrPath) -> tuple[Study, bytes]:
    """Reads a study's page.

    Returns:
        The study that the page holds, and the page's bytes.

    Raises:
        UserError: The file cannot be read, or is not the page of a study.
    """
    from animegan3_tf.study.schema import StudyForm

    try:
        html = _read_file(path, _MOST_PAGE)
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be read ({error.strerror}); check the path") from None
    found = _DEFINITION.search(html)
    try:
        form = StudyForm.model_validate_json(found.group(1) if found else b"")
    except ValueError:  # `study_page` did not write this
        raise UserError(f"{quote(path)} is not the page of a study; name a page that `study build` wrote") from None
    return Study(**form.model_dump()), html


def _read_file(path: StrPath, most: int) -> bytes:
    with open(regular_file(path), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UserError(f"{quote(path)} is over {most:,} bytes, more than `study build` writes; check the path")
    return content


def post_origin(post: str | None) -> str:
    """The source expression of a content security policy that lets a page send answers to an address.

    Args:
        post: See `Study`.

    Raises:
        UserError: The address is not valid.
    """
    if post is None:
        return "'none'"
    try:
        parts = urlsplit(post)
    except ValueError:  # half an IPv6 address
        parts = urlsplit("")
    if not parts.scheme and not parts.netloc and re.fullmatch(r"[A-Za-z0-9_./-]+", post):
        return "'self'"
    if parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc):
        return f"{parts.scheme}://{parts.netloc}"
    raise UserError(
        f"--post {post!r} is not an address; write http://host:8000/answers, or answers for the page's own server"
    )


def _data(name: str, value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


_NAMED = 5  # missing images that an error names; the others are only counted


def match_images(photos: StrPath, methods: dict[str, Path]) -> dict[str, dict[str | None, Path]]:
    """Matches each method's images to the photos, by their paths below their folders without suffix.

    Args:
        photos: The folder of photos.
        methods: {name: folder of images}.

    Returns:
        {photo's name: {None: the photo, method: its image}}.

    Raises:
        UserError: There is no photo, an image is missing, or two have one name.
    """
    # here, since scoring reads this module too and needs no more of it than the key
    from animegan3_tf.evaluation.drawn import images_by_name

    originals = images_by_name(photos, "--photos")
    if not originals:
        raise UserError(f"--photos {quote(photos)} holds no pictures; name a folder that does")
    found = {method: images_by_name(folder, f"method {method!r}") for method, folder in methods.items()}
    missing = [f"{method!r} of {name}" for method, paths in found.items() for name in originals if name not in paths]
    if missing:
        more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
        raise UserError(f"pictures are missing: {', '.join(missing[:_NAMED])}{more}; make them, or remove those photos")
    matched: dict[str, dict[str | None, Path]] = {name: {None: path} for name, path in originals.items()}
    for name, paths in matched.items():
        paths.update({method: found[method][name] for method in methods})
    return matched


def read_alike(
    paths: dict[str | None, Path], side: int, max_pixels: int = DEFAULT_MAX_PIXELS
) -> dict[str | None, np.ndarray]:
    """Reads a photo and its images at one size, so that a method's own size does not give it away.

    Args:
        paths: {None: the photo, method: its image}.
        side: Pixels of the longest side, at most.
        max_pixels: The limit for images that are read.

    Returns:
        uint8 [h, w, 3] under the keys of `paths`, all with the photo's aspect ratio.

    Raises:
        UserError: An image's aspect ratio differs from the photo's by over 5 %.
        ImageError: An image cannot be read.
    """
    from animegan3_tf.evaluation.drawn import same_aspect

    images = {method: read_image(path, max_pixels).on_white() for method, path in paths.items()}
    height, width = images[None].shape[:2]
    for method, rgb in images.items():
        if not same_aspect(rgb.shape, (height, width)):
            raise UserError(
                f"{quote(paths[method])} is {rgb.shape[1]:,}x{rgb.shape[0]:,}, its photo {width:,}x{height:,}; "
                "a study needs whole pictures of one shape"
            )
    size = scaled_size((height, width), min(1.0, side / max(height, width)))
    return {method: resize(rgb, size) for method, rgb in images.items()}


@dataclass(frozen=True)
class Key:
    """The key of a study.

    Attributes:
        study: The study, as in the page.
        methods: The methods' names, in the order of --method.
        photos: {code: photo's name}.
        pictures: {code: (photo's name, method's name)}.
        seed: With it and the same images, `build_study` makes the same study.
    """

    study: Study
    methods: tuple[str, ...]
    photos: dict[str, str]
    pictures: dict[str, tuple[str, str]]
    seed: int

    def write(self, path: StrPath) -> None:
        """Writes the key as JSON, whole or not at all."""
        values = {
            "study": self.study.to_dict(),
            "methods": self.methods,
            "seed": self.seed,
            "photos": self.photos,
            "pictures": {code: {"photo": photo, "method": method} for code, (photo, method) in self.pictures.items()},
        }
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: StrPath) -> Key:
        """Reads a key from its file, or from beside a study's page.

        Raises:
            UserError: There is no key, or it cannot be read.
        """
        from animegan3_tf.study.schema import KeyForm

        path = key_path(path)
        try:
            form = KeyForm.model_validate_json(_read_file(path, _MOST_KEY))
        except FileNotFoundError:
            raise UserError(f"{quote(path)} does not exist; scores need the key that `study build` wrote") from None
        except OSError as error:
            raise UserError(f"{quote(path)} cannot be read ({error.strerror}); check the path") from None
        except ValueError:  # not JSON, or not this JSON
            raise UserError(
                f"{quote(path)} is not the key of a study; name the .key.json that `study build` wrote"
            ) from None
        pictures = {code: (made.photo, made.method) for code, made in form.pictures.items()}
        return cls(Study(**form.study.model_dump()), form.methods, form.photos, pictures, form.seed)


def key_path(page: StrPath) -> Path:
    """The path of a page's key: study.html -> study.key.json. A .json file is the key itself."""
    page = Path(page)
    return page if page.suffix.lower() == ".json" else page.with_suffix(".key.json")


_QUALITY = 90  # JPEG quality without artefacts that a rater could take for a method's


@dataclass(frozen=True)
class Built:
    """A study on disk.

    Attributes:
        page: The page's file.
        key: The key's file.
        study: The study.
        bytes: Size of the page.
    """

    page: Path
    key: Path
    study: Study
    bytes: int


def build_study(
    photos: StrPath,
    methods: dict[str, Path],
    out: StrPath,
    seed: int,
    kind: str = "pairwise",
    questions: tuple[str, ...] = ("overall",),
    items: int | None = None,
    repeats: int | None = None,
    side: int = 512,
    post: str | None = None,
    overwrite: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    advance: Advance | None = None,
) -> Built:
    """Writes a study's page and, beside it, its key. The same arguments and images give the same bytes.

    Args:
        photos: The folder of photos.
        methods: {name: folder of images that have the photos' names}.
        out: The page's file.
        seed: The seed of the codes and of the table of trials. With it and the names one could find out the methods,
            so only the key holds it.
        kind: One of KINDS.
        questions: Some of QUESTIONS, each once.
        items: Trials for each rater; see `resolve_size`.
        repeats: Trials that are shown a second time; see `resolve_size`.
        side: Pixels of the longest side of images in the page, at most; 64 or more.
        post: The address to which the page sends answers, relative to the page's own where it names no host. None for
            answers in files only.
        overwrite: Whether to replace a page and a key. Answers to the old study can then no longer be scored.
        max_pixels: The limit for images that are read.
        advance: Called with (photos done, all photos, name) after each photo.

    Raises:
        UserError: Arguments do not fit, an image is missing or cannot be read, or a file exists.
    """
    out = Path(out)
    _check(methods, kind, questions, side)
    post_origin(post)  # refuses a wrong address before any image is read
    for path in (out, key_path(out)):
        if path.exists() and not overwrite:
            raise UserError(
                f"{quote(path)} exists, and answers to its study would be lost; name another file or add --overwrite"
            )
    files = match_images(photos, methods)
    items, repeats = resolve_size(kind, len(files), len(methods), items, repeats)

    random = Random(seed)
    codes = _codes(random)
    photo_codes = {name: next(codes) for name in files}
    image_codes = {(photo_codes[name], method): next(codes) for name in files for method in methods}
    jpegs: dict[str, bytes] = {}
    for name, paths in counted(files.items(), list(files), advance):
        for method, rgb in read_alike(paths, side, max_pixels).items():
            photo = photo_codes[name]
            jpegs[photo if method is None else image_codes[photo, method]] = jpeg_bytes(rgb, _QUALITY)

    trials = trials_of(list(photo_codes.values()), image_codes, list(methods), kind, random)
    study = Study("", kind, tuple(questions), items, repeats, tuple(trials), post)
    jpegs = dict(sorted(jpegs.items()))  # by code: the order in which they were made would reveal the methods
    study = replace(study, id=_identity(study, jpegs))
    names = {photo: name for name, photo in photo_codes.items()}
    made = {code: (names[photo], method) for (photo, method), code in image_codes.items()}
    html = study_page(study, jpegs).encode()
    try:
        # the key first: a page without its key would be worthless, yet someone could hand it to raters
        Key(study, tuple(methods), names, made, seed).write(key_path(out))
        with whole_file(out) as temporary:
            temporary.write_bytes(html)
    except OSError as error:
        raise UserError(f"{quote(out)} cannot be written ({error.strerror}); name another with -o") from None
    return Built(out, key_path(out), study, len(html))


def _check(methods: Mapping[str, Path], kind: str, questions: tuple[str, ...], side: int) -> None:
    if kind not in KINDS:
        raise UserError(f"--kind {kind!r} is not one of {', '.join(KINDS)}")
    unknown = [question for question in questions if question not in QUESTIONS]
    if unknown or not questions or len(set(questions)) < len(questions):
        raise UserError(f"--questions {','.join(questions)!r} must name some of {', '.join(QUESTIONS)}, each once")
    if len(methods) < 2:
        raise UserError(f"{len(methods)} method given, but a study compares two or more; add --method NAME=DIR")
    if len(methods) > MOST_METHODS:
        raise UserError(f"{len(methods)} methods are too many to compare; give {MOST_METHODS} at most")
    if kind == "ranking" and len(methods) > MOST_RANKED:
        raise UserError(f"{len(methods)} methods are too many to rank; give {MOST_RANKED} at most, or --kind pairwise")
    if side < 64:
        raise UserError(f"--side {side} is too small for a comparison; give 64 or more")


def _codes(random: Random) -> Iterator[str]:
    """Names of eight hexadecimal digits, all different."""
    seen = set()
    while True:
        code = f"{random.getrandbits(32):08x}"
        if code not in seen:
            seen.add(code)
            yield code


def _identity(study: Study, jpegs: Mapping[str, bytes]) -> str:
    """Twelve hexadecimal digits that another study, or other images, would not have."""
    content = {**study.to_dict(), "pictures": {code: hashlib.sha256(data).hexdigest() for code, data in jpegs.items()}}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
