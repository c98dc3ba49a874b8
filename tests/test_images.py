import io
import os
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, features

from animegan3_tf.common import images
from animegan3_tf.common.images import (
    ImageError,
    find_images,
    grid,
    image_size,
    read_image,
    resize,
    thumbnail,
    write_image,
)

# 2 rows, 3 columns, every pixel different: what shows a turn or a flip.
UPRIGHT = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[255, 255, 0], [0, 255, 255], [255, 0, 255]]], dtype=np.uint8
)


def png_bytes(width, height, colour_type, depth, rows, extra=b""):
    """A PNG made by hand, because Pillow writes no 16-bit RGB."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def refusal(path, **options):
    """The message with which a file is refused; it must be one printable line."""
    with pytest.raises(ImageError) as caught:
        read_image(path, **options)
    message = str(caught.value)
    assert message.isprintable(), message
    return message


# --- what the picture is ---


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(
    ("orientation", "stored"),
    [  # how a camera stores the upright picture under each EXIF orientation: rotations here turn counter-clockwise
        (1, UPRIGHT),
        (2, UPRIGHT[:, ::-1]),
        (3, UPRIGHT[::-1, ::-1]),
        (4, UPRIGHT[::-1]),
        (5, UPRIGHT.transpose(1, 0, 2)),
        (6, np.rot90(UPRIGHT, 1)),
        (7, UPRIGHT.transpose(1, 0, 2)[::-1, ::-1]),
        (8, np.rot90(UPRIGHT, -1)),
    ],
)
def test_exif_orientation_is_applied(tmp_path, orientation, stored, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    np.testing.assert_array_equal(read_image(path).rgb, UPRIGHT)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("orientation", [None, 3, 6])
def test_the_size_of_a_picture_is_read_from_its_header(tmp_path, suffix, orientation):
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (24, 40)).save(path, **({} if suffix == ".bmp" else {"exif": exif}))
    expected = (24, 40) if orientation == 6 and suffix != ".bmp" else (40, 24)
    assert image_size(path) == read_image(path).rgb.shape[:2] == expected


@pytest.mark.parametrize("content", [b"", b"broken", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_size_that_cannot_be_read(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png' does not begin like a JPEG"):
        image_size(tmp_path / "a.png")


def test_the_size_of_a_picture_over_the_limit(tmp_path):
    Image.new("RGB", (24, 40)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"24x40 .*over the limit"):
        image_size(tmp_path / "a.png", max_pixels=900)


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".mpo", ".gif", ".avif"])
def test_less_usual_formats(tmp_path, suffix):
    path, rgb = tmp_path / f"a{suffix}", np.full((12, 20, 3), (0, 0, 255), np.uint8)
    frames = [Image.fromarray(rgb), Image.new("RGB", (20, 12), "red")]
    kind = {".gif": "GIF", ".avif": "AVIF", ".mpo": "MPO"}.get(suffix, "JPEG")
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    more = {"save_all": True, "append_images": frames[1:]} if kind != "JPEG" else {}
    frames[0].save(path, kind, **more)
    assert find_images(tmp_path) == [path]
    assert np.abs(read_image(path).rgb.astype(int) - rgb).max() <= 4  # the first frame
    assert image_size(path) == (12, 20)
    assert thumbnail(path, 6).frames == (2 if suffix in (".gif", ".avif") else 1)
    path.rename(tmp_path / "a.png")  # the content tells the format
    assert read_image(tmp_path / "a.png").rgb.shape == (12, 20, 3)
    assert "over the limit" in refusal(tmp_path / "a.png", max_pixels=200)


def test_a_gif_whose_frame_is_larger_than_its_screen(tmp_path):
    image = io.BytesIO()
    Image.new("L", (4, 4)).save(image, "GIF")
    content = bytearray(image.getvalue())
    at = content.index(b"\x2c\0\0\0\0\x04\0\x04\0")
    content[at + 5 : at + 9] = struct.pack("<HH", 65_000, 65_000)
    (tmp_path / "a.gif").write_bytes(content)
    assert "is 65,000x65,000 (4,225 MP), over the limit" in refusal(tmp_path / "a.gif")


def test_avif_where_pillow_reads_none(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf" + bytes(40))
    monkeypatch.setattr(features, "check", lambda name: False)
    assert "is an AVIF image; to read those, pip install -U pillow" in refusal(tmp_path / "a.png")


def test_libtiff_and_pillow_print_nothing(tmp_path, capfd):
    with io.BytesIO() as file:
        Image.fromarray(noise(64, 64)).save(file, "TIFF", compression="tiff_lzw")
        content = bytearray(file.getvalue())
    content[100:2000] = bytes(1900)
    (tmp_path / "a.tif").write_bytes(content)
    assert "is damaged" in refusal(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


def test_transparent_colour_of_16_bit_rgb(tmp_path):
    clear = struct.pack(">I", 6) + b"tRNS" + b"\x80\1\x40\2\x20\3"
    clear += struct.pack(">I", zlib.crc32(clear[4:]))
    (tmp_path / "a.png").write_bytes(png_bytes(2, 1, 2, 16, [b"\x80\1\x40\2\x20\3" + b"\x80\1\x40\2\x21\3"], clear))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").alpha, [[0, 255]])


def test_orientation_turns_alpha_too(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise
    stored = np.dstack([np.zeros((1, 2, 3), np.uint8), np.array([[10, 20]], np.uint8)])
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").alpha, [[10], [20]])


def test_broken_exif_is_ignored(tmp_path):
    Image.fromarray(UPRIGHT).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").rgb, UPRIGHT)


def test_16_bit_grey_is_scaled_not_clipped(tmp_path):
    samples = np.array([[0, 255, 256, 0x7FFF, 0x8000, 0xFFFF]])
    for name, big_endian in (("a.png", True), ("little.tif", False), ("big.tif", True)):
        path = tmp_path / name
        if name == "a.png":
            path.write_bytes(png_bytes(6, 1, 0, 16, [samples.astype(">u2").tobytes()]))
        else:
            order = ">" if big_endian else "<"
            tifffile.imwrite(path, samples.astype(np.uint16), byteorder=order, photometric="minisblack")
        picture = read_image(path)
        np.testing.assert_array_equal(picture.rgb, np.repeat([[[0], [0], [1], [127], [128], [255]]], 3, axis=2))
        assert picture.alpha is None


def test_16_bit_rgb_and_rgba(tmp_path):
    samples = np.array([0x0000, 0x80FF, 0xFFFF, 0x0100, 0x7F00, 0xFE01, 0x1234, 0x4321], ">u2")
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(2, 1, 2, 16, [samples[:6].tobytes()]))
    np.testing.assert_array_equal(read_image(path).rgb, [[[0, 128, 255], [1, 127, 254]]])
    path.write_bytes(png_bytes(2, 1, 6, 16, [samples.tobytes()]))
    picture = read_image(path)
    np.testing.assert_array_equal(picture.rgb, [[[0, 128, 255], [127, 254, 18]]])
    np.testing.assert_array_equal(picture.alpha, [[1, 67]])


def test_palette_with_transparency(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), mode="P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(tmp_path / "a.png", transparency=bytes([255, 0, 128]))
    picture = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.rgb, [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]])
    np.testing.assert_array_equal(picture.alpha, [[255, 0, 128]])


def test_transparent_grey_value_of_16_bits(tmp_path):
    clear = struct.pack(">I", 2) + b"tRNS\x80\x00" + struct.pack(">I", zlib.crc32(b"tRNS\x80\x00"))
    (tmp_path / "a.png").write_bytes(png_bytes(2, 1, 0, 16, [b"\x80\x00\x80\x01"], extra=clear))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").alpha, [[0, 255]])


@pytest.mark.parametrize(
    ("mode", "pixel", "rgb", "alpha"),
    [
        ("1", 1, (255, 255, 255), None),
        ("L", 77, (77, 77, 77), None),
        ("LA", (77, 5), (77, 77, 77), 5),
        ("RGB", (1, 2, 3), (1, 2, 3), None),
        ("RGBA", (1, 2, 3, 4), (1, 2, 3, 4)[:3], 4),
    ],
)
def test_modes(tmp_path, mode, pixel, rgb, alpha):
    Image.new(mode, (3, 2), pixel).save(tmp_path / "a.png")
    picture = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.rgb, np.full((2, 3, 3), rgb))
    assert picture.rgb.dtype == np.uint8
    assert picture.alpha is None if alpha is None else (picture.alpha == alpha).all()


def test_cmyk_jpeg(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=100)
    np.testing.assert_allclose(read_image(tmp_path / "red.jpg").rgb, np.full((16, 16, 3), (255, 0, 0)), atol=3)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_icc_profile_is_converted_to_srgb(tmp_path, mode):
    """A profile that names green's primary as its red one: its pure red is sRGB's pure green."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"rXYZ", b"----"), (b"gXYZ", b"rXYZ"), (b"----", b"gXYZ")):
        profile = profile.replace(old, new)
    profile = profile.replace("sRGB built-in".encode("utf-16-be"), "Swap built-in".encode("utf-16-be"))
    Image.new(mode, (2, 2), (255, 0, 0, 9)[: len(mode)]).save(tmp_path / "a.png", icc_profile=profile)
    picture = read_image(tmp_path / "a.png")
    np.testing.assert_allclose(picture.rgb, np.full((2, 2, 3), (0, 255, 0)), atol=1)
    assert picture.alpha is None if mode == "RGB" else (picture.alpha == 9).all()


@pytest.mark.parametrize(
    "profile", [b"no profile at all", ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()]
)
def test_broken_and_srgb_profiles_change_nothing(tmp_path, profile):
    rgb = noise(8, 8)
    Image.fromarray(rgb).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").rgb, rgb)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_first_frame_of_an_animation(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(read_image(tmp_path / f"a.{suffix}").rgb, np.full((8, 8, 3), (255, 0, 0)))


def test_content_decides_not_the_name(tmp_path):
    Image.fromarray(UPRIGHT).save(tmp_path / "a.jpg", format="PNG")
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg").rgb, UPRIGHT)


# --- what is refused ---


def test_truncated_files(tmp_path):
    for suffix in ("jpg", "png", "webp", "bmp", "tif"):
        path = tmp_path / f"a.{suffix}"
        write_image(path, noise(64, 64))
        whole = path.read_bytes()
        for share in (0.02, 0.5, 0.9):
            path.write_bytes(whole[: int(len(whole) * share)])
            assert "re-export" in refusal(path)
    path = tmp_path / "half.jpg"
    write_image(path, noise(64, 64))
    path.write_bytes(path.read_bytes()[:2000])
    assert refusal(path) == f"'{path}' is truncated; re-export or re-download it"


def test_not_pictures(tmp_path):
    (tmp_path / "text.png").write_text("hello " * 100)
    assert "is not a whole JPEG, PNG" in refusal(tmp_path / "text.png")
    (tmp_path / "empty.jpg").touch()
    assert "is empty (0 bytes)" in refusal(tmp_path / "empty.jpg")
    assert "does not exist" in refusal(tmp_path / "missing.jpg")
    assert "is a folder" in refusal(tmp_path)
    assert "cannot be read" in refusal(tmp_path / ("long" * 200 + ".png"))
    assert "cannot be read" in refusal("nul\0byte.png")
    Image.new("L", (4, 4)).save(tmp_path / "a.ppm")
    assert "convert" in refusal(tmp_path / "a.ppm")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert "not a regular file" in refusal(tmp_path / "pipe.png")


def test_permission_denied(tmp_path, monkeypatch):
    write_image(tmp_path / "a.png", UPRIGHT)

    def deny(*arguments, **options):  # chmod would not stop root, which tests may run as
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", deny)
    assert "permission denied" in refusal(tmp_path / "a.png")


def test_32_bit_samples_have_no_range(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), np.float32))
    assert "8 or 16 bits" in refusal(tmp_path / "a.tif")


def test_heic_without_its_extra_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0" + bytes(100))
    assert "pip install pillow-heif" in refusal(tmp_path / "a.heic")


def test_odd_names_stay_on_one_line(tmp_path):
    for name in (b"new\nline.png", b"\x1b[31mred.png", b"\xff\xfe.png", "ünïcödé.png".encode()):
        path = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
        with open(path, "w") as file:
            file.write("no picture")
        refusal(path)


def test_size_is_refused_from_the_header(tmp_path, monkeypatch):
    def decode(*arguments):
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    path = tmp_path / "bomb.png"
    path.write_bytes(png_bytes(30_000, 30_000, 2, 8, []))
    assert path.stat().st_size < 100
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert refusal(path) == (
            f"photo '{path}' is 30,000x30,000 (900 MP), over the limit of 100 MP; raise it with --max-pixels"
        )


def test_size_limit_is_inclusive(tmp_path):
    write_image(tmp_path / "a.png", noise(10, 10))
    assert read_image(tmp_path / "a.png", max_pixels=100).rgb.shape == (10, 10, 3)
    assert "is 10x10" in refusal(tmp_path / "a.png", max_pixels=99)


def test_pillows_own_limit_does_not_surface(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png_bytes(20_000, 20_000, 0, 1, []))  # 400 MP, which Pillow alone would call an attack
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError, match="over the limit of 300 MP"):
            read_image(path, max_pixels=300_000_000)


def test_a_tiff_with_huge_tiles_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((32, 32), np.uint8), tile=(16, 16), compression="zlib")
    data = bytearray(path.read_bytes())
    for tag in (322, 323):
        entry = data.index(struct.pack("<HH", tag, 3)) if struct.pack("<HH", tag, 3) in data else None
        entry = entry if entry is not None else data.index(struct.pack("<HH", tag, 4))
        data[entry + 2 : entry + 12] = struct.pack("<HII", 4, 1, 60_000)
    path.write_bytes(data)
    assert "claims tiles" in refusal(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from(["jpg", "png", "webp", "bmp", "tif"]),
    damage=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.integers(0, 100),
)
def test_damaged_files_give_a_picture_or_one_line(tmp_path, suffix, damage, cut):
    path = tmp_path / f"a.{suffix}"
    write_image(path, noise(16, 16))
    data = bytearray(path.read_bytes())
    for position, value in damage:
        data[position % len(data)] = value
    path.write_bytes(data[: len(data) - cut])
    message = ""
    try:
        assert read_image(path, max_pixels=1_000_000).rgb.dtype == np.uint8
    except ImageError as error:
        message = str(error)
    assert message.isprintable()


# --- writing ---


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    suffix=st.sampled_from([".png", ".bmp", ".tif", ".TIFF", ".PNG"]),
    with_alpha=st.booleans(),
)
def test_lossless_round_trip(tmp_path, height, width, suffix, with_alpha):
    pixels = noise(height, width, 4, seed=height * 64 + width)
    keeps_alpha = with_alpha and suffix != ".bmp"
    path = tmp_path / f"a{suffix}"
    write_image(path, pixels[..., :3], pixels[..., 3] if keeps_alpha else None)
    picture = read_image(path)
    np.testing.assert_array_equal(picture.rgb, pixels[..., :3])
    if keeps_alpha:
        np.testing.assert_array_equal(picture.alpha, pixels[..., 3])
    else:
        assert picture.alpha is None


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "webp"])
def test_lossy_round_trip_is_close(tmp_path, suffix):
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    rgb = np.dstack(np.broadcast_arrays(ramp[:, None], ramp[None, :], np.uint8(128)))
    write_image(tmp_path / f"a.{suffix}", rgb)
    assert np.abs(read_image(tmp_path / f"a.{suffix}").rgb.astype(int) - rgb).mean() < 2


def test_jpeg_keeps_full_chroma(tmp_path):
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)  # one-pixel colour lines, which half-resolution chroma would average away
    write_image(tmp_path / "a.jpg", stripes)
    assert np.abs(read_image(tmp_path / "a.jpg").rgb.astype(int) - stripes).mean() < 8


def test_webp_keeps_alpha(tmp_path):
    alpha = noise(32, 32, 1)[..., 0]
    write_image(tmp_path / "a.webp", noise(32, 32), alpha)
    np.testing.assert_array_equal(read_image(tmp_path / "a.webp").alpha, alpha)


def test_webp_keeps_colour_under_transparency(tmp_path):
    rgb = np.broadcast_to(np.arange(0, 256, 8, dtype=np.uint8)[:, None, None], (32, 32, 3))
    write_image(tmp_path / "a.webp", rgb, np.tile(np.array([0, 255], np.uint8).repeat(16), (32, 1)))
    np.testing.assert_allclose(read_image(tmp_path / "a.webp").rgb, rgb, atol=4)


def test_formats_without_alpha_lie_on_white(tmp_path):
    rgb = np.full((1, 3, 3), (200, 100, 0), np.uint8)
    write_image(tmp_path / "a.bmp", rgb, np.array([[255, 128, 0]], np.uint8))
    # Half covered: 200 * 128/255 + 255 * 127/255 = 227.4, 100 -> 177.2, 0 -> 127.
    np.testing.assert_array_equal(read_image(tmp_path / "a.bmp").rgb, [[[200, 100, 0], [227, 177, 127], [255] * 3]])
    write_image(tmp_path / "a.jpg", np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16), np.uint8))
    assert read_image(tmp_path / "a.jpg").rgb.min() > 250


@pytest.mark.parametrize("where", ["PIL.Image.Image.save", "os.replace"])
def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, where):
    path = tmp_path / "a.png"
    write_image(path, UPRIGHT)
    before = path.read_bytes()

    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(where, fail)
    with pytest.raises(ImageError, match="No space left on device") as caught:
        write_image(path, noise(8, 8))
    assert str(caught.value).isprintable()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.png"]


def test_an_interrupted_write_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_image(tmp_path / "a.png", UPRIGHT)
    assert os.listdir(tmp_path) == []


def test_write_makes_folders_and_heeds_the_umask(tmp_path):
    path = tmp_path / "new" / "folder" / "a.png"
    before = os.umask(0o022)
    try:
        write_image(path, UPRIGHT)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


def test_write_refusals(tmp_path):
    for name in ("a.gif", "a", "a.png/b.heic"):
        with pytest.raises(ImageError, match="no suffix that can be written"):
            write_image(tmp_path / name, UPRIGHT)
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="cannot be written"):
        write_image(tmp_path / "file" / "a.png", UPRIGHT)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match="cannot be written"):
        write_image(tmp_path / "folder.png", UPRIGHT)
    with pytest.raises(ImageError, match="WEBP ends at 16,383"):
        write_image(tmp_path / "a.webp", np.zeros((1, 16_384, 3), np.uint8))
    with pytest.raises(ValueError, match="uint8"):
        write_image(tmp_path / "a.png", UPRIGHT / 255.0)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


# --- finding ---


def test_find_images(tmp_path):
    names = ["b.PNG", "a.jpg", "sub/c.webp", "sub/deep/d.TIFF", ".hidden.jpg", ".cache/e.jpg", "notes.txt", "jpg"]
    names += ["new\nline.bmp", os.fsdecode(b"\xff.jpg")]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    (tmp_path / "z.jpg").symlink_to(tmp_path / "gone.jpg")
    found = [str(path.relative_to(tmp_path)) for path in find_images(tmp_path)]
    expected = ["a.jpg", "b.PNG", "new\nline.bmp", "sub/c.webp", "sub/deep/d.TIFF", "z.jpg", os.fsdecode(b"\xff.jpg")]
    assert found == [name.replace("/", os.sep) for name in expected]


def test_find_images_follows_links_to_folders(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jpg").touch()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "link").symlink_to(tmp_path / "real")
    assert find_images(tmp_path / "photos") == [tmp_path / "photos" / "link" / "a.jpg"]


def test_find_images_says_what_cannot_be_listed(tmp_path, monkeypatch):
    with pytest.raises(ImageError, match="is not a folder"):
        find_images(tmp_path / "missing")
    (tmp_path / "shut").mkdir()
    (tmp_path / "a.jpg").touch()
    list_folder = os.scandir

    def scandir(path):  # chmod would not stop root
        if os.path.basename(path) == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(ImageError, match="shut' cannot be listed"):
        find_images(tmp_path)
    problems = []
    assert find_images(tmp_path, lambda folder, error: problems.append((folder, str(error)))) == [tmp_path / "a.jpg"]
    assert [folder for folder, _ in problems] == [tmp_path / "shut"]


def test_skipped_files_are_counted_in_one_line(tmp_path, caplog):
    names = ["a.jpg", "b.txt", "sub/c.txt", "clip.MOV", "LICENSE", ".hidden.mov", "manifest.json", "x.\x1b[31m"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_images(tmp_path) == [tmp_path / "a.jpg"]
    counts = "2 .txt, 1 without a suffix, 1 .\\x1b[31m, 1 .mov"
    assert caplog.messages == [f"folder {str(tmp_path)!r}: skipped 5 files that are no images by name: {counts}"]


def test_folders_of_images_and_records_are_no_news(tmp_path, caplog):
    for name in (
        "a.jpg",
        "manifest.json",
        "pairs.jsonl",
        "report.html",
        "results.csv",
        "Thumbs.db",
        ".manifest.sqlite",
    ):
        (tmp_path / name).touch()
    find_images(tmp_path)
    assert caplog.messages == []


def test_many_kinds_of_skipped_files(tmp_path, caplog):
    for number in range(40):
        (tmp_path / f"a.{number:02}").touch()
    (tmp_path / "b.39").touch()
    find_images(tmp_path)
    (line,) = caplog.messages
    assert line.endswith(": 2 .39, 1 .00, 1 .01, 1 .02, 1 .03, 1 .04, 34 others")


# --- pixels ---


def test_resize_takes_areas_when_shrinking():
    checks = np.array([[0, 255], [255, 0]], np.uint8)
    rgb = np.repeat(np.tile(checks, (4, 4))[..., None], 3, axis=2)
    np.testing.assert_array_equal(resize(rgb, (4, 4)), np.full((4, 4, 3), 128))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50), st.integers(1, 50))
def test_resize_gives_the_size_and_keeps_flat_colour(height, width, rows, columns):
    rgb = np.full((height, width, 3), (10, 20, 30), np.uint8)
    np.testing.assert_array_equal(resize(rgb, (rows, columns)), np.full((rows, columns, 3), (10, 20, 30)))


def test_grid():
    black, grey = np.zeros((2, 3, 3), np.uint8), np.full((2, 3, 3), 7, np.uint8)
    sheet = grid([[black, grey], [grey]], gap=1)
    line = [0, 0, 0, 255, 7, 7, 7]
    expected = [line, line, [255] * 7, [7, 7, 7] + [255] * 4, [7, 7, 7] + [255] * 4]
    np.testing.assert_array_equal(sheet[..., 0], expected)
    for rows in ([], [[]], [[black, black[:1]]]):
        with pytest.raises(ValueError, match="one size"):
            grid(rows)


def test_importing_images_does_not_import_tensorflow():
    code = "import sys, animegan3_tf.common.images, animegan3_tf.stylizer.files; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation_is_put_right_strip_by_strip(tmp_path, monkeypatch, orientation):
    monkeypatch.setattr(images, "_STRIP", 60)
    pixels = np.random.default_rng(0).integers(0, 256, (13, 21, 4), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored))
    found = images.read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(np.dstack([found.rgb, found.alpha]), expected)
    cover = expected[..., 3:] / 255
    np.testing.assert_allclose(found.on_white(), expected[..., :3] * cover + 255 * (1 - cover), atol=0.51)
