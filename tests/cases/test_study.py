"""What went wrong with studies in other people's hands: ../shared/cases/study_*."""

import http.client
import json
import os
import re
import threading

import pytest
from helpers.golden import shared
from helpers.studies import make_answers, write_method_pictures

from animegan3_tf.study.build import Key, build_study
from animegan3_tf.study.serve import make_server


@pytest.fixture
def page(tmp_path):
    methods = write_method_pictures(tmp_path)
    return build_study(tmp_path / "photos", methods, tmp_path / "s.html", 3, items=3, repeats=1, post="answers").page


def answers(page, seed=1):
    return make_answers(Key.read(page), seed, 0, lambda _, codes: codes[0])


@pytest.mark.parametrize("identity", ["../escaped", "{tmp_path}/escaped"])
def test_study_id_path(page, tmp_path, identity):
    shared("cases", "study_id_path")
    before = {path for path in tmp_path.rglob("*") if "answers" not in path.parts}
    saved = {**answers(page), "study": identity.format(tmp_path=tmp_path)}
    with make_server(page, tmp_path / "answers", port=0) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            connection.request("POST", "/answers", json.dumps(saved), {"Content-Type": "application/json"})
            assert connection.getresponse().status == 400
        finally:
            server.stop()
            thread.join()
    assert {path for path in tmp_path.rglob("*") if path.name != "answers"} == before


@pytest.mark.parametrize("name", ["nested", "hk_itemsfloat", "hk_itemshuge", "hk_repeatshuge"])
def test_study_key_json(call, page, tmp_path, name):
    key = shared("cases", "study_key_json", f"{name}.key.json")
    (tmp_path / "answers").mkdir()
    status, out, errors = call("study", "score", key, tmp_path / "answers", "-o", tmp_path / "rep")
    assert (status, out, errors.count("\n")) == (1, "", 1)
    assert "is not the key of a study" in errors
    text = key.read_text()
    study = text if name == "nested" else json.dumps(json.loads(text)["study"])
    html = re.sub('(id="study">).*?(</script>)', lambda m: m.group(1) + study + m.group(2), page.read_text(), count=1)
    page.write_text(html)
    status, out, errors = call("study", "serve", page, "--out", tmp_path / "answers")
    assert (status, out, errors.count("\n")) == (1, "", 1)
    assert "is not the page of a study" in errors


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_study_fifo(call, page, tmp_path):
    shared("cases", "study_fifo")
    folder = tmp_path / "ans"
    folder.mkdir()
    (folder / "1.json").write_text(json.dumps(answers(page)))
    os.mkfifo(folder / "fifo.json")
    status, out, errors = call("study", "score", page, folder, "-o", tmp_path / "rep")
    assert status == 0
    assert "raters: 1, files left out: 1" in out
    assert errors == f"animegan3: '{folder / 'fifo.json'}' is not a regular file; left out\n"
