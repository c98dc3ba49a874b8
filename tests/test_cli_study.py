import functools
import json
import re
import signal
import subprocess
import sys
import urllib.request

import pytest
from helpers.studies import make_answers, write_method_pictures

from animegan3_tf.study.build import Key


@pytest.fixture
def call(call):
    """Runs `animegan3 study` in this process: (exit status, stdout, stderr)."""
    return functools.partial(call, "study")


@pytest.fixture
def pictures(tmp_path):
    """The options that name photos and methods."""
    methods = write_method_pictures(tmp_path)
    return "--photos", tmp_path / "photos", *(f"--method={name}={folder}" for name, folder in methods.items())


def test_build_and_score(call, pictures, tmp_path):
    page, report = tmp_path / "study.html", tmp_path / "report"
    status, out, errors = call(
        "build", *pictures, "-o", page, "--items", 3, "--repeats", 1, "--questions", "overall, style"
    )
    assert (status, errors) == (0, "")
    assert f"page: {page}, 0.0 MB; trials: 3, blocks: 1" in out
    assert "8 answers" in out
    key = Key.read(page)
    for seed in range(3):
        saved = make_answers(key, seed, 0, lambda _, codes: min(codes, key=lambda code: key.pictures[code][1]))
        (tmp_path / f"{seed}.json").write_text(json.dumps(saved))
    (tmp_path / "bad.json").write_text("{")
    files = sorted(tmp_path.glob("[0-9b]*.json"))
    status, out, errors = call("score", page, *files, "-o", report)
    assert status == 0
    assert errors == f"animegan3: '{tmp_path / 'bad.json'}' is not JSON of the page; left out\n"
    assert "omega" in out
    assert "raters: 3, files left out: 1" in out
    assert sorted(path.name for path in report.iterdir()) == ["report.csv", "report.html", "report.json", "report.tex"]
    status, _, errors = call("score", key_file := tmp_path / "study.key.json", tmp_path / "bad.json", "-o", report)
    assert (status, errors.count("\n")) == (1, 1)
    assert "no answers can be used" in errors
    assert call("score", key_file, files[0], "-o", report)[0] == 0


def test_serve_hands_out_the_page_until_it_is_interrupted(pictures, tmp_path):
    command = [sys.executable, "-m", "animegan3_tf", "study"]
    page, out = tmp_path / "study.html", tmp_path / "answers"
    subprocess.run([*command, "build", *map(str, pictures), "-o", page], capture_output=True, timeout=120, check=True)
    with subprocess.Popen(
        [*command, "serve", page, "--out", out, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a CI run that was started in the background has SIGINT ignored, and its children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as server:
        try:
            address = re.search(r"http://127\.0\.0\.1:[0-9]+/", server.stdout.readline()).group()
            with urllib.request.urlopen(address, timeout=60) as reply:
                assert reply.url == f"{address}?block=0"
                assert reply.read() == page.read_bytes()
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
        assert "build it with --post answers" in server.stderr.read()  # this page sends nothing


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--method", "no folder"), "--method 'no folder' is not NAME=DIR"),
        (("--method", "zeta=x"), "--method 'zeta' is given twice"),
        (("--method", "new=absent"), "'absent' is not a folder"),
        (("--kind", "best"), "--kind 'best'"),
    ],
)
def test_bad_arguments_are_one_line(call, pictures, tmp_path, options, why):
    status, _, errors = call("build", *pictures, *options, "-o", tmp_path / "study.html")
    assert (status, errors.count("\n")) == (1, 1)
    assert why in errors


def test_a_large_page_is_warned_of(call, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr("animegan3_tf.study.build.LARGE", 10_000)
    status, _, errors = call("build", *pictures, "-o", tmp_path / "study.html")
    assert status == 0
    assert "slow on phones" in errors


def test_no_tensorflow_is_loaded(pictures, tmp_path):
    """Nor scipy.stats, which takes as long."""
    code = (
        "import sys\nfrom animegan3_tf.cli import main\n"
        "try: main()\nexcept SystemExit as end: status = end.code\n"
        "print(status, [m for m in ('tensorflow', 'keras', 'scipy.stats') if m in sys.modules])"
    )
    page = tmp_path / "study.html"

    def run(*arguments):
        command = [sys.executable, "-c", code, "study", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    assert run("build", *pictures, "-o", page).endswith("0 []\n")
    key = Key.read(page)
    (tmp_path / "1.json").write_text(json.dumps(make_answers(key, 1, 0, lambda _, codes: codes[0])))
    assert run("score", page, tmp_path / "1.json", "-o", tmp_path / "report").endswith("0 []\n")
