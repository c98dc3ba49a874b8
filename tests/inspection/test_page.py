import base64
import io
import re

import pytest
from helpers.data_sets import data_set
from helpers.tiny_training import tiny_style
from PIL import Image

from animegan3_tf.common.errors import UserError
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import style_targets
from animegan3_tf.inspection.inspect import inspect
from animegan3_tf.reports.data import write_inspection_page
from animegan3_tf.reports.html import TILE

SECTIONS = ["warnings", "counts", "brightness", "colours", "rejected", "duplicates", "examples"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    folders, style = data_set(folder), tiny_style({"data.balance": "mean"})
    prepare(style_targets(style, *folders))
    write_inspection_page(inspect(style, *folders), folder / "deep" / "inspect.html")
    return (folder / "deep" / "inspect.html").read_text(encoding="utf-8")


def section(text, name):
    return re.search(rf'<section id="{name}">(.*?)</section>', text, re.DOTALL).group(1)


def pictures(text):
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(r"base64,([^\"]+)", text)]


def test_its_sections_and_the_links_to_them(text):
    assert re.findall(r'<section id="(\w+)"', text) == SECTIONS
    assert re.findall(r'<a href="#(\w+)"', text) == SECTIONS


def test_it_fetches_nothing_and_runs_no_script(text):
    assert not re.findall(r"<script|url\(|@import|https?:", text)
    assert all(link.startswith(("data:", "#")) for link in re.findall(r'(?:src|href)="([^"]*)"', text))


def test_targets_stand_beside_their_originals(text):
    """7 photos with two targets each, 4 anime pictures balanced and smoothed; tiles of one size, 4 pixels apart."""
    shown = pictures(section(text, "examples"))
    assert [picture.size for picture in shown] == [(3 * TILE + 2 * 4, TILE)] * 11


def test_what_it_tells(text):
    assert "broken.jpg' is not a whole" in section(text, "rejected").replace("&#39;", "'")
    assert "photos: 0.png, again.png" in section(text, "duplicates")
    assert "1.png = photo.png" in section(text, "duplicates")
    assert len(pictures(section(text, "duplicates"))) == 1
    assert section(text, "colours").count("<figure>") == 3
    assert "without colour" in section(text, "warnings")
    assert "caf\\udce9 &lt;i&gt;.png" in section(text, "examples")
    assert "<i>" not in text


def test_a_page_that_cannot_be_written_is_one_line(tmp_path):
    folders = data_set(tmp_path / "data")
    with pytest.raises(UserError, match=r"inspect.html' cannot be written .*; name another with --page"):
        write_inspection_page(inspect(tiny_style(), *folders), folders[0] / "0.png" / "inspect.html")
