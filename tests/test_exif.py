import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from animegan3_tf.common.exif import NO_METADATA
from animegan3_tf.common.images import decode_image, find_images, read_image, write_image
from animegan3_tf.stylizer.files import stylize_files

TAKEN, PLACE = {0x9003: "2024:05:06 07:08:09"}, {1: "N", 2: (48.0, 51.0, 12.3)}
RGB = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)


def exif(orientation=6):
    """EXIF as a camera writes it: sideways, with a note of its own, Adobe RGB, and a size."""
    found = Image.Exif()
    found.update({0x010F: "Canon", 0x0112: orientation, 0x0103: 7})
    found[ExifTags.IFD.Exif] = {**TAKEN, 0x927C: b"preview" * 9, 0xA001: 65_535, 0xA002: 40}
    found[ExifTags.IFD.GPSInfo] = PLACE
    return found.tobytes()


def store(path, **options):
    Image.fromarray(RGB).save(path, **{"exif": exif(), "dpi": (300, 200), **options})
    return path


def stylized(folder, name, suffix=None, **options):
    report = stylize_files([folder / name], folder / "out", lambda rgb: 255 - rgb, suffix=suffix, **options)
    assert report.failures == ()
    (path,) = find_images(folder / "out")
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".tif"])
def test_results_keep_date_camera_and_place_upright(tmp_path, kind, suffix):
    store(tmp_path / f"a{kind}")
    with Image.open(stylized(tmp_path, f"a{kind}", suffix)) as result:
        found = result.getexif()
        assert (found[0x010F], found[0x0112]) == ("Canon", 1)
        assert found.get_ifd(ExifTags.IFD.Exif) == TAKEN
        assert found.get_ifd(ExifTags.IFD.GPSInfo) == PLACE
        assert found.get(0x0103) in ((1,) if suffix == ".tif" else (None,))  # a TIFF's own compression
        assert "icc_profile" not in result.info
        result.load()
        assert result.size == (24, 40)
        if ".webp" not in (kind, suffix):
            assert tuple(map(float, result.info["dpi"])) == pytest.approx((300, 200), abs=0.01)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_strip(tmp_path, suffix):
    with Image.open(stylized(tmp_path, store(tmp_path / "a.jpg").name, suffix, strip=True)) as result:
        ours = {256, 257, 258, 259, 262, 273, 277, 278, 279, 284} if suffix == ".tif" else set()
        assert set(result.getexif()) == ours
        assert "dpi" not in result.info or result.info["dpi"] == (1, 1)  # what Pillow says of a TIFF that has none


def test_no_metadata(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").metadata == NO_METADATA


def test_the_thumbnail_goes(tmp_path):
    thumbnail = io.BytesIO()
    Image.fromarray(RGB).resize((8, 8)).save(thumbnail, "JPEG")
    block = bytearray(exif())
    # the link to a second directory stands behind the entries of the first
    link = 6 + 8 + 2 + 12 * int.from_bytes(block[14:16], "big")
    assert block[link : link + 4] == bytes(4)
    block[link : link + 4] = (len(block) - 6).to_bytes(4, "big")
    at = len(block) - 6 + 2 + 2 * 12 + 4
    entries = [(0x0201, at), (0x0202, len(thumbnail.getvalue()))]
    block += (2).to_bytes(2, "big")
    for tag, value in entries:
        block += tag.to_bytes(2, "big") + (4).to_bytes(2, "big") + (1).to_bytes(4, "big")
        block += value.to_bytes(4, "big")
    block += bytes(4) + thumbnail.getvalue()
    store(tmp_path / "a.jpg", exif=bytes(block))
    with Image.open(tmp_path / "a.jpg") as photo:
        assert photo.getexif().get_ifd(ExifTags.IFD.IFD1)  # the test's own work
    with Image.open(stylized(tmp_path, "a.jpg")) as result:
        assert not result.getexif().get_ifd(ExifTags.IFD.IFD1)
        assert result.getexif()[0x010F] == "Canon"
        assert thumbnail.getvalue() not in result.info["exif"]


@pytest.mark.parametrize("dpi", [(0, 0), (float("nan"), 72), (1e9, 1e9), "many", (72,)])
def test_an_impossible_resolution_is_dropped(dpi):
    from animegan3_tf.common.exif import metadata_of

    image = Image.new("RGB", (1, 1))
    image.info["dpi"] = dpi
    assert metadata_of(image).dpi is None


def test_exif_that_a_jpeg_cannot_hold_is_dropped(tmp_path):
    large = Image.Exif()
    large[0x010E] = "x" * 66_000
    store(tmp_path / "a.png", exif=large.tobytes())
    assert "exif" not in Image.open(stylized(tmp_path, "a.png", ".jpg")).info


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(6, len(exif()) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_broken_exif_never_costs_the_result(tmp_path_factory, changes):
    block = bytearray(exif(1))
    for at, value in changes:
        block[at] = value
    photo = io.BytesIO()
    Image.fromarray(RGB).save(photo, "PNG", exif=bytes(block))
    decoded = decode_image(photo.getvalue(), "photo")
    folder = tmp_path_factory.mktemp("written")
    for suffix in (".jpg", ".png", ".webp", ".tif"):
        write_image(folder / f"a{suffix}", decoded.rgb, metadata=decoded.metadata)
        assert read_image(folder / f"a{suffix}").rgb.shape == decoded.rgb.shape
