"""The server as its clients meet it, over a socket."""

import http.client
import json
import socket
import threading
from contextlib import contextmanager

import pytest
from helpers.studies import make_answers, write_method_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import only_process
from animegan3_tf.study import answers as study_answers
from animegan3_tf.study import serve
from animegan3_tf.study.answers import MAX_BYTES
from animegan3_tf.study.build import Key, build_study


@pytest.fixture
def page(tmp_path):
    methods = write_method_pictures(tmp_path, methods=("zeta", "omega", "iota"))
    return build_study(
        tmp_path / "photos", methods, tmp_path / "study.html", 3, items=3, repeats=1, post="answers"
    ).page


@contextmanager
def served(page, out):
    """(request, folder): request(method, path, body, headers) -> (status, headers, body)."""
    with serve.make_server(page, out, port=0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def request(method, path, body=None, headers=None):
            connection = http.client.HTTPConnection(
                "127.0.0.1", server.server_port, timeout=120
            )  # the disk may be slow
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            found = reply.status, reply.headers, reply.read()
            connection.close()
            return found

        try:
            request.port = server.server_port
            yield request
        finally:
            server.shutdown()
            thread.join()


def answers(page, seed=1, block=0, place=0):
    key = Key.read(page)
    return json.dumps(make_answers(key, seed, block, lambda _, codes: codes[place])).encode()


def test_it_hands_out_the_page_block_after_block(page, tmp_path):
    """Three blocks of three of the nine trials; one that was answered waits until the others were."""
    with served(page, tmp_path / "out") as request:
        places = [request("GET", "/")[1]["Location"] for _ in range(4)]
        assert places == ["?block=0", "?block=1", "?block=2", "?block=0"]
        status, headers, body = request("GET", "/?block=2")
        assert (status, body) == (200, page.read_bytes())
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert request("POST", "/answers", answers(page, block=1))[0] == 201
        assert request("GET", "/?lang=vi")[1]["Location"] == "?lang=vi&block=2"
        assert [request("GET", "/")[1]["Location"] for _ in range(2)] == ["?block=0", "?block=2"]
        assert request("HEAD", "/?block=2")[2] == b""


def test_answers_are_kept_once_and_never_replaced(page, tmp_path):
    first, other = answers(page), answers(page, place=1)
    with served(page, tmp_path / "out") as request:
        assert request("POST", "/answers", first)[0] == 201
        assert request("POST", "/answers", first)[0] == 200  # the reply to the first may have been lost
        assert request("POST", "/answers", other)[0] == 409
        assert request("POST", "/answers", answers(page, seed=2))[0] == 201
    kept = sorted((tmp_path / "out").iterdir())
    assert [path.name.split("-", 2)[2] for path in kept] == ["0-00000001.json", "0-00000002.json"]
    assert kept[0].read_bytes() == first


def test_many_at_once_lose_nothing(page, tmp_path):
    with served(page, tmp_path / "out") as request:
        statuses = []
        threads = [
            threading.Thread(
                target=lambda s=seed: statuses.append(request("POST", "/answers", answers(page, s // 2))[0])
            )
            for seed in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(statuses) == [200] * 10 + [201] * 10
    assert len(list((tmp_path / "out").iterdir())) == 10


def test_what_the_page_would_not_send_is_refused(page, tmp_path):
    with served(page, tmp_path / "out") as request:
        assert request("POST", "/answers", b"{}")[::2] == (400, b"the request holds no answers\n")
        assert request("POST", "/answers", answers(page).replace(b'"seed": 1', b'"seed": 9'))[0] == 400
        assert request("POST", "/answers", b"x", {"Content-Length": str(MAX_BYTES + 1)})[0] == 413
        assert request("POST", "/answers", b"x", {"Content-Length": "9" * 5000})[0] == 413
        assert request("POST", "/answers", b"x", {"Content-Length": "-1"})[0] == 411
        assert request("POST", "/", answers(page))[0] == 404
        assert request("GET", "/study.key.json")[0] == 404
        assert request("GET", "/../study.key.json?block=1")[0] == 404
        assert request("GET", "/answers")[0] == 404
        assert request("DELETE", "/answers")[0] == 501
    assert list((tmp_path / "out").iterdir()) == []


def test_answers_that_break_off_are_not_kept(page, tmp_path):
    with served(page, tmp_path / "out") as request:
        body = answers(page)
        with socket.create_connection(("127.0.0.1", request.port), timeout=30) as half:
            half.sendall(b"POST /answers HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:-9])
            half.shutdown(socket.SHUT_WR)
            assert b" 400 " in half.recv(1000)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_page_from_elsewhere_may_post_and_nothing_else(page, tmp_path):
    with served(page, tmp_path / "out") as request:
        _, headers, _ = request("OPTIONS", "/answers", headers={"Origin": "null"})
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Access-Control-Allow-Methods"] == "POST"
        assert "Access-Control-Allow-Credentials" not in headers


def test_the_disk_does_not_fill_up(page, tmp_path, monkeypatch):
    monkeypatch.setattr(study_answers, "MOST_RATERS", 1)
    with served(page, tmp_path / "out") as request:
        assert request("POST", "/answers", answers(page))[0] == 201
        assert request("POST", "/answers", answers(page, seed=2))[0] == 507


def test_a_folder_that_cannot_be_written_is_told_to_the_rater(page, tmp_path):
    out = tmp_path / "out"
    with served(page, out) as request:
        out.rmdir()
        out.write_text("a file in its place")
        assert request("POST", "/answers", answers(page))[0] == 500
        assert request("GET", "/?block=0")[0] == 200


def test_addresses_and_folders_that_cannot_be_had(page, tmp_path):
    with served(page, tmp_path / "out") as request, pytest.raises(UserError, match="cannot be listened on"):
        serve.make_server(page, tmp_path / "out", port=request.port)
    with pytest.raises(UserError, match=r"--out .* cannot be made"):
        serve.make_server(page, page / "out", port=0)
    (tmp_path / "taken").mkdir()
    with only_process(tmp_path / "taken"), pytest.raises(UserError, match="used by another server"):
        serve.serve(page, tmp_path / "taken", "127.0.0.1", 0)
