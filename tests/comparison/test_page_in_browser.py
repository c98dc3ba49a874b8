"""The page as people use it: the slider by keys, by mouse and by touch, the tables sorted, nothing fetched."""

import pytest
from helpers.chromium import BROWSER, browser
from helpers.comparisons import comparison

from animegan3_tf.reports.comparison import write_comparison

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome on the PATH"),
]
SHARE = "getComputedStyle(document.querySelector('.stage')).getPropertyValue('--at')"
CLIP = "getComputedStyle(document.querySelector('.stage .over')).clipPath"
LABELS = "[...document.querySelectorAll('.stage span')].map(e => e.textContent)"
SAME = "document.querySelector('.stage .{}').src === document.querySelectorAll('.all img')[{}].src"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    return write_comparison(comparison(folder), folder / "report", 2)


@pytest.fixture
def tab(page, tmp_path):
    """The page, open; at the end nothing may have gone wrong, and nothing may have been asked for but the page."""
    with browser(tmp_path) as tab:
        tab.screen(1200, 900)
        tab.open(page.as_uri())
        yield tab
        fetched = tab.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
        assert [name for name in fetched if not name.startswith("data:")] == []
        assert tab.errors == []


def column(tab, section, place):
    return tab.evaluate(
        f"[...document.querySelectorAll('#{section} tbody tr')].map(row => row.cells[{place}].textContent)"
    )


def sorting(tab, section):
    return tab.evaluate(f"[...document.querySelectorAll('#{section} thead th')].map(h => h.ariaSort)")


def test_the_slider_follows_keys_and_pointer(tab):
    assert tab.evaluate(SHARE) == "50%"
    assert tab.evaluate(CLIP) == "inset(0px 50% 0px 0px)"
    tab.evaluate("document.querySelector('.viewer input').focus()")
    for _ in range(3):
        tab.key("ArrowLeft")
    assert tab.evaluate(SHARE) == "47%"
    assert tab.evaluate("document.querySelector('.viewer input').ariaValueText") == "47 % left picture"
    assert tab.evaluate(CLIP) == "inset(0px 53% 0px 0px)"
    tab.click(".stage")
    assert tab.evaluate(SHARE) == "50%"
    x, y, width = tab.evaluate(
        "(() => { const b = document.querySelector('.stage').getBoundingClientRect(); "
        "return [b.left, b.top, b.width] })()"
    )
    for kind, place in (("mousePressed", 0.5), ("mouseMoved", 0.25), ("mouseReleased", 0.25), ("mouseMoved", 0.9)):
        tab.call("Input.dispatchMouseEvent", type=kind, x=x + place * width, y=y + 20, button="left", clickCount=1)
    assert tab.evaluate(SHARE) == "25%"  # released there


def test_any_two_of_photo_and_methods_are_compared(tab):
    assert tab.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert tab.evaluate(SAME.format("over", 0))  # the photo
    assert tab.evaluate(SAME.format("under", 1))  # the first method
    assert tab.evaluate(LABELS)[:2] == ["photo", "ours"]
    for side, down in (("left", 1), ("right", 1)):
        tab.evaluate(f"document.getElementById('{side}').focus()")
        for _ in range(down):
            tab.key("ArrowDown")
    assert tab.evaluate(LABELS) == ["ours", "theirs_2: no picture", "ours", "theirs_2"]
    assert tab.evaluate(SAME.format("over", 1))
    hidden = "[...document.querySelectorAll('.stage .under')].map(i => getComputedStyle(i).visibility)"
    assert tab.evaluate(hidden) == ["hidden", "visible"]


def test_tables_sort_by_click_and_by_key_with_what_is_missing_last(tab):
    parameters, kind = "#cost th:nth-child(3) button", "#cost th:nth-child(2) button"
    assert set(sorting(tab, "cost")) == {"none"}
    for order in ("ascending", "descending"):
        tab.click(parameters)
        assert sorting(tab, "cost")[2] == order
        assert column(tab, "cost", 0) == ["ours", "theirs_2"]  # theirs has no parameters to tell
    tab.click("#cost th:nth-child(9) button")
    assert sorting(tab, "cost")[2] == "none"
    tab.evaluate(f"document.querySelector('{kind}').focus()")
    tab.key("Enter")
    assert column(tab, "cost", 1) == ["run", "TFLite"]  # as words, whatever the case
    tab.key("Enter")
    assert column(tab, "cost", 1) == ["TFLite", "run"]
    tab.click("#cost th:nth-child(4) button")
    assert column(tab, "cost", 3) == ["1.23", "2.5"]
    tab.evaluate("document.querySelector('#cost th:nth-child(4) button').focus()")
    tab.key("Enter")
    assert column(tab, "cost", 3) == ["2.5", "1.23"]
    tab.click("#each-picture th:nth-child(3) button")
    assert column(tab, "each-picture", 2) == ["0.125", "0.25", "0.75"]


def test_on_a_phone_it_is_touched_and_nothing_scrolls_sideways(tab):
    tab.screen(360, 800, phone=True)
    tab.reload()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.tap(".viewer input")
    tab.tap(".photo:last-child .stage")
    tab.tap("#scores th:nth-child(2) button")
    assert sorting(tab, "scores")[1] == "ascending"
    assert column(tab, "scores", 1) == ["1", "2"]
    heights = "[...document.querySelectorAll('.viewer input, th button, select')].map(e => e.offsetHeight)"
    assert min(tab.evaluate(heights)) >= 40  # room for a finger


def test_an_error_would_be_seen_and_a_request_refused(page, tmp_path):
    html = page.read_text()
    probe = "<img src='http://127.0.0.1:9/x.png'></body>"
    (tmp_path / "page.html").write_text(html.replace("</body>", probe).replace('"use strict";', '"use strict"; ', 1))
    with browser(tmp_path) as tab:
        tab.open((tmp_path / "page.html").as_uri())
        errors = " ".join(map(str, tab.errors))
        assert "Content Security Policy" in errors
