"""The page of pairs as a person uses it in Chromium: images, doubtful ones first, crossing off, the saved review."""

import json

import pytest
from helpers.chromium import BROWSER, browser
from helpers.prepared_folders import picture

from animegan3_tf.common.images import write_image
from animegan3_tf.data.manifest import Manifest
from animegan3_tf.data.pairs import PAIRS, PairManifest, Rejection, cross_off, read_review
from animegan3_tf.reports.data import write_pair_page

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome on the PATH")


def write_page(folder):
    """Records four pairs; margins tell which is the most doubtful."""
    with Manifest(folder, PAIRS) as records:
        return write_pair_page(fill(PairManifest(records, {"size": 64}), folder))


def fill(found, folder):
    for number, margin in enumerate((0.9, 0.1, None, 0.5)):
        stem = f"pair {number} <b>".replace(" ", "_").replace("<b>", "b")
        for kind in ("photo", "anime"):
            write_image(folder / kind / f"{stem}.png", picture(number, 64))
        record = {"photo_sha256": str(number), "margin": margin, "landmarks": None}
        record |= {f"{kind}_bytes": (folder / kind / f"{stem}.png").stat().st_size for kind in ("photo", "anime")}
        found.enter(str(number), f"{number}.jpg", {stem: record}, [])
    found.enter("x", "<script>alert(1)</script>.jpg", {}, [Rejection(None, "no face: none was found")])
    return found


@pytest.mark.slow
def test_what_a_person_crosses_off_is_kept_over_a_reload_and_removed_by_its_review(tmp_path):
    page = write_page(tmp_path / "pairs")
    with browser(tmp_path) as tab:
        tab.screen(1000, 800)
        tab.open(page.as_uri())
        order = tab.evaluate("[...document.querySelectorAll('.pairs input')].map(box => box.value)")
        assert order == ["pair_1_b", "pair_3_b", "pair_0_b", "pair_2_b"]
        tab.until("[...document.images].every(image => image.naturalWidth === 64)")
        tab.click("input[value=pair_3_b]")
        tab.click("figure:nth-child(3) img")  # the image will do as well as the box
        tab.reload()
        assert tab.evaluate("document.getElementById('crossed').textContent") == "2 of 4 crossed off"
        tab.click("#save")
        review = tab.download()
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert tab.errors == []
    assert read_review(review) == ["pair_3_b", "pair_0_b"]
    assert cross_off(tmp_path / "pairs", review) == 2
    left = json.loads((tmp_path / "pairs" / "manifest.json").read_text())["pairs"]
    assert sorted(left) == ["pair_1_b", "pair_2_b"]


def test_names_and_reasons_are_text(tmp_path):
    html = write_page(tmp_path / "pairs").read_text()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.jpg" in html
