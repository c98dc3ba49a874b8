"""The page as people use it: a whole study in a real browser, with keys and with touch, in both languages."""

import json
import socket
import threading

import pytest
from helpers.chromium import BROWSER, browser
from helpers.studies import write_method_pictures

from animegan3_tf.study.build import Key, build_study
from animegan3_tf.study.design import schedule
from animegan3_tf.study.score import score_files
from animegan3_tf.study.serve import make_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome on the PATH"),
]
METHODS = ("zeta", "omega", "iota")
PAIRWISE = {"questions": ("overall", "content"), "items": 6, "repeats": 2}
# what a person sees of the screen: whose codes stand where, and how far it is
SEEN = "[[...document.querySelectorAll('.choice')].map(e => e.dataset.code), document.querySelector('h1').textContent]"


@pytest.fixture
def build(tmp_path):
    def make(**options):
        folders = write_method_pictures(tmp_path, methods=METHODS, size=(64, 56))
        page = build_study(tmp_path / "photos", folders, tmp_path / "study.html", 3, **options).page
        return page, Key.read(page)

    return make


def begin(tab, press):
    press("#agree")
    press("#start")
    tab.until("document.querySelector('.choice')")


def at(done, total, language):
    text = f"{done} of {total}" if language == "en" else f"{done} / {total}"
    return f"document.getElementById('count')?.textContent === {json.dumps(text)}"


def fits(tab):
    """Nothing to scroll sideways, every picture drawn, and room for a finger on what is to be pressed."""
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0 && i.width > 100)")
    assert tab.evaluate("Math.min(...[...document.querySelectorAll('main button')].map(b => b.offsetHeight))") >= 40


@pytest.mark.parametrize(("language", "size", "phone"), [("en", (1200, 800), False), ("vi", (390, 844), True)])
def test_a_whole_study_is_filled_in_and_its_file_scores(build, tmp_path, language, size, phone):
    """The rater likes zeta, then omega, and finds all alike in content; half way the page is reloaded."""
    page, key = build(**PAIRWISE)
    given = []
    with browser(tmp_path, {"en": "en-US", "vi": "vi-VN"}[language]) as tab:
        press = tab.tap if phone else tab.click
        tab.screen(*size, phone)
        tab.open(page.as_uri())
        assert tab.evaluate("document.documentElement.lang") == language
        press("#start")  # without consent nothing starts
        assert tab.evaluate("document.querySelector('.choice') === null")
        begin(tab, press)
        steps = (6 + 2) * 2
        for step in range(steps):
            tab.until(at(step, steps, language))
            fits(tab)
            if step == 7:
                tab.reload()
                tab.until(at(step, steps, language))
            codes, question = tab.evaluate(SEEN)
            if step in (2, 3):  # the wrong one, and back
                press("#choice-1") if phone else tab.key("1")
                tab.until(at(step + 1, steps, language))
                press("#back") if phone else tab.key("Backspace")
                tab.until(at(step, steps, language))
                assert tab.evaluate(SEEN) == [codes, question]
                assert tab.evaluate("document.querySelector('#choice-1').ariaPressed") == "true"
            if step % 2:
                press("#tie") if phone else tab.key(("0", "ArrowDown")[step % 4 // 2])
            else:
                place = min((0, 1), key=lambda i: METHODS.index(key.pictures[codes[i]][1]))
                keys = (("1", "2"), ("ArrowLeft", "ArrowRight"))[step % 4 // 2]
                press(f"#choice-{place + 1}") if phone else tab.key(keys[place])
                given.append((tuple(codes), codes[place]))
            texts = json.loads(tab.evaluate("document.getElementById('texts').textContent"))
            assert question == texts[language]["question"]["pairwise"][("overall", "content")[step % 2]]
        tab.until("document.getElementById('save')")
        press("#save")
        tab.until("document.getElementById('message')?.textContent.includes('.json')")
        path = tab.download()
        assert tab.errors == []

    saved = json.loads(path.read_text())
    assert saved["language"] == language
    shown = schedule(key.study, saved["seed"], saved["block"])
    assert [codes for codes, _ in given] == [one.pictures for one in shown]
    assert [one["answers"] for one in saved["given"]] == [{"overall": c, "content": None} for _, c in given]
    scores = score_files(key, [path])
    overall, content = scores.questions["overall"], scores.questions["content"]
    assert scores.rejected == {}
    assert [overall.methods[i] for i in overall.order()] == list(METHODS)
    assert overall.wins.tolist() == [[0, 2, 2], [0, 0, 2], [0, 0, 0]]
    assert content.ties.sum() == 2 * 6
    assert overall.consistency.share == content.consistency.share == 1.0


def test_a_ranking_is_sent_to_the_server(build, tmp_path):
    """Block 1 by the server's turn; keys for one question and clicks for the other, with an undo of each."""
    page, key = build(kind="ranking", questions=("style",), items=2, repeats=0, post="answers")
    folder = tmp_path / "out"
    with make_server(page, folder, port=0) as server, browser(tmp_path) as tab:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            tab.screen(390, 844, phone=True)
            tab.open(f"http://127.0.0.1:{server.port}/?seed=4294967295")
            begin(tab, tab.tap)
            for step in range(2):
                tab.until(at(step, 2, "en"))
                fits(tab)
                codes, _ = tab.evaluate(SEEN)
                order = sorted(range(3), key=lambda i: METHODS.index(key.pictures[codes[i]][1]))
                for place in (order[2], order[0]):  # the worst first, by mistake: the last falls into its place
                    tab.tap(f"#choice-{place + 1}") if step else tab.key(str(place + 1))
                tab.until("!document.getElementById('next').disabled")
                for _ in range(2):
                    tab.tap("#back") if step else tab.key("Backspace")
                assert tab.evaluate("document.querySelector('.rank') === null")
                for place in order[:2]:
                    tab.tap(f"#choice-{place + 1}") if step else tab.key(str(place + 1))
                tab.tap("#next") if step else tab.key("Enter")
            tab.until("document.getElementById('send')")
            folder.rename(tmp_path / "gone")
            folder.write_text("in the way")
            tab.tap("#send")
            tab.until("document.getElementById('message').textContent.includes('could not be written')")
            folder.unlink()
            (tmp_path / "gone").rename(folder)
            tab.tap("#send")
            tab.until("document.getElementById('message').textContent.includes('have arrived')")
            tab.reload()
            assert tab.evaluate("document.getElementById('send') === null")  # it is done
        finally:
            server.stop()
            thread.join()
    scores = score_files(key, [tmp_path / "out"])
    assert list(scores.raters) == ["0-ffffffff"]
    assert scores.questions["style"].wins.tolist() == [[0, 2, 2], [0, 0, 2], [0, 0, 0]]


@pytest.mark.parametrize("allowed", [False, True])
def test_a_page_that_was_mailed_sends_where_it_is_allowed_to(build, tmp_path, allowed):
    """Opened as a file: its origin is null."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page, _ = build(items=1, repeats=0, post=f"http://127.0.0.1:{port}/answers")
    folder = tmp_path / "out"
    with make_server(page, folder, port=port, allow_origins=["null"] * allowed) as server, browser(tmp_path) as tab:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            tab.screen(1200, 800)
            tab.open(page.as_uri())
            begin(tab, tab.click)
            tab.key("1")
            tab.until("document.getElementById('send')")
            tab.click("#send")
            words = "have arrived" if allowed else "server does not answer"
            tab.until(f"document.getElementById('message').textContent.includes('{words}')")
            assert len(list(folder.iterdir())) == allowed
        finally:
            server.stop()
            thread.join()


def test_the_same_seed_shows_the_same_and_a_large_picture_opens_and_closes(build, tmp_path):
    page, key = build(**PAIRWISE)
    with browser(tmp_path) as tab:
        tab.screen(320, 640, phone=True)
        for seed, block in ((7, 0), (2**31 + 5, 2)):
            tab.open(f"{page.as_uri()}?seed={seed}&block={block}")
            begin(tab, tab.tap)
            for step, shown in enumerate(schedule(key.study, seed, block)):
                tab.until(at(2 * step, 16, "en"))
                assert tab.evaluate(SEEN)[0] == list(shown.pictures)
                tab.key("1")
                tab.key("2")
            tab.until("document.getElementById('save')")
            tab.evaluate("localStorage.clear()")
        tab.open(page.as_uri())
        begin(tab, tab.tap)
        fits(tab)
        tab.tap(".larger")
        tab.until("document.querySelector('dialog[open]')")
        tab.key("1")  # answers nothing while the picture is open
        assert tab.evaluate(at(0, 16, "en"))
        tab.tap("#close")
        tab.until("document.querySelector('dialog') === null")
        tab.tap("#language-vi")
        tab.until(at(0, 16, "vi"))
        assert tab.errors == []
