"""The one gate through which every image file enters and leaves.

Pictures are uint8 RGB arrays [H, W, 3] in sRGB, upright, with an optional uint8 alpha plane [H, W]. Pillow decodes and
encodes; TensorFlow is not needed here.
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms

from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file

DEFAULT_MAX_PIXELS = 100_000_000
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif"})
WRITE_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP"}
WRITE_FORMATS |= {".tif": "TIFF", ".tiff": "TIFF"}

_READ_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_MAX_SIDE = {"JPEG": 65_500, "WEBP": 16_383}
_SRGB_NAMES = {"sRGB", "sRGB built-in", "sRGB IEC61966-2.1"}
_UPRIGHT = {  # EXIF orientation -> what makes the picture upright
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
# What a broken tag makes Pillow mutter is no line of ours: the picture is used, or rejected by name.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


class ImageError(UserError):
    """An image file that cannot be read or written, told in one line."""


@dataclass(frozen=True)
class Picture:
    """A decoded image: rgb is uint8 [H, W, 3] in sRGB, alpha is uint8 [H, W] or None where the file has none."""

    rgb: np.ndarray
    alpha: np.ndarray | None = None

    def on_white(self) -> np.ndarray:
        """The picture as it looks on a white page, uint8 [H, W, 3]."""
        if self.alpha is None:
            return self.rgb
        cover = self.alpha[..., None].astype(np.uint16)  # at most 255 * 255 + 127, which uint16 holds
        return ((self.rgb * cover + 255 * (255 - cover) + 127) // 255).astype(np.uint8)


@dataclass(frozen=True)
class Glance:
    """A picture seen small: rgb is uint8 [h, w, 3] in sRGB, on white; width and height are those of the upright whole.

    format, mode: what the file holds, in Pillow's words ("JPEG", "CMYK"). frames: more than 1 in an animation. bytes:
    of the file.
    """

    rgb: np.ndarray
    width: int
    height: int
    format: str
    mode: str
    frames: int
    bytes: int


def quote(path: str | os.PathLike) -> str:
    """The path in quotes, with control characters and undecodable bytes escaped so that it fits on one line."""
    return repr(os.fsdecode(path))


def read_image(path: str | os.PathLike, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Decodes one picture: upright, sRGB, 8 bits a channel; of an animation, the first frame.

    The format is told from the content, never the name. 16-bit samples keep their high byte. Raises `ImageError` for
    anything that is not a whole JPEG, PNG, WebP, BMP, TIFF or (with the extra) HEIC of at most `max_pixels`.
    """
    return _read(path, lambda file, name: _decode(file, name, max_pixels)[0])


def glance(path: str | os.PathLike, side: int, max_pixels: int = DEFAULT_MAX_PIXELS) -> Glance:
    """Reads a picture reduced until its short side is `side` or less; raises what `read_image` raises.

    JPEGs are decoded at a fraction of their size, which makes large ones several times as quick.
    """

    def decode(file, name):
        picture, (width, height, *kind) = _decode(file, name, max_pixels, side)
        rgb = picture.on_white()
        scale = min(1.0, side / min(rgb.shape[:2]))
        small = resize(rgb, tuple(max(1, round(length * scale)) for length in rgb.shape[:2]))
        if (rgb.shape[0] > rgb.shape[1]) != (height > width):  # turned upright
            width, height = height, width
        return Glance(small, width, height, *kind, os.fstat(file.fileno()).st_size)

    return _read(path, decode)


def image_size(path: str | os.PathLike, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[int, int]:
    """Reads a picture's size from its header, without decoding it.

    Args:
        path: The file.
        max_pixels: Pictures with more are refused.

    Returns:
        (height, width) of the picture as `read_image` gives it, upright where the header tells its orientation.

    Raises:
        ImageError: A file that does not begin like a picture, or a picture over the limit.
    """

    def measure(file, name):
        formats = _formats_for(file.read(16), name)
        try:
            with Image.open(file, formats=formats) as image:
                _check_size(image, name, max_pixels)
                width, height = image.size
                # Pillow turns TIFFs upright only when it loads them
                return (width, height) if _orientation(image) >= 5 else (height, width)
        except Image.UnidentifiedImageError:
            raise ImageError(f"{name} is not a JPEG, PNG, WebP, BMP or TIFF picture; convert or re-export it") from None

    return _read(path, measure)


def write_image(path: str | os.PathLike, rgb: np.ndarray, alpha: np.ndarray | None = None, quality: int = 95) -> None:
    """Writes uint8 rgb [H, W, 3], and alpha [H, W] if any, in the format that the suffix names; makes missing folders.

    The file appears whole or not at all. Alpha is kept in PNG, WebP and TIFF; JPEG and BMP have none, so there the
    picture is laid on white. `quality` is for JPEG and WebP, 1..100.
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
        rgb, alpha = Picture(rgb, alpha).on_white(), None
    image = Image.fromarray(np.ascontiguousarray(rgb if alpha is None else np.dstack([rgb, alpha])))
    try:
        with whole_file(target) as temporary, open(temporary, "xb") as file:
            image.save(file, format=file_format, **_save_options(file_format, quality))
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be written ({_reason(error)}); check the folder and free space") from None


def png_bytes(rgb: np.ndarray) -> bytes:
    """A uint8 picture [H, W, 3] as a PNG in memory: the very bytes that `write_image` writes."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(file, format="PNG", **_save_options("PNG", 0))
    return file.getvalue()


def decode_image(content: bytes, name: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """`read_image` of a file's content in memory; `name` is what an `ImageError` calls it."""
    return _decode(io.BytesIO(content), name, max_pixels)[0]


def jpeg_bytes(rgb: np.ndarray, quality: int = 82) -> bytes:
    """A uint8 picture [H, W, 3] as a JPEG in memory, for pages that carry their pictures."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(file, format="JPEG", **_save_options("JPEG", quality))
    return file.getvalue()


def find_images(folder: str | os.PathLike, on_error: Callable[[Path, ImageError], None] | None = None) -> list[Path]:
    """The pictures in `folder` and below, by suffix in any case, sorted; hidden files and folders are skipped.

    Links to folders are followed, each real folder once. A folder below that cannot be listed goes to `on_error(folder,
    error)`, or is raised when there is none.
    """
    if not os.path.isdir(folder):
        raise ImageError(f"{quote(folder)} is not a folder; name one that exists")

    def report(error: OSError) -> None:
        path = Path(error.filename)
        problem = ImageError(f"folder {quote(path)} cannot be listed ({_reason(error)}); change its permissions")
        if on_error is None:
            raise problem
        on_error(path, problem)

    found, visited = [], set()
    for root, folders, files in os.walk(folder, onerror=report, followlinks=True):
        real = os.path.realpath(root)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(root, name)
            for name in files
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES
        ]
    return sorted(found, key=lambda path: path.parts)


def resize(rgb: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Resizes uint8 [H, W, C] or [H, W] to `size_hw`: by area where a side shrinks, cubic where it grows."""
    height, width = size_hw
    smaller = (min(height, rgb.shape[0]), min(width, rgb.shape[1]))
    # Two steps: a picture may shrink one way and grow the other, and each interpolation is poor at the other's work.
    for (rows, columns), how in ((smaller, cv2.INTER_AREA), ((height, width), cv2.INTER_CUBIC)):
        if rgb.shape[:2] != (rows, columns):
            rgb = cv2.resize(rgb, (columns, rows), interpolation=how)
    return rgb


def grid(rows: Sequence[Sequence[np.ndarray]], gap: int = 4) -> np.ndarray:
    """Joins rows of equally large uint8 pictures [H, W, 3] into one, with white gaps; short rows end in white."""
    sizes = {cell.shape for row in rows for cell in row}
    if len(sizes) != 1:
        raise ValueError(f"a grid needs pictures of one size, got {sorted(sizes) or 'none'}")
    height, width, channels = sizes.pop()
    down, across = height + gap, width + gap
    sheet = np.full((len(rows) * down - gap, max(map(len, rows)) * across - gap, channels), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            sheet[i * down : i * down + height, j * across : j * across + width] = cell
    return sheet


def _read(path: str | os.PathLike, decode: Callable):
    """What `decode(file, name)` makes of the file; whatever goes wrong with it becomes an `ImageError`."""
    name = quote(path)
    try:
        # A named pipe would block in open() for ever, so ask what the path is first.
        if not stat.S_ISREG(os.stat(path).st_mode):
            kind = "a folder" if os.path.isdir(path) else "not a regular file"
            raise ImageError(f"{name} is {kind}; name a picture file")
        with open(path, "rb") as file:
            return decode(file, name)
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist; check the path") from None
    except PermissionError:
        raise ImageError(f"{name} may not be read (permission denied); change its permissions") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise ImageError(f"{name} cannot be read ({_reason(error)}); check the path") from None


def _decode(file: io.BufferedReader, name: str, max_pixels: int, side: int | None = None) -> tuple:
    """The picture, and width, height, format and mode as stored; with a `side`, see `glance`, also the frames."""
    head = file.read(16)
    if not head:
        raise ImageError(f"{name} is empty (0 bytes); re-export or re-download it")
    formats = _formats_for(head, name)
    try:
        with Image.open(file, formats=formats) as image:
            _check_size(image, name, max_pixels)
            header = (*image.size, image.format, image.mode)
            if side is not None:
                header += (_frames(image),)
                image.draft(None, (side, side))
            image.load()
            rgb, alpha = _rgb_and_alpha(image, name)
            turn = _UPRIGHT.get(_orientation(image))
        planes = [plane if plane is None or turn is None else plane.transpose(turn) for plane in (rgb, alpha)]
        return Picture(*(None if plane is None else np.array(plane) for plane in planes)), header
    except ImageError:
        raise
    except Image.UnidentifiedImageError:
        raise ImageError(
            f"{name} is not a whole JPEG, PNG, WebP, BMP or TIFF picture; convert or re-export it"
        ) from None
    except MemoryError:
        raise ImageError(f"{name} does not fit in memory; reduce it first") from None
    except Exception as error:  # decoders fed with damaged files raise nearly anything; the file is what is wrong
        if getattr(error, "errno", None) is not None:
            raise  # the disk, not the picture
        reason = _reason(error)
        what = "is truncated" if "truncated" in reason.lower() else f"is damaged ({reason})"
        raise ImageError(f"{name} {what}; re-export or re-download it") from None


def _formats_for(head: bytes, name: str) -> tuple[str, ...]:
    if head[4:8] != b"ftyp" or head[8:12] not in _HEIC_BRANDS:
        return _READ_FORMATS
    try:
        import pillow_heif
    except ImportError:
        raise ImageError(f"{name} is a HEIC picture; to read those, pip install pillow-heif") from None
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError(
            f"photo {name} is {width:,}x{height:,} ({_megapixels(width * height)}), "
            f"over the limit of {_megapixels(max_pixels)}; raise it with --max-pixels"
        )
    tags = getattr(image, "tag_v2", {})
    # TIFF: the decoder's buffer holds one tile (TileWidth x TileLength), which a small picture may claim to be huge.
    tile = tags.get(322, 0) * tags.get(323, 0)
    if tile > max(max_pixels, 1 << 20):
        raise ImageError(f"photo {name} claims tiles of {_megapixels(tile)}; re-export it")


def _megapixels(pixels: int) -> str:
    millions = pixels / 1e6
    return f"{millions:,.0f} MP" if millions >= 10 else f"{millions:.3g} MP"


def _frames(image: Image.Image) -> int:
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # later frames may be damaged, and only the first is read
        return 1


def _orientation(image: Image.Image) -> int:
    # Asked after load(): Pillow turns TIFFs upright by itself then, and PNG may hold its EXIF behind the pixels.
    try:
        return image.getexif().get(0x0112, 1)
    except Exception:  # broken EXIF raises nearly anything, and costs no more than the orientation
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
    bits = image.tag_v2.get(258, (16,))[0] if image.format == "TIFF" else 16
    clear = image.info.get("transparency")
    alpha = Image.fromarray(np.where(samples == clear, 0, 255).astype(np.uint8)) if isinstance(clear, int) else None
    return Image.fromarray((samples >> (bits - 8)).astype(np.uint8)), alpha


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(source).strip() in _SRGB_NAMES:
            return image  # most photos: exact, and a whole pass cheaper
        target, how = ImageCms.createProfile("sRGB"), ImageCms.Intent.PERCEPTUAL
        return ImageCms.profileToProfile(image, source, target, renderingIntent=how, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return image  # a broken or ill-fitting profile is ignored, as browsers do


def _save_options(file_format: str, quality: int) -> dict:
    return {
        # Full-resolution chroma: at half resolution, colour bleeds across ink lines.
        "JPEG": {"quality": quality, "subsampling": 0},
        "WEBP": {"quality": quality, "exact": True},
        "TIFF": {"compression": "tiff_lzw"},
    }.get(file_format, {})


def _reason(error: Exception) -> str:
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())
