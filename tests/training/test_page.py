import base64
import io
import re
from html.parser import HTMLParser

import pytest
from helpers.run_folders import add_validation, run_folder
from PIL import Image

from animegan3_tf.common.errors import UserError
from animegan3_tf.reports.training import GRIDS, write_run_page
from animegan3_tf.training.run_files import MetricsFile


class Reader(HTMLParser):
    """The text of a page, and what it refers to; checks that every element is closed."""

    VOID = ("meta", "link", "img", "path", "rect", "circle", "polyline", "polygon")

    def __init__(self, page):
        super().__init__()
        self.words, self.links, self.tags, self._open = [], [], [], []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, text):
        self.words.append(text)


def page_of(folder):
    path = write_run_page(folder)
    assert path == folder / "report.html"
    return Reader(path.read_text(encoding="utf-8"))


def pictures(page):
    data = [link.removeprefix("data:image/jpeg;base64,") for link in page.links if link.startswith("data:image/jpeg")]
    return [Image.open(io.BytesIO(base64.b64decode(picture))) for picture in data]


def test_gradient_norms_are_drawn_apart_from_losses(tmp_path):
    folder = run_folder(tmp_path / "run", step=4)
    terms = {"content": 0.5, "generator_gradient": 119.0, "discriminator_main": 0.1, "discriminator_gradient": 3.0}
    MetricsFile(folder, 4).append({"step": 5, "phase": "adversarial", "terms": terms})
    figures = re.findall(r"<figure><figcaption>(.*?)</figcaption>(.*?)</figure>", write_run_page(folder).read_text())
    holding = {word: {title for title, body in figures if f"</svg>{word} <b>" in body} for word in terms}
    assert holding["generator_gradient"] == holding["discriminator_gradient"] == {"Gradients"}
    assert (holding["content"], holding["discriminator_main"]) == ({"Generator: support tail"}, {"Discriminators"})


def test_a_run_on_one_page(tmp_path):
    folder = run_folder(tmp_path / "my run", validation={"anime_likeness_main": 0.25})
    add_validation(folder, 2, 0.125)
    add_validation(folder, 4, 0.25)
    page = page_of(folder)
    for words in (
        "my run", "finished", "4 of 10", "0.250", "Anime likeness", "Content distance to the photo", "Generator: total",
        "Pre-training", "Generator: support tail", "Generator: main tail", "Discriminators", "pre-training",
        "adversarial", "Speed", "Memory", "style.loss.identity", "0.5", "step 4", "step 2",
        "the anime images themselves",
    ):  # fmt: skip
        assert words in page.words, words
    assert not any(words.startswith("Warnings") for words in page.words)
    assert [picture.size for picture in pictures(page)] == [(960, 19), (420, 8)]  # the newest first, and larger


def test_it_fetches_nothing_and_runs_no_script(tmp_path):
    folder = run_folder(tmp_path / "run")
    add_validation(folder, 4)
    page = page_of(folder)
    assert page.links
    assert all(link.startswith("data:") for link in page.links)
    assert "script" not in page.tags
    text = (folder / "report.html").read_text()
    assert not re.findall(r"url\(|@import|https?:", text)


def test_pictures_are_spread_over_the_run(tmp_path):
    folder = run_folder(tmp_path / "run")
    for step in range(10, 1000, 10):
        add_validation(folder, step)
    page = page_of(folder)
    shown = [int(words.removeprefix("step ")) for words in page.words if re.fullmatch(r"step \d+", words)]
    assert len(shown) == len(pictures(page)) == GRIDS
    assert (shown[0], shown[-1]) == (990, 10)
    assert {before - after for before, after in zip(shown, shown[1:])} == {80, 90}


def test_what_a_run_warned_of_and_how_it_failed(tmp_path):
    folder = run_folder(tmp_path / "run", "failed", message="step 4: <loss> became NaN")
    file = MetricsFile(folder, 4)
    for text in ("<img src=x> is broken", "another", "another"):
        file.append({"step": 4, "warning": text})
    page = page_of(folder)
    assert "step 4: <loss> became NaN" in page.words
    assert "<img src=x> is broken" in page.words
    assert "another (2 times)" in page.words
    assert "img" not in page.tags


def test_a_run_that_has_just_begun_or_holds_nonsense(tmp_path):
    folder = run_folder(tmp_path / "run", "starting", step=0)
    assert "Configuration" in page_of(folder).words
    (folder / "metrics.jsonl").write_text(
        '{"step": 1, "terms": 3, "validation": [], "time": 1e300, "memory": 1, "grid": 5}\n'
        '{"step": 2, "terms": {"loss": "x", "content": null}, "validation": {"anime_likeness_main": []}, "phase": 1}\n'
        '{"step": 3, "grid": "../../secret.png", "validation": {}}\n{"step": 4, "grid": "samples/a.png"}\n'
    )
    Image.new("RGB", (8, 8)).save(tmp_path.parent / "secret.png")
    (folder / "samples").mkdir()
    (folder / "samples" / "a.png").write_bytes(b"broken")
    (folder / "status.json").write_text("{")
    page = page_of(folder)
    assert not pictures(page)
    assert any("a.png' is not a whole" in words for words in page.words)
    assert any("status.json' cannot be read" in words for words in page.words)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(UserError, match="is not a run folder"):
        write_run_page(tmp_path)
    assert list(tmp_path.iterdir()) == []
