"""Reads and writes every image file of the project.

Images are uint8 RGB arrays [H, W, 3] in sRGB, upright, with an optional uint8 alpha plane [H, W]. Pillow decodes and
encodes; TensorFlow is not needed here.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import os
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

import cv2
import numpy as np
from PIL import Image, ImageCms, features

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.exif import NO_METADATA, Metadata, metadata_of
from animegan3_tf.common.files import StrPath, whole_file
from animegan3_tf.common.hidden_colors import fill_hidden

DEFAULT_MAX_PIXELS = 100_000_000
_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")
_HEIC_SUFFIXES = (".heic", ".heif", ".hif")
IMAGE_SUFFIXES = frozenset(
    {*_JPEG_SUFFIXES, ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", *_HEIC_SUFFIXES}
)
WRITE_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP"}
WRITE_FORMATS |= {".tif": "TIFF", ".tiff": "TIFF"}

_READ_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_READABLE = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC image"
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}  # mif1, msf1: AVIF, too
# Beside images lie records, which this project writes, and what Windows writes: nobody misses those.
_COMPANIONS = frozenset({".json", ".jsonl", ".csv", ".html", ".md", ".db", ".ini"})
_HEAD = 64  # bytes that tell the formats apart
_KINDS_NAMED = 6  # of skipped files
_T = TypeVar("_T")
_MAX_SIDE = {"JPEG": 65_500, "WEBP": 16_383}
_SRGB_NAMES = {"sRGB", "sRGB built-in", "sRGB IEC61966-2.1"}
_UPRIGHT = {  # EXIF orientation -> what makes the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow's own limit warns at 89 MP and refuses at 179 MP, and neither names a remedy. `read_image` checks every header
# against its caller's limit instead. Set once, at import: the limit is a global, and switching it per call would race.
Image.MAX_IMAGE_PIXELS = None
# Pillow warns of broken tags. The user needs no such line: the image is used, or it is rejected by name.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())  # it logs errors that it raises, too
# libtiff writes its errors to file descriptor 2, without the file's name; what Pillow raises then gets that name here.
# Set once, at import, in the libtiff that Pillow has loaded; where that is linked into Pillow, nobody can reach it.
with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)

_log = logging.getLogger(__name__)


class ImageError(UserError):
    """An image file that cannot be read or written; the message is one line that names it."""


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image file.

    Attributes:
        rgb: uint8 [H, W, 3] in sRGB, upright.
        alpha: uint8 [H, W], or None where the file has no alpha plane.
        metadata: What the file says of the photo beside its pixels.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    metadata: Metadata = NO_METADATA

    def on_white(self) -> np.ndarray:
        """The image as it looks on a white page, uint8 [H, W, 3]."""
        if self.alpha is None:
            return self.rgb
        cover = self.alpha[..., None].astype(np.uint16)  # at most 255 * 255 + 127, which uint16 holds
        return ((self.rgb * cover + 255 * (255 - cover) + 127) // 255).astype(np.uint8)

    def filled(self) -> np.ndarray:
        """The colours for a network whose drawing gets this alpha: `rgb`, filled where it is invisible."""
        return self.rgb if self.alpha is None else fill_hidden(self.rgb, self.alpha)


@dataclass(frozen=True)
class Thumbnail:
    """A reduced copy of an image, and facts about its file.

    Attributes:
        rgb: uint8 [h, w, 3] in sRGB, upright, on white.
        width: Width of the full image in pixels, upright.
        height: Height of the full image in pixels, upright.
        format: Pillow's name of the file's format, such as "JPEG".
        mode: Pillow's name of the file's colour mode, such as "CMYK".
        frames: Number of frames; more than 1 in an animation.
        bytes: Size of the file.
    """

    rgb: np.ndarray
    width: int
    height: int
    format: str
    mode: str
    frames: int
    bytes: int


def read_image(path: StrPath, max_pixels: int = DEFAULT_MAX_PIXELS) -> DecodedImage:
    """Decodes one image: upright, sRGB, 8 bits a channel; of an animation, the first frame.

    The format is found from the content, never from the name. 16-bit samples keep their high byte.

    Args:
        path: The file.
        max_pixels: Images with more pixels are refused before they are decoded.

    Returns:
        The whole image.

    Raises:
        ImageError: The file is not a whole JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF (with Pillow 11.3 or newer) or HEIC
            (with the package pillow-heif) image of at most `max_pixels`, or cannot be read.
    """
    return _read(path, lambda file, name: _decode(file, name, max_pixels)[0])


def thumbnail(path: StrPath, side: int, max_pixels: int = DEFAULT_MAX_PIXELS) -> Thumbnail:
    """Reads an image reduced until its short side is `side` or less.

    JPEGs are decoded at a fraction of their size, which reads large ones several times as fast.

    Args:
        path: The file.
        side: Longest that the short side may be, in pixels; smaller images are not enlarged.
        max_pixels: Images with more pixels are refused before they are decoded.

    Returns:
        The reduced image and facts about the file.

    Raises:
        ImageError: As `read_image`.
    """

    def decode(file: BinaryIO, name: str) -> Thumbnail:
        image, header = _decode(file, name, max_pixels, side)
        rgb = image.on_white()
        rows, columns = rgb.shape[:2]
        small = resize(rgb, scaled_size(rgb.shape, min(1.0, side / min(rows, columns))))
        width, height = header.width, header.height
        if (rows > columns) != (height > width):  # turned upright
            width, height = height, width
        size = os.fstat(file.fileno()).st_size
        return Thumbnail(small, width, height, header.format, header.mode, header.frames, size)

    return _read(path, decode)


def image_size(path: StrPath, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[int, int]:
    """Reads an image's size from its header, without decoding it.

    Args:
        path: The file.
        max_pixels: Images with more pixels are refused.

    Returns:
        (height, width) of the image as `read_image` returns it, upright where the header has its orientation.

    Raises:
        ImageError: The file does not begin like an image, the image is over the limit, or the file cannot be read.
    """

    def measure(file: BinaryIO, name: str) -> tuple[int, int]:
        formats = _formats_for(file.read(_HEAD), name)
        try:
            with Image.open(file, formats=formats) as image:
                _check_size(image, name, max_pixels)
                width, height = image.size
                if image.format == "TIFF":  # some versions of Pillow give an upright TIFF's size before it is loaded
                    tags = _tags(image)
                    width, height = tags.get(256, width), tags.get(257, height)
                # where a PNG's header has no EXIF, Pillow would decode the whole file to look for some after the pixels
                known = image.format != "PNG" or "exif" in image.info
                return (width, height) if known and _orientation(image) >= 5 else (height, width)
        except ImageError:
            raise
        except Exception as error:  # as in `_decode`: damaged files raise nearly anything
            if getattr(error, "errno", None) is not None:
                raise
            raise ImageError(f"{name} does not begin like a {_READABLE}; convert or re-export it") from None

    return _read(path, measure)


def write_image(
    path: StrPath,
    rgb: np.ndarray,
    alpha: np.ndarray | None = None,
    quality: int = 95,
    metadata: Metadata = NO_METADATA,
) -> None:
    """Writes an image in the format that the suffix names, and makes missing folders.

    The file appears whole or not at all. PNG, WebP and TIFF keep alpha; JPEG and BMP have none, so there the image is
    laid on white.

    Args:
        path: Where to write; its suffix is one of `WRITE_FORMATS`.
        rgb: uint8 [H, W, 3] in sRGB.
        alpha: uint8 [H, W], or None.
        quality: 1..100, for JPEG and WebP.
        metadata: What the file says beside its pixels; BMP holds no EXIF, WebP no resolution but that in the EXIF.

    Raises:
        ImageError: The suffix is unknown, the image is too large for the format, or the file cannot be written.
        ValueError: `rgb` has another type or shape.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"rgb must be uint8 [H, W, 3], got {rgb.dtype} {list(rgb.shape)}")
    target, name = Path(path), quote(path)
    file_format = WRITE_FORMATS.get(target.suffix.lower())
    if file_format is None:
        raise ImageError(f"{name} has no suffix that can be written; use {', '.join(WRITE_FORMATS)}")
    height, width = rgb.shape[:2]
    most = _MAX_SIDE.get(file_format)
    if most and max(height, width) > most:
        raise ImageError(f"{name} would be {width:,}x{height:,}, but {file_format} ends at {most:,} a side; write .png")
    if alpha is not None and file_format in ("JPEG", "BMP"):
        rgb, alpha = DecodedImage(rgb, alpha).on_white(), None
    image = Image.fromarray(np.ascontiguousarray(rgb if alpha is None else np.dstack([rgb, alpha])))
    try:
        with whole_file(target) as temporary, open(temporary, "xb") as file:
            image.save(file, format=file_format, **_save_options(file_format, quality, metadata))
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be written ({_reason(error)}); check the folder and free space") from None


def png_bytes(rgb: np.ndarray) -> bytes:
    """Encodes a uint8 image [H, W, 3] as PNG, with the very bytes that `write_image` writes."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(file, format="PNG", **_save_options("PNG", 0))
    return file.getvalue()


def decode_image(content: bytes, name: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> DecodedImage:
    """Decodes a file's content as `read_image` does; `name` stands for the file in an `ImageError`."""
    return _decode(io.BytesIO(content), name, max_pixels)[0]


def jpeg_bytes(rgb: np.ndarray, quality: int = 82) -> bytes:
    """Encodes a uint8 image [H, W, 3] as JPEG, for pages that carry their images; `quality` is 1..100."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(file, format="JPEG", **_save_options("JPEG", quality))
    return file.getvalue()


def find_images(folder: StrPath, on_error: Callable[[Path, ImageError], None] | None = None) -> list[Path]:
    """Lists the images in a folder and those below it.

    Files count by their suffix, in upper or lower case. Hidden files and folders are skipped. Links to folders are
    followed, each real folder once. One warning is logged of the files that are no images by their suffix, but for
    records such as those that this project writes.

    Args:
        folder: Where to search.
        on_error: Called with each folder below that cannot be listed, and the error; None raises the error instead.

    Returns:
        Paths below `folder`, sorted.

    Raises:
        ImageError: `folder` is not a folder, or one cannot be listed and there is no `on_error`.
    """
    if not os.path.isdir(folder):
        raise ImageError(f"{quote(folder)} is not a folder; name one that exists")

    def report(error: OSError) -> None:
        path = Path(error.filename)
        problem = ImageError(f"folder {quote(path)} cannot be listed ({_reason(error)}); change its permissions")
        if on_error is None:
            raise problem
        on_error(path, problem)

    found: list[Path] = []
    skipped: Counter[str] = Counter()
    visited = set()
    for root, folders, files in os.walk(os.fspath(folder), onerror=report, followlinks=True):
        real = os.path.realpath(root)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            suffix = os.path.splitext(name)[1].lower()
            if name.startswith("."):
                continue
            if suffix in IMAGE_SUFFIXES:
                found.append(Path(root, name))
            elif suffix not in _COMPANIONS:
                skipped[suffix] += 1
    if skipped:
        _log.warning("%s", _skipped_line(folder, skipped))
    return sorted(found, key=lambda path: path.parts)


def _skipped_line(folder: StrPath, skipped: Counter[str]) -> str:
    """Says how many files of which suffix were skipped, the most frequent first."""
    kinds = sorted(skipped.items(), key=lambda kind: (-kind[1], kind[0]))
    named = [f"{count:,} {quote(suffix)[1:-1] or 'without a suffix'}" for suffix, count in kinds[:_KINDS_NAMED]]
    if rest := sum(count for _, count in kinds[_KINDS_NAMED:]):
        named.append(f"{rest:,} others")
    total = sum(skipped.values())
    what = "1 file that is no image" if total == 1 else f"{total:,} files that are no images"
    return f"folder {quote(folder)}: skipped {what} by name: {', '.join(named)}"


def names_image(path: StrPath) -> bool:
    """Returns whether a path ends like an image, also like one of a format that is neither read nor written here."""
    suffix = os.path.splitext(path)[1].lower()
    return bool(suffix) and (suffix in IMAGE_SUFFIXES or suffix in Image.registered_extensions())


def images_by_stem(folder: StrPath, clash: Callable[[str, Path, Path], str]) -> dict[str, Path]:
    """Finds the images of a folder by name.

    Args:
        folder: The folder.
        clash: (name, first file, second file) -> what the error says of two images of one name.

    Returns:
        {path below the folder, without suffix and with forward slashes: file}.

    Raises:
        UserError: Two images have one name.
        ImageError: See `find_images`.
    """
    found: dict[str, Path] = {}
    for path in find_images(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise UserError(clash(name, found[name], path))
        found[name] = path
    return found


def resize(rgb: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Resizes an image, by area where a side shrinks and with cubic interpolation where it grows.

    Args:
        rgb: [H, W, C] or [H, W], uint8 or float32.
        size_hw: (height, width) of the result in pixels.

    Returns:
        The resized array, of the same type; `rgb` itself where it has that size already.
    """
    height, width = size_hw
    smaller = (min(height, rgb.shape[0]), min(width, rgb.shape[1]))
    # Two steps: an image may shrink one way and grow the other, and each interpolation is poor at the other's work.
    for (rows, columns), how in ((smaller, cv2.INTER_AREA), ((height, width), cv2.INTER_CUBIC)):
        if rgb.shape[:2] != (rows, columns):
            rgb = cv2.resize(rgb, (columns, rows), interpolation=how)
    return rgb


def short_side_size(size_hw: Sequence[int], short_side: int) -> tuple[int, int]:
    """Returns the size (height, width) of an image (height, width, ...) whose short side becomes `short_side`."""
    scale = short_side / min(size_hw[:2])
    return round(size_hw[0] * scale), round(size_hw[1] * scale)


def scaled_size(size_hw: Sequence[int], scale: float) -> tuple[int, int]:
    """Returns the size of an image (height, width, ...) times `scale`, at least a pixel a side."""
    return max(1, round(size_hw[0] * scale)), max(1, round(size_hw[1] * scale))


def evenly_spread(items: Sequence[_T], count: int) -> list[_T]:
    """Picks at most `count` items, spread evenly over a sequence, the first among them."""
    count = min(count, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def grid(rows: Sequence[Sequence[np.ndarray]], gap: int = 4) -> np.ndarray:
    """Joins rows of images into one image, with white between them.

    Args:
        rows: uint8 [H, W, 3] images of one size; a short row ends in white.
        gap: Pixels between images.

    Returns:
        One uint8 image.

    Raises:
        ValueError: The images differ in size, or there are none.
    """
    sizes = {cell.shape for row in rows for cell in row}
    if len(sizes) != 1:
        raise ValueError(f"a grid needs images of one size, got {sorted(sizes) or 'none'}")
    height, width, channels = sizes.pop()
    down, across = height + gap, width + gap
    sheet = np.full((len(rows) * down - gap, max(map(len, rows)) * across - gap, channels), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            sheet[i * down : i * down + height, j * across : j * across + width] = cell
    return sheet


class _Header(NamedTuple):
    """An image as it is stored, before it is turned upright; frames is 1 where they were not counted."""

    width: int
    height: int
    format: str
    mode: str
    frames: int


def _read(path: StrPath, decode: Callable[[BinaryIO, str], _T]) -> _T:
    """Returns `decode(file, name)` for an open file; errors of the file system become an `ImageError`."""
    name = quote(path)
    try:
        # A named pipe would block in open() for ever, so ask what the path is first.
        if not stat.S_ISREG(os.stat(path).st_mode):
            kind = "a folder" if os.path.isdir(path) else "not a regular file"
            raise ImageError(f"{name} is {kind}; name an image file")
        with open(path, "rb") as file:
            return decode(file, name)
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist; check the path") from None
    except PermissionError:
        raise ImageError(f"{name} may not be read (permission denied); change its permissions") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise ImageError(f"{name} cannot be read ({_reason(error)}); check the path") from None


def _decode(file: BinaryIO, name: str, max_pixels: int, side: int | None = None) -> tuple[DecodedImage, _Header]:
    """Decodes an open file; with a `side`, at the reduced size that suits `thumbnail`, and the frames are counted."""
    head = file.read(_HEAD)
    if not head:
        raise ImageError(f"{name} is empty (0 bytes); re-export or re-download it")
    formats = _formats_for(head, name)
    try:
        with Image.open(file, formats=formats) as image:
            _check_size(image, name, max_pixels)
            # PIL's annotation allows no format, but an image that it opened has one
            header = _Header(*image.size, image.format or "", image.mode, 1 if side is None else _frames(image))
            if side is not None:
                image.draft(None, (side, side))
            _halve_clear_colour(image)
            image.load()
            rgb, alpha = _rgb_and_alpha(image, name)
            turn = _UPRIGHT.get(_orientation(image))
            metadata = metadata_of(image)
        return DecodedImage(_upright(rgb, turn), None if alpha is None else _upright(alpha, turn), metadata), header
    except ImageError:
        raise
    except Image.UnidentifiedImageError:
        raise ImageError(f"{name} is not a whole {_READABLE}; convert or re-export it") from None
    except MemoryError:
        raise ImageError(f"{name} does not fit in memory; reduce it first") from None
    except Exception as error:  # decoders raise nearly anything over a damaged file
        if getattr(error, "errno", None) is not None:
            raise  # the disk failed, not the image
        reason = _reason(error)
        what = "is truncated" if "truncated" in reason.lower() else f"is damaged ({reason})"
        raise ImageError(f"{name} {what}; re-export or re-download it") from None


def _halve_clear_colour(image: Image.Image) -> None:
    """Reduces the transparent colour of a 16-bit RGB PNG to 8 bits, as Pillow does the pixels only."""
    clear = image.info.get("transparency")
    tiles = getattr(image, "tile", None)  # of (decoder, area, offset, mode of the samples)
    if isinstance(clear, tuple) and tiles and tiles[0][3] == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in clear)


def _upright(plane: Image.Image, turn: Image.Transpose | None) -> np.ndarray:
    return np.array(plane if turn is None else plane.transpose(turn))


def _tags(image: Image.Image) -> Mapping[int, Any]:
    """The tags of a TIFF, which are of many types; empty for other formats."""
    return getattr(image, "tag_v2", {})


def _formats_for(head: bytes, name: str) -> tuple[str, ...]:
    """Pillow's names of the formats that a file beginning with `head` may have."""
    if head[4:8] != b"ftyp":
        return _READ_FORMATS
    end = int.from_bytes(head[:4], "big")
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(end, len(head)) - 3, 4))}
    if head[8:12] not in _HEIC_BRANDS | _AVIF_BRANDS:
        return _READ_FORMATS
    if brands & _AVIF_BRANDS:
        if "avif" not in features.modules or not features.check("avif"):
            raise ImageError(f"{name} is an AVIF image; to read those, pip install -U pillow (11.3 or newer)")
        return ("AVIF",)
    try:
        import pillow_heif
    except ImportError:
        raise ImageError(f"{name} is a HEIC image; to read those, pip install pillow-heif") from None
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError(
            f"photo {name} is {width:,}x{height:,} ({_megapixels(width * height)}), "
            f"over the limit of {_megapixels(max_pixels)}; raise it with --max-pixels"
        )
    tags = _tags(image)
    # TIFF: the decoder's buffer holds one tile (TileWidth x TileLength), which a small image may claim to be huge.
    tile = tags.get(322, 0) * tags.get(323, 0)
    if tile > max(max_pixels, 1 << 20):
        raise ImageError(f"photo {name} claims tiles of {_megapixels(tile)}; re-export it")


def _megapixels(pixels: int) -> str:
    millions = pixels / 1e6
    return f"{millions:,.0f} MP" if millions >= 10 else f"{millions:.3g} MP"


def _frames(image: Image.Image) -> int:
    if image.format == "MPO":  # a camera's JPEG with a second view or a gain map
        return 1
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # later frames may be damaged, and only the first is read
        return 1


def _orientation(image: Image.Image) -> int:
    # Asked after load(): Pillow turns TIFFs upright by itself then, and PNG may hold its EXIF behind the pixels.
    try:
        return image.getexif().get(0x0112, 1)
    except Exception:  # broken EXIF raises nearly anything; only the orientation is lost
        return 1


def _rgb_and_alpha(image: Image.Image, name: str) -> tuple[Image.Image, Image.Image | None]:
    """The decoded image as 8-bit sRGB, and its alpha plane if it has one."""
    profile, alpha = image.info.get("icc_profile"), None
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        image, alpha = _sixteen_bit_grey(image)
    elif image.mode in ("I", "F"):
        raise ImageError(f"{name} has 32-bit samples without a fixed range; save it with 8 or 16 bits")
    elif image.mode == "LA":
        image, alpha = image.split()
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        alpha, image = image.getchannel("A"), image.convert("RGB")
    elif image.mode == "P":
        image = image.convert("RGB")
    if profile:
        image = _to_srgb(image, profile)
    return image.convert("RGB"), alpha


def _sixteen_bit_grey(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Grey by its high byte, as Pillow does for 16-bit RGB; its own convert() would clip at 255 instead."""
    samples = np.asarray(image)
    bits = _tags(image).get(258, (16,))[0] if image.format == "TIFF" else 16
    clear = image.info.get("transparency")
    alpha = Image.fromarray(np.where(samples == clear, 0, 255).astype(np.uint8)) if isinstance(clear, int) else None
    return Image.fromarray((samples >> (bits - 8)).astype(np.uint8)), alpha


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(source).strip() in _SRGB_NAMES:
            return image  # most photos: exact, and a whole pass cheaper
        target, how = ImageCms.createProfile("sRGB"), ImageCms.Intent.PERCEPTUAL
        # None only where it converts in place
        return ImageCms.profileToProfile(image, source, target, renderingIntent=how, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return image  # a broken or ill-fitting profile is ignored, as browsers do


def _save_options(file_format: str, quality: int, metadata: Metadata = NO_METADATA) -> dict[str, Any]:
    """Pillow's options for a format, which are of many types."""
    options: dict[str, dict[str, Any]] = {
        # Full-resolution chroma: at half resolution, colour bleeds across ink lines.
        "JPEG": {"quality": quality, "subsampling": 0},
        "WEBP": {"quality": quality, "exact": True},
        # Pillow writes the directories of EXIF, such as the place, into uncompressed TIFFs only.
        "TIFF": {"compression": None if metadata.exif else "tiff_lzw"},
    }
    held = {"exif": metadata.exif, "dpi": metadata.dpi}
    return {**options.get(file_format, {}), **{key: value for key, value in held.items() if value is not None}}


def _reason(error: Exception) -> str:
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())
